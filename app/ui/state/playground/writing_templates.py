"""What a text can begin as: templates with fields, and settings that suit a task."""

import re
from dataclasses import dataclass

import msgspec

from app.messages.translate import tr
from app.runtime.protocol.grammars import Grammar
from app.runtime.protocol.prompts import Sampling
from app.store.documents.document_records import WritingSettings

_VARIABLE = re.compile(r"\{\{\s*([^{}\n]{1,40}?)\s*\}\}")


@dataclass(frozen=True)
class Preset:
    """Settings by a name; ``sampling`` None is what the model recommends."""

    key: str
    title: str
    sampling: Sampling | None
    limit: int
    stops: tuple[str, ...] = ()
    grammar: Grammar | None = None

    def onto(self, settings: WritingSettings) -> WritingSettings:
        """The settings with these; bans and biases stay."""
        return msgspec.structs.replace(
            settings,
            sampling=self.sampling,
            limit=self.limit,
            stops=self.stops,
            grammar=self.grammar,
        )


@dataclass(frozen=True)
class Template:
    """``text`` holds variables such as {{text}}; ``examples`` are words for their fields."""

    key: str
    title: str
    words: str
    text: str
    preset: str
    examples: tuple[tuple[str, str], ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of its fields, in order."""
        return variables_in(self.text)


def presets() -> tuple[Preset, ...]:
    """Those that come with the program; the first is what suits the model that is open."""
    exact = Sampling(temperature=0.0)
    plain = Sampling(temperature=1.0, top_p=0.5, presence=0.3, frequency=0.3)
    free = Sampling(temperature=1.2, top_p=0.7, presence=0.4, frequency=0.4, decay=0.996)
    code = Sampling(temperature=0.3, top_p=0.3)
    music = Sampling(temperature=1.0, top_p=0.8, top_k=8)
    return (
        Preset("recommended", tr("Recommended"), None, 256),
        Preset("exact", tr("Exact: likeliest token"), exact, 256),
        Preset("completion", tr("Completion"), plain, 256),
        Preset(
            "instruction",
            tr("Instruction"),
            Sampling(temperature=1.0, top_p=0.3),
            512,
            ("\n\nUser:", "\n\nInstruction:"),
        ),
        Preset("translation", tr("Translation"), exact, 512, ("\n\n",)),
        Preset("story", tr("Story"), free, 512),
        Preset("code", tr("Code"), code, 512),
        Preset("summary", tr("Summary"), Sampling(temperature=0.7, top_p=0.3), 256, ("\n\n",)),
        Preset("json", tr("JSON"), exact, 512, grammar=Grammar(kind="json")),
        Preset("abc", tr("ABC music"), music, 1024),
    )


def templates() -> tuple[Template, ...]:
    """Those that come with the program.

    Their words are given to a model, and so stand in the languages that models are taught with.
    """
    return (
        Template(
            "completion",
            tr("Completion"),
            tr("A text that goes on"),
            "{{text}}",
            "completion",
            (("text", "The oldest library of the town stood beside the river, and"),),
        ),
        Template(
            "instruction",
            tr("Instruction"),
            tr("Say what is to be done, and with what"),
            "Instruction: {{instruction}}\n\nInput: {{text}}\n\nResponse:",
            "instruction",
            (
                ("instruction", "List the animals in the text."),
                ("text", "A rook sat on the fence and watched two hares."),
            ),
        ),
        Template(
            "translation",
            tr("Translation"),
            tr("From one language into another"),
            "{{from}}: {{text}}\n\n{{to}}:",
            "translation",
            (("from", "English"), ("text", "The rook brought a key."), ("to", "Chinese")),
        ),
        Template(
            "story",
            tr("Story"),
            tr("A title and a beginning"),
            "# {{title}}\n\n{{text}}",
            "story",
            (
                ("title", "The rook who collected words"),
                ("text", "Once upon a time there was a rook who collected words. Each evening it"),
            ),
        ),
        Template(
            "code",
            tr("Code"),
            tr("A function from what it does"),
            "```{{language}}\n# {{text}}\n",
            "code",
            (("language", "python"), ("text", "the prime numbers below n")),
        ),
        Template(
            "summary",
            tr("Summary"),
            tr("The gist of a text"),
            "{{text}}\n\nIn one sentence:",
            "summary",
            (
                (
                    "text",
                    "RWKV reads a text word by word and keeps what it has read in a state of"
                    " fixed size. So it needs no more memory for a long text than for a short one.",
                ),
            ),
        ),
        Template(
            "json",
            tr("JSON"),
            tr("Facts of a text as a JSON object"),
            "Text: {{text}}\n\nThe facts as JSON with the keys {{keys}}:\n",
            "json",
            (("text", "Ada, 36, lives in London."), ("keys", "name, age, city")),
        ),
        Template(
            "abc",
            tr("ABC music"),
            tr("A tune in ABC notation, for a music model"),
            "X:1\nT:{{title}}\nM:{{metre}}\nL:1/8\nK:{{key}}\n",
            "abc",
            (("title", "The Rook"), ("metre", "6/8"), ("key", "D")),
        ),
    )


def preset_of(key: str) -> Preset:
    """The preset of that name; the first where there is none."""
    return next((one for one in presets() if one.key == key), presets()[0])


def fitting_preset(settings: WritingSettings) -> Preset | None:
    """The one whose settings these are."""
    return next((one for one in presets() if one.onto(settings) == settings), None)


def variables_in(text: str) -> tuple[str, ...]:
    """The names in {{…}}, each once, in order."""
    return tuple(dict.fromkeys(_VARIABLE.findall(text)))


def filled(text: str, fields: dict[str, str]) -> str:
    """The text with what stands in the fields; a variable without a field stays as it is."""
    return _VARIABLE.sub(lambda found: fields.get(found[1], found[0]), text)
