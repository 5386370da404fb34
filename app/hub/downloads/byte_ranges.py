"""Which bytes of a file are here, as spans from a start up to an end; knows no file."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

Span = tuple[int, int]


class Ranges:
    """Spans in order that neither touch nor overlap."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in spans:
            self.add(start, end)

    def __iter__(self) -> Iterator[Span]:
        return iter(zip(self._starts, self._ends, strict=True))

    def add(self, start: int, end: int) -> None:
        """Take in the bytes from ``start`` up to ``end``; what touches is joined."""
        if start >= end:
            return
        first = bisect_left(self._ends, start)
        after = bisect_right(self._starts, end)
        if first < after:
            start = min(start, self._starts[first])
            end = max(end, self._ends[after - 1])
        self._starts[first:after] = [start]
        self._ends[first:after] = [end]

    @property
    def total(self) -> int:
        """How many bytes are here."""
        return sum(end - start for start, end in self)

    @property
    def prefix(self) -> int:
        """How many bytes are here from the first on without a gap."""
        return self._ends[0] if self._starts and self._starts[0] == 0 else 0

    def gaps(self, size: int) -> list[Span]:
        """What is missing of a file of so many bytes."""
        at, missing = 0, []
        for start, end in self:
            if start >= size:
                break
            if start > at:
                missing.append((at, start))
            at = end
        return [*missing, (at, size)] if at < size else missing
