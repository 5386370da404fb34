"""Fills facts of failures into sentences, whatever the facts are; knows no sentence of its own."""

import re
from collections.abc import Callable, Mapping
from pathlib import PurePath

import msgspec

from app.errors import Fact

from .translate import tr

Facts = Mapping[str, Fact]

_LONGEST_FACT = 240


class Phrase(str):
    """A fact that is in words already, and is neither cut nor made visible once more."""

    __slots__ = ()


class Words(msgspec.Struct, frozen=True):
    """A heading, what happened, and what can be done about it."""

    title: str
    text: str
    way_out: str

    @property
    def sentences(self) -> str:
        """What happened and the way out, for where there is no heading."""
        return f"{self.text} {self.way_out}"


def visible(text: str) -> str:
    """``text`` with U+FFFD for characters that cannot be seen, so that it stays on its line."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def filled(row: Words, facts: Facts) -> Words:
    """The row in the language that is used, with its braces replaced.

    ``{name}`` is a fact; with ``|words`` they stand for it where it is missing, and ``{name+x}``
    puts x before it, or says nothing where it is missing.  ``{path@words}`` is the name of the
    file in quotes behind the words.
    """

    text, way_out = (filled_line(line, facts) for line in (row.text, row.way_out))
    return Words(tr(row.title), text[:1].upper() + text[1:], way_out)


def filled_line(line: str, facts: Facts) -> str:
    """One line of it."""

    def piece(found: re.Match[str]) -> str:
        name, mark, words = found.groups()
        return _MARKS[mark or "|"](shown(facts.get(name)), words or "")

    return _BRACES.sub(piece, tr(line))


def _named(fact: str, words: str) -> str:
    name = PurePath(fact.replace("\\", "/")).name
    return f'{words} "{name}"' if name else words


_BRACES = re.compile(r"\{(\w+)([|+@]?)([^}]*)\}")
_MARKS: dict[str, Callable[[str, str], str]] = {
    "|": lambda fact, words: fact or words,
    "+": lambda fact, words: words + fact if fact else "",
    "@": _named,
}


def shown(fact: Fact | None) -> str:
    """A fact on one line, shortened in its middle."""
    if isinstance(fact, Phrase):
        return fact
    text = visible(" ".join(str("" if fact is None else fact).split()))
    if len(text) > _LONGEST_FACT:
        text = f"{text[: _LONGEST_FACT // 2]} … {text[-_LONGEST_FACT // 2 :]}"
    return text


def number(facts: Facts, name: str) -> float | None:
    """The fact, where it is a number."""
    value = facts.get(name)
    return value if isinstance(value, int | float) else None
