"""The process that colours code: some code keeps a lexer busy for minutes, and it can be ended.

Its pipes carry MessagePack: a request is a language and a source, a reply the lines of that source,
each as lengths and colour roles in turn.  An empty frame says that it is ready.
"""

import re
import sys
from collections.abc import Iterable

import msgspec

from app.system.frames import GarbledError, read_frame, write_frame

from .highlight import runs

HIGHLIGHTER_ARGUMENT = "--highlighter"
"""The hidden first argument with which the program colours code (see app.__main__)."""

Line = list[tuple[int, str]]
_BREAK = re.compile("[\n\u2029\ufdd0\ufdd1]")  # where Qt's documents begin a paragraph
_requests = msgspec.msgpack.Decoder(tuple[str, str])


def highlighter_command() -> list[str]:
    """How to start the process that colours, frozen or not."""
    if getattr(sys, "frozen", False):
        return [sys.executable, HIGHLIGHTER_ARGUMENT]
    return [sys.executable, "-m", "app", HIGHLIGHTER_ARGUMENT]


def main() -> int:
    """Colour what comes, one after the other, until nobody asks any more."""
    import pygments.lexers  # noqa: F401 (what takes a while is done before it says it is ready)

    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    write_frame(stdout, b"")
    try:
        while (frame := read_frame(stdin)) is not None:
            language, source = _requests.decode(frame)
            write_frame(stdout, msgspec.msgpack.encode(lines_of(source, language)))
    except (GarbledError, OSError):
        return 1
    return 0


def lines_of(source: str, language: str) -> list[Line]:
    """The runs of each line, counted as Qt counts; none where the lexer changed the text."""
    found = list(runs(source, language))
    if sum(len(text) for text, _ in found) != len(source):
        return []
    return _cut(found)


def _cut(found: Iterable[tuple[str, str]]) -> list[Line]:
    lines: list[Line] = [[]]
    for text, role in found:
        first, *others = _BREAK.split(text)
        lines[-1].append((_units(first), role))
        lines += [[(_units(part), role)] for part in others]
    return lines


def _units(text: str) -> int:
    """Its length in UTF-16."""
    return len(text) + sum(letter > "\uffff" for letter in text)
