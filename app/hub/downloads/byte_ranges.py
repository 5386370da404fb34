"""Which bytes of a file have arrived, as a sorted list of spans [start, end)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

Span = tuple[int, int]


class Ranges:
    """Sorted spans of bytes [start, end) that neither touch nor overlap."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in spans:
            self.add(start, end)

    def __iter__(self) -> Iterator[Span]:
        return iter(zip(self._starts, self._ends, strict=True))

    def add(self, start: int, end: int) -> None:
        """Add the bytes [start, end), and join spans that touch."""
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
        """The number of bytes that have arrived."""
        return sum(end - start for start, end in self)

    @property
    def prefix(self) -> int:
        """The number of bytes that have arrived from byte 0 on without a gap."""
        return self._ends[0] if self._starts and self._starts[0] == 0 else 0

    def gaps(self, size: int) -> list[Span]:
        """The spans that are missing from a file of ``size`` bytes."""
        at, missing = 0, []
        for start, end in self:
            if start >= size:
                break
            if start > at:
                missing.append((at, start))
            at = end
        return [*missing, (at, size)] if at < size else missing
