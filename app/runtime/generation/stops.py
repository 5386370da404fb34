"""Finds stop strings in a text that arrives in pieces; knows no template."""

from collections.abc import Iterable

from app.errors import RequestRefused


class StopScan:
    """Passes a growing text on until it contains one of ``stops``, also across pieces.

    Words that may yet turn out to begin a stop are held back.  The text ends before the stop
    that is complete first (of those, the longest), so the result does not depend on how the
    text was cut into pieces.  ``before`` is what stands before the growing text already: a stop
    may begin in it.
    """

    def __init__(self, stops: Iterable[str], before: str = "") -> None:
        """Raises RequestRefused for an empty stop, which would stop everything."""
        self._stops = tuple(dict.fromkeys(stops))
        if "" in self._stops:
            raise RequestRefused(why="empty-stop")
        self._held = ""
        self._before = before[len(before) - self._doubtful(before) :]
        self.found: str | None = None
        """The stop that was found; no text follows it."""
        self.taken_back = 0
        """How many characters at the end of ``before`` are the beginning of that stop."""

    def feed(self, text: str) -> str:
        """What of ``text``, and of what was held back, is certain to belong to the reply."""
        if self.found is not None:
            return ""
        old = len(self._before)
        text = self._before + self._held + text
        ends = [(at + len(s), at, s) for s in self._stops if (at := _find(s, text, old)) >= 0]
        if ends:
            _, at, self.found = min(ends)
            self._held = ""
            self.taken_back = max(old - at, 0)
            return text[old:at]
        cut = len(text) - self._doubtful(text)
        self._before = text[cut:old]
        self._held = text[max(cut, old) :]
        return text[old:cut]

    def flush(self) -> str:
        """What is still held back when the text ends by itself."""
        rest, self._held = self._held, ""
        return rest

    def _doubtful(self, text: str) -> int:
        """How many characters at the end are the beginning of a stop."""
        longest = max(map(len, self._stops), default=1) - 1
        sizes = range(min(longest, len(text)), 0, -1)
        return next((n for n in sizes if any(s.startswith(text[-n:]) for s in self._stops)), 0)


def _find(stop: str, text: str, old: int) -> int:
    """Where ``stop`` stands in ``text`` and ends after its first ``old`` characters, or -1."""
    return text.find(stop, max(old - len(stop) + 1, 0))
