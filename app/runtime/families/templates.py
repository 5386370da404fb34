"""How turns become the text a model was trained on: templates, stops; knows no tokens."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from app.errors import RequestRefused, TextRefused
from app.runtime.families.thinking import trimmed, without_thought
from app.runtime.protocol.chat_template import Template
from app.runtime.protocol.prompts import Turn

Think = Literal["off", "on", "fake"]

_USER_STOPS = ("\n\nUser:", "\n\nSystem:", "\n\nAssistant:")

_NEW_TURN = re.compile(r"\n{2,}(?=(?:User|System|Assistant):)")

_FLOWER = "✿"
_LONE_SPACE = re.compile(r"\A (?! )")


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


class Part(NamedTuple):
    """A part of a prompt; ``reply`` is the turn whose text it is, as it stands, if it is one's."""

    text: str
    reply: Turn | None = None


def render(turns: Sequence[Turn], template: str | Template, think: Think = "off") -> list[Part]:
    """The prompt that makes a model of this template write the next reply, in parts.

    ``template`` is one by its name, or one of a person's own.

    Where the last turn is the assistant's, that reply is left open to be continued: the prompt
    ends with its text as it stands, so that it is the prompt it was begun from and its own words.
    That is a part of its own, and so is an earlier reply whose tokens are known: it is not
    cleaned, for it must be what the model has written, unless it holds a thought or another turn.
    A think mode that the template does not know is "off".  Raises RequestRefused (facts: why) for
    an unknown template and where nobody has said anything.
    """
    form = _form(template)
    system = "\n".join(_clean(turn.text, form) for turn in turns if turn.role == "system")
    spoken = [turn for turn in turns if turn.role != "system"]
    if not spoken:
        raise RequestRefused(why="no-turns")
    parts = [Part(_introduction(system, form))]
    if not form.reply:
        return parts + _one_text(parts[0].text, spoken, form)
    if system and form.user_below_system:
        form = msgspec.structs.replace(form, user=form.user_below_system)
    begun = spoken.pop() if spoken[-1].role == "assistant" else None
    for turn in spoken:
        parts += _written(turn, form)
    parts.append(Part(form.reply))
    opening = lead(template, think)
    if begun is None:
        return [*parts, Part(form.join + opening if opening else "")]
    return [*parts, Part(form.join if _lacks_join(begun, form, opening) else ""), _own(begun)]


def lead(template: str | Template, think: Think = "off") -> str:
    """The part of a rendered prompt that belongs to the reply: it is shown before the new text.

    It is not in a prompt whose last turn is the assistant's.
    """
    form = _form(template)
    return {"on": form.open_thought, "fake": form.fake_thought}.get(think, "")


def join_of(template: str | Template) -> str:
    """What a reply of this template usually begins with: a space, or nothing."""
    form = _form(template)
    return form.join if form.reply else ""


def thinks(template: str | Template) -> bool:
    """Whether a reply of this template can begin with a thought; an unknown one has none."""
    form = TEMPLATES.get(template) if isinstance(template, str) else template
    return form is not None and bool(form.open_thought)


def thought_end(template: str | Template) -> str:
    """What closes a thought that is being written, as the makers close one that is skipped.

    The ">" is left to the model, whose tokens join it to what follows.
    """
    form = _form(template)
    return form.fake_thought.removeprefix(form.open_thought).removeprefix(">")


def stops_of(template: str | Template) -> tuple[str, ...]:
    """The texts that end a reply of this template, besides its end tokens."""
    return _form(template).stops


def _form(template: str | Template) -> Template:
    if isinstance(template, Template):
        return template
    if not template:  # of a model without text: see the family "unknown"
        raise TextRefused
    form = TEMPLATES.get(template)
    if form is None:
        raise RequestRefused(why="unknown-template", template=template[:40])
    return form


def _introduction(system: str, form: Template) -> str:
    opening = form.system + system if system else form.intro
    return opening + form.between if opening else ""


def _own(turn: Turn) -> Part:
    return Part(turn.text, turn)


def _one_text(text: str, spoken: Sequence[Turn], form: Template) -> list[Part]:
    """A text that just goes on: replies follow as they stand what they were the continuation of.

    ``text`` is what comes before.
    """
    parts = []
    for turn in spoken:
        if turn.role == "assistant":
            parts.append(_own(turn))
        else:
            words = _plain(turn.text, form)
            begun = form.user and words.lstrip().startswith(form.user.strip())
            parted = "" if not text or text.endswith(form.between) else form.between
            parts.append(Part(parted + (words if begun else form.user + words).rstrip(" ")))
        text = parts[-1].text or text
    return parts


def _lacks_join(begun: Turn, form: Template, opening: str) -> bool:
    """Whether the space before an open reply is not in its text, where it mostly comes from.

    The template wrote it where it began the reply itself, with a thought.  In a think mode a
    reply that begins with neither a thought nor white space is not from this prompt: it gets the
    usual space.  One whose first tokens are known had none.
    """
    if _from_beginning(begun):
        return False
    if form.open_thought and begun.text.startswith(form.open_thought):
        return True
    return bool(opening) and begun.text[:1].strip() != ""


def _from_beginning(reply: Turn) -> bool:
    """Whether all of its text was written by the model, as tokens that are known."""
    return reply.tokens is not None and reply.tokens.start == 0


def _written(turn: Turn, form: Template) -> list[Part]:
    """A turn that has ended; nothing for a reply of which all was thought."""
    if turn.role == "user":
        return [Part((form.user + _clean(turn.text, form)).rstrip(" ") + form.between)]
    if _from_beginning(turn) and _may_stand(turn.text, form):
        return [Part(form.reply), _own(turn), Part(_rest_of(form.between, turn.text))]
    text = _reply(turn.text, form)
    return [Part(form.reply + form.join + text + form.between)] if text else []


def _may_stand(text: str, form: Template) -> bool:
    """Whether a reply can be in a prompt as it was written: with no thought and no other turn."""
    if form.open_thought and without_thought(text) != text:
        return False
    marks = (*form.stops, form.marker) if form.marker else form.stops
    strange = any(mark in text for mark in marks) or _NEW_TURN.search(text)
    return bool(text.strip()) and not strange


def _rest_of(between: str, text: str) -> str:
    """What closes a turn, less the ends of line that ``text`` ends with already."""
    ends = len(text) - len(text.rstrip("\n"))
    return between[min(ends, len(between) - len(between.lstrip("\n"))) :]


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
