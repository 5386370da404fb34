"""Takes a growing reply apart into thought, answer and calls of tools, piece by piece."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from app.runtime.families.thinking import without_blank_lines

from .tool_calls import BARE_MARKS, MARKS, ToolCall, calls_in

_OPEN, _CLOSE = "<think>", "</think>"


class ReplyPart(NamedTuple):
    """Some more of the thought or of the answer."""

    kind: Literal["thought", "answer"]
    text: str


class ReplyParts:
    """``feed`` what the model writes, ``end`` when it has; nothing is told that may be a mark.

    ``begun`` is what the template has begun the reply with.  ``tools`` are the names that calls may
    have, none where no call is looked for.  A reply that ``goes_on`` with what the client has sent
    has no thought and keeps its white space.
    """

    def __init__(
        self, begun: str = "", tools: frozenset[str] = frozenset(), *, goes_on: bool = False
    ) -> None:
        self._held, self._tools = begun, tools
        self._where: Literal["begin", "thought", "answer", "call"] = "begin"
        self._told_thought = self._told_answer = False
        if goes_on:
            self._where, self._told_answer = "answer", True

    def feed(self, text: str) -> list[ReplyPart]:
        """What is sure with ``text`` behind all before it."""
        self._held += text
        return list(self._sure())

    def end(self) -> tuple[list[ReplyPart], list[ToolCall]]:
        """What is left, and the calls at the end of the answer."""
        held, self._held = self._held, ""
        calls = calls_in(held, self._tools) if self._where == "call" else []
        if calls or not held:
            return [], calls
        if self._where == "thought":
            return list(self._thought(held)), []
        if self._where == "begin" and held.strip() == _OPEN[:-1]:
            return [], []
        return list(self._answer(held)), []

    def _sure(self) -> Iterator[ReplyPart]:
        if self._where == "begin":
            body = self._held.lstrip()
            if _OPEN.startswith(body):
                return
            self._where = "answer"
            if body.startswith(_OPEN):
                self._where, self._held = "thought", body[len(_OPEN) :]
        if self._where == "thought":
            thought, closed, rest = self._held.partition(_CLOSE)
            if not closed:
                yield from self._tell_but(_partial(self._held, (_CLOSE,)), "thought")
                return
            yield from self._thought(thought.rstrip())
            self._where, self._held = "answer", rest
        if self._where == "answer":
            yield from self._sure_answer()

    def _sure_answer(self) -> Iterator[ReplyPart]:
        if not self._told_answer and not self._held.strip():
            return
        if not self._tools:
            held, self._held = self._held, ""
            yield from self._answer(held)
            return
        at = self._call_at()
        if at is not None:
            before, self._held = self._held[:at], self._held[at:]
            self._where = "call"
            yield from self._answer(before)
            return
        yield from self._tell_but(_partial(self._held, MARKS), "answer")

    def _call_at(self) -> int | None:
        """Where a call may begin."""
        if not self._told_answer and self._held.lstrip().startswith(BARE_MARKS):
            return 0
        places = [at for mark in MARKS if (at := self._held.find(mark)) >= 0]
        return min(places, default=None)

    def _tell_but(self, kept: int, kind: Literal["thought", "answer"]) -> Iterator[ReplyPart]:
        """All but the last ``kept`` characters, and white space before them."""
        sure = self._held[: len(self._held) - kept]
        sure = sure.rstrip() if kept or kind == "thought" else sure
        self._held = self._held[len(sure) :]
        yield from self._thought(sure) if kind == "thought" else self._answer(sure)

    def _thought(self, text: str) -> Iterator[ReplyPart]:
        text = text if self._told_thought else text.lstrip()
        if text:
            self._told_thought = True
            yield ReplyPart("thought", text)

    def _answer(self, text: str) -> Iterator[ReplyPart]:
        """Of the first words not the space and the blank lines that templates leave."""
        if not self._told_answer:
            text = without_blank_lines(text.removeprefix(" ")) if text.strip() else ""
        if text:
            self._told_answer = True
            yield ReplyPart("answer", text)


def _partial(text: str, marks: tuple[str, ...]) -> int:
    """How many characters at the end of ``text`` may begin one of ``marks``."""
    longest = max(map(len, marks)) - 1
    for size in range(min(longest, len(text)), 0, -1):
        if any(mark.startswith(text[-size:]) for mark in marks if size < len(mark)):
            return size
    return 0
