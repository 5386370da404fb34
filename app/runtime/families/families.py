"""Turns to the text a model was trained on: families, templates, stops, recommended sampling.

It knows no tokens.  A family is found from the model's name and tokenizer; a template is a row
of TEMPLATES.  The formats are those of BlinkDL's demos and of the G1 model cards.
"""

import re
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from app.errors import RequestRefused, TextRefused
from app.runtime.protocol.messages import Sampling, Turn

from .thinking import StopScan, split_thinking, trimmed, without_thought

__all__ = [
    "TEMPLATES",
    "Family",
    "StopScan",
    "Template",
    "Think",
    "family_of",
    "lead",
    "render",
    "split_thinking",
    "stops_of",
]

Think = Literal["off", "on", "fake"]

_USER_STOPS = ("\n\nUser:", "\n\nSystem:", "\n\nAssistant:")
_NEW_TURN = re.compile(r"\n{2,}(?=(?:User|System|Assistant):)")
_LONE_SPACE = re.compile(r"\A (?! )")
_FLOWER = "✿"
_G1 = re.compile(r"(?<![a-z0-9])g1([a-z]?)\d*(?![a-z0-9])")


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """What suits one kind of model: its templates, the usual one first, and its sampling."""

    name: str
    templates: tuple[str, ...]
    sampling: Sampling
    thinks: bool = False
    thinking: Sampling | None = None
    faking: Sampling | None = None

    def recommended(self, think: Think = "off") -> Sampling:
        """The sampling its makers recommend for a think mode."""
        chosen = {"on": self.thinking, "fake": self.faking}.get(think)
        return chosen or self.sampling


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """One way to write turns: what stands around them and what ends a reply.

    ``user`` and ``reply`` open a turn of each, ``system`` the system text (where there is one,
    ``user_below_system`` may open users' turns instead, and ``intro`` falls away).  ``between``
    closes every turn and ``join`` stands between a reply's opening and its text.  ``reply`` ""
    means that the user's text itself is continued.  ``open_thought`` and ``fake_thought`` follow
    the last opening in the think modes.  ``marker`` may stand in no turn's text, and replies
    with ``paragraphs`` keep their blank lines.
    """

    user: str
    reply: str
    system: str = ""
    user_below_system: str = ""
    intro: str = ""
    between: str = "\n\n"
    join: str = " "
    stops: tuple[str, ...] = ()
    open_thought: str = ""
    fake_thought: str = ""
    marker: str = ""
    paragraphs: bool = False


TEMPLATES: dict[str, Template] = {
    "world": Template(user="User: ", reply="Assistant:", system="System: ", stops=_USER_STOPS),
    "g1": Template(
        user="User: ",
        reply="Assistant:",
        system="System: ",
        stops=(*_USER_STOPS, "\nUser:"),
        open_thought="<think",
        fake_thought="<think>\n</think",
        paragraphs=True,
    ),
    "bot": Template(
        user="User✿",
        reply="Bot✿",
        system="System✿",
        between="✿\n",
        join="",
        stops=(_FLOWER,),
        open_thought="<think",
        fake_thought="<think></think",
        marker=_FLOWER,
        paragraphs=True,
    ),
    "instruction": Template(
        user="Instruction: ",
        reply="Response:",
        system="Instruction: ",
        user_below_system="Input: ",
        stops=("\n\nInstruction:", "\n\nInput:", "\n\nResponse:"),
    ),
    "qa": Template(
        user="Question: ", reply="Answer:", stops=("\n\nQuestion:", "\n\nQ:", "\n\nAnswer:")
    ),
    "raven": Template(
        user="Bob: ",
        reply="Alice:",
        intro="The following is a conversation between Bob, who asks, and Alice, who knows a lot "
        "and answers truthfully and in detail.",
        stops=("\n\n",),
    ),
    "alpaca": Template(
        user="# Instruction:\n",
        reply="# Response:\n",
        join="",
        intro="Below is an instruction that describes a task. Write a response that "
        "appropriately completes the request.",
        stops=("\n\n# Instruction", "# Instruction:"),
    ),
    "text": Template(user="", reply="", between="\n", join="", paragraphs=True),
    "abc": Template(user="\x02", reply="", between="\n", join="", paragraphs=True),
    "midi": Template(user="<pad> ", reply="", between=" ", join="", paragraphs=True),
}

_CHAT = Sampling(temperature=1.2, top_p=0.5, presence=0.4, frequency=0.4)
_G1_CHAT = Sampling(temperature=1.0, top_p=0.3, presence=0.5, frequency=0.5)
_G1_THINK = Sampling(
    temperature=0.96, top_p=0.76, top_k=32, presence=1.0, frequency=0.1, decay=0.988
)
_G1_FAKE = Sampling(temperature=1.0, top_p=0.28, top_k=32)
_NOVEL = Sampling(temperature=1.2, top_p=0.5, presence=0.4, frequency=0.2)
_PLAIN = Sampling(temperature=1.0, top_p=0.85, presence=0.2, frequency=0.2)
_GUIDE = Sampling(temperature=1.0, top_p=0.2)
_ABC = Sampling(temperature=1.0, top_p=0.8, top_k=8)
_MIDI = Sampling(temperature=1.0, top_p=0.8, top_k=8, frequency=0.5, decay=0.997)

_WORLD_TEMPLATES = ("world", "instruction", "qa", "text")


def family_of(name: str, tokenizer: str) -> Family:
    """The family of the model in a file of this name (any spelling) with this tokenizer.

    ``tokenizer`` is a word of ``spec.tokenizer_for``; a model that has none gets no template.
    """
    return _FAMILIES.get(tokenizer, _unknown)(name.lower())


def _unknown(name: str) -> Family:
    return Family(name="unknown", templates=(), sampling=Sampling())


def _world(name: str) -> Family:
    found = _G1.search(name)
    if found:
        bot = ("bot",) if found.group(1) >= "h" else ()
        return Family(
            name="g1",
            templates=("g1", *bot, *_WORLD_TEMPLATES[1:]),
            sampling=_G1_CHAT,
            thinks=True,
            thinking=_G1_THINK,
            faking=_G1_FAKE,
        )
    if "novel" in name:
        return Family(name="novel", templates=("text", "world"), sampling=_NOVEL)
    return Family(name="world", templates=_WORLD_TEMPLATES, sampling=_CHAT)


def _neox(name: str) -> Family:
    if "raven" in name:
        return Family(name="raven", templates=("raven", "alpaca", "text"), sampling=_CHAT)
    if "novel" in name:
        return Family(name="novel", templates=("text",), sampling=_NOVEL)
    return Family(name="pile", templates=("text", "raven", "qa"), sampling=_PLAIN)


def _guide(name: str) -> Family:
    return Family(name="bytes", templates=("world", "text"), sampling=_GUIDE)


def _abc(name: str) -> Family:
    return Family(name="abc", templates=("abc",), sampling=_ABC)


def _midi(name: str) -> Family:
    return Family(name="midi", templates=("midi",), sampling=_MIDI)


_FAMILIES: dict[str, Callable[[str], Family]] = {
    "world": _world,
    "neox20b": _neox,
    "bytes": _guide,
    "abc": _abc,
    "midi": _midi,
    "midi-piano": _midi,
}


def render(turns: Sequence[Turn], template: str, think: Think = "off") -> str:
    """The prompt that makes a model of this template write the next reply.

    Where the last turn is the assistant's, that reply is left open to be continued: the prompt
    ends with its text as it stands, so that it is the prompt it was begun from and its own words.
    A think mode that the template does not know is "off".  Raises RequestRefused (facts: why) for
    an unknown template and where nobody has said anything.
    """
    form = _form(template)
    system = "\n".join(_clean(turn.text, form) for turn in turns if turn.role == "system")
    spoken = [turn for turn in turns if turn.role != "system"]
    if not spoken:
        raise RequestRefused(why="no-turns")
    text = _introduction(system, form)
    if not form.reply:
        return _one_text(text, spoken, form)
    if system and form.user_below_system:
        form = msgspec.structs.replace(form, user=form.user_below_system)
    begun = spoken.pop().text if spoken[-1].role == "assistant" else None
    text += "".join(_written(turn, form) for turn in spoken) + form.reply
    opening = lead(template, think)
    if begun is None:
        return text + (form.join + opening if opening else "")
    return text + (form.join if _lacks_join(begun, form, opening) else "") + begun


def lead(template: str, think: Think = "off") -> str:
    """The part of a rendered prompt that belongs to the reply: it is shown before the new text.

    It is not in a prompt whose last turn is the assistant's.
    """
    form = _form(template)
    return {"on": form.open_thought, "fake": form.fake_thought}.get(think, "")


def stops_of(template: str) -> tuple[str, ...]:
    """The texts that end a reply of this template, besides its end tokens."""
    return _form(template).stops


def _form(template: str) -> Template:
    if not template:  # of a model without text: see the family "unknown"
        raise TextRefused
    form = TEMPLATES.get(template)
    if form is None:
        raise RequestRefused(why="unknown-template", template=template[:40])
    return form


def _introduction(system: str, form: Template) -> str:
    opening = form.system + system if system else form.intro
    return opening + form.between if opening else ""


def _one_text(text: str, spoken: Sequence[Turn], form: Template) -> str:
    """A text that just goes on: replies follow as they stand what they were the continuation of."""
    for turn in spoken:
        if turn.role == "assistant":
            text += turn.text
            continue
        if text and not text.endswith(form.between):
            text += form.between
        words = _plain(turn.text, form)
        begun = form.user and words.lstrip().startswith(form.user.strip())
        text += (words if begun else form.user + words).rstrip(" ")
    return text


def _lacks_join(begun: str, form: Template, opening: str) -> bool:
    """Whether the space before an open reply is not in its text, where it mostly comes from.

    The template wrote it where it began the reply itself, with a thought.  In a think mode a
    reply that begins with neither a thought nor white space is not from this prompt: it gets the
    usual space.
    """
    if form.open_thought and begun.startswith(form.open_thought):
        return True
    return bool(opening) and begun[:1].strip() != ""


def _written(turn: Turn, form: Template) -> str:
    """A turn that has ended; "" for a reply of which nothing is left, as where all was thought."""
    if turn.role == "user":
        return (form.user + _clean(turn.text, form)).rstrip(" ") + form.between
    text = _reply(turn.text, form)
    return form.reply + form.join + text + form.between if text else ""


def _clean(text: str, form: Template) -> str:
    """A user's text as the official demos clean it: it cannot look like the end of its turn.

    They strip the first line's indentation, too; here it stays, since in code it has a meaning.
    Where there are no turns all stays.
    """
    text = _plain(text, form)
    return trimmed(re.sub(r"\n{2,}", "\n", text)) if form.reply else text.rstrip(" ")


def _reply(text: str, form: Template) -> str:
    """An earlier reply: without its thought, and without what the template writes before it."""
    if form.open_thought:
        text = without_thought(text)
    text = _plain(text, form).removeprefix(form.join)
    if form.paragraphs:
        text = trimmed(_NEW_TURN.sub("\n", text))
    else:
        text = trimmed(re.sub(r"\n{2,}", "\n", text))
    return text if form.join else _LONE_SPACE.sub("", text)


def _plain(text: str, form: Template) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace(form.marker, "") if form.marker else text
