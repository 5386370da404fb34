"""What undo and redo go back and forth between: texts with their versions; shows nothing."""

import time
from typing import NamedTuple

from .document_text import DocumentText

_MOST = 2000
_PAUSE_S = 1.5  # of typing: what comes after it is another step


class Moment(NamedTuple):
    """The text of a version at one time, and where the caret stood."""

    text: DocumentText
    version: str | None
    caret: int


class UndoHistory:
    """``note`` a moment before it is left; letters typed one after the other are one step."""

    def __init__(self) -> None:
        self._past: list[Moment] = []
        self._future: list[Moment] = []
        self._typing_at, self._typed_s = -1, 0.0

    @property
    def can_undo(self) -> bool:
        """Whether there is something to go back to."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether something was undone since the last change."""
        return bool(self._future)

    def note(self, moment: Moment) -> None:
        """What is now is about to be left for good."""
        self._past.append(moment)
        del self._past[:-_MOST]
        self._future.clear()
        self._typing_at = -1

    def note_typing(self, moment: Moment, start: int, removed: int, words: str) -> None:
        """The same before words are typed or taken away."""
        now = time.monotonic()
        goes_on = start + removed == self._typing_at if not words else start == self._typing_at
        joins = goes_on and len(words) <= 1 and removed <= 1 and now - self._typed_s < _PAUSE_S
        if not joins or words.isspace():
            self.note(moment)
        self._future.clear()
        self._typing_at, self._typed_s = start + len(words), now

    def undo(self, now: Moment, above: Moment | None = None) -> Moment | None:
        """What was before ``now``, where nothing was what is ``above``; None where nothing is."""
        if not self._past and above is not None:
            self._past.append(above)
        return self._step(self._past, self._future, now)

    def redo(self, now: Moment) -> Moment | None:
        """What was undone last; None where nothing was."""
        return self._step(self._future, self._past, now)

    def take_back(self) -> Moment | None:
        """The moment that was noted last: what was to come after it did not."""
        return self._past.pop() if self._past else None

    def _step(self, source: list[Moment], target: list[Moment], now: Moment) -> Moment | None:
        self._typing_at = -1
        if not source:
            return None
        target.append(now)
        return source.pop()
