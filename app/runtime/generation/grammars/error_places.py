"""Where in a grammar or an expression its compiler's words point to; compiles nothing."""

import re
from typing import NamedTuple

from app.runtime.protocol.grammars import Grammar

_PLACE = re.compile(r"(?:at )?(\d{1,7})\((\d{1,7})\): ")
_NAME = re.compile(r'unknown name: "([^"]+)"')
_CARETS = re.compile(r"regex parse error:\n    (.*)\n    ( *)(\^+)\n")
_ESCAPED = {"/": r"\/", "\n": r"\n"}


class ErrorPlace(NamedTuple):
    """Characters ``at`` to ``until`` of the grammar's text."""

    at: int
    until: int


def place_in(grammar: Grammar, said: str) -> ErrorPlace | None:
    """What llguidance's message points at; None where it points at nothing."""
    text = grammar.text
    carets = _CARETS.search(said)
    if grammar.kind == "regex":
        return _of_expression(text, carets) if carets else None
    place = _PLACE.match(said)
    if place is None:
        return None
    at = _offset(text, int(place[1]), int(place[2]))
    if carets is not None and (inner := text.find(carets[1], at)) >= 0:
        at = inner + len(carets[2])
        return ErrorPlace(at, min(len(text), at + len(carets[3])))
    name = _NAME.search(said)
    if name is not None and (found := re.search(rf"\b{re.escape(name[1])}\b", text[at:])):
        return ErrorPlace(at + found.start(), at + found.end())
    return ErrorPlace(at, min(len(text), at + 1))


def _of_expression(text: str, carets: re.Match[str]) -> ErrorPlace | None:
    """Carets stand below the expression as it was escaped."""
    first, last = len(carets[2]), len(carets[2]) + len(carets[3])
    ends, done = [0], 0
    for letter in text:
        done += len(_ESCAPED.get(letter, letter))
        ends.append(done)
    if done != len(carets[1]):
        return None  # escaped in some other way
    at = sum(end <= first for end in ends) - 1
    until = sum(end < last for end in ends)
    return ErrorPlace(min(at, max(0, len(text) - 1)), min(max(until, at + 1), len(text)))


def _offset(text: str, line: int, column: int) -> int:
    """Of a place that counts from 1, and in bytes along a line."""
    lines = text.split("\n")
    before = sum(len(one) + 1 for one in lines[: line - 1])
    here = lines[line - 1].encode() if line <= len(lines) else b""
    inside = len(here[: column - 1].decode("utf-8", "ignore"))
    return min(before + inside, max(0, len(text) - 1))
