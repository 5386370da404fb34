"""What comes back from a model: where it stops, and which part of it was only thought."""

from collections.abc import Iterable

from app.errors import RequestRefused

_OPEN, _CLOSE = "<think>", "</think>"


class StopScan:
    """Lets a growing text through until one of ``stops`` stands in it, wherever it was cut.

    Words that may yet turn out to begin a stop are held back.  The text ends before the stop
    that is complete first (of those, the longest), so the result does not depend on how the
    text was cut into pieces.
    """

    def __init__(self, stops: Iterable[str]) -> None:
        """Raises RequestRefused for an empty stop, which would stop everything."""
        self._stops = tuple(dict.fromkeys(stops))
        if "" in self._stops:
            raise RequestRefused(why="empty-stop")
        self._held = ""
        self.found: str | None = None
        """The stop that was met; nothing comes out after it."""

    def feed(self, text: str) -> str:
        """What of ``text``, and of what was held back, is certain to belong to the reply."""
        if self.found is not None:
            return ""
        text = self._held + text
        ends = [(at + len(s), at, s) for s in self._stops if (at := text.find(s)) >= 0]
        if ends:
            _, at, self.found = min(ends)
            self._held = ""
            return text[:at]
        cut = len(text) - self._doubtful(text)
        self._held = text[cut:]
        return text[:cut]

    def flush(self) -> str:
        """What is still held back when the text ends by itself."""
        rest, self._held = self._held, ""
        return rest

    def _doubtful(self, text: str) -> int:
        """How many characters at the end are the beginning of a stop."""
        longest = max(map(len, self._stops), default=1) - 1
        sizes = range(min(longest, len(text)), 0, -1)
        return next((n for n in sizes if any(s.startswith(text[-n:]) for s in self._stops)), 0)


def split_thinking(text: str) -> tuple[str, str]:
    """The thought and the answer in a reply, also in one that is still growing.

    A thought is what stands in <think> </think> at the very beginning; while it is not closed,
    the answer is "".
    """
    body = text.lstrip()
    if not body.startswith(_OPEN):
        return "", "" if body == _OPEN[:-1] else body
    thought, closed, answer = body[len(_OPEN) :].partition(_CLOSE)
    if not closed:
        sizes = range(len(_CLOSE) - 1, 0, -1)
        cut = next((n for n in sizes if thought.endswith(_CLOSE[:n])), 0)
        thought = thought[: len(thought) - cut]
    return thought.strip(), answer.lstrip()
