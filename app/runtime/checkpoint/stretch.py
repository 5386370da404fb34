"""Bytes that lie in a row in an open file, to be read again and again; knows no tensor."""

from typing import NamedTuple, Self

from .source import Source


class Stretch(NamedTuple):
    """``nbytes`` of a file from byte ``begin`` on."""

    source: Source
    begin: int
    nbytes: int

    def part(self, first: int, nbytes: int) -> Self:
        """So many of its bytes, from its byte ``first`` on."""
        assert 0 <= first <= first + nbytes <= self.nbytes
        return self._replace(begin=self.begin + first, nbytes=nbytes)

    def read(self, out: memoryview) -> None:
        """Fill ``out``, which has its size.  Raises DamagedCheckpoint, Unreadable.

        Any number of threads may read at once.
        """
        assert len(out) == self.nbytes
        self.source.read_alone(self.begin, out)
