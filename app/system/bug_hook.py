"""Bugs that must not end what goes on: told where every unforeseen error is told, then survived."""

import sys
import threading
import traceback
from types import TracebackType

_MOST = 200
_lock = threading.Lock()
_told: set[tuple[str, str, int]] = set()


class SurvivingBugs:
    """A ``with`` block that an error ends, and nothing beyond it; ``error`` says which.

    For one thing among many that come from outside: the others go on, and the bug is still seen.
    """

    error: Exception | None = None

    def __enter__(self) -> "SurvivingBugs":
        return self

    def __exit__(
        self, kind: object, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.error = error
        report_bug(error)
        return True

    @property
    def place(self) -> str:
        """What went wrong and where, in a few words for a report."""
        if self.error is None:
            return ""
        kind, file, line = _place_of(self.error)
        name = file.replace("\\", "/").rpartition("/")[2]
        return f"{kind} in {name}, line {line}"


def report_bug(error: Exception) -> None:
    """Hand ``error`` to ``sys.excepthook``, once for each line of the program that raises it."""
    if _is_new(_place_of(error)):
        sys.excepthook(type(error), error, error.__traceback__)


def _place_of(error: BaseException) -> tuple[str, str, int]:
    frames = traceback.extract_tb(error.__traceback__)
    file, line = (frames[-1].filename, frames[-1].lineno or 0) if frames else ("", 0)
    return type(error).__name__, file, line


def _is_new(place: tuple[str, str, int]) -> bool:
    with _lock:
        if place in _told or len(_told) >= _MOST:
            return False
        _told.add(place)
        return True
