"""Bytes that lie in a row in an open file, to be read again and again; knows no dialect."""

from typing import TYPE_CHECKING, NamedTuple, Self

from .source import Source

if TYPE_CHECKING:
    from torch import Tensor


class Stretch(NamedTuple):
    """``nbytes`` of a file from byte ``begin`` on."""

    source: Source
    begin: int
    nbytes: int

    def part(self, first: int, nbytes: int) -> Self:
        """So many of its bytes, from its byte ``first`` on."""
        assert 0 <= first <= first + nbytes <= self.nbytes
        return self._replace(begin=self.begin + first, nbytes=nbytes)

    def read(self, out: "Tensor", *, past_cache: bool = False) -> None:
        """Fill ``out``, bytes of its size.  Raises DamagedCheckpoint, Unreadable.

        Any number of threads may read at once.  ``past_cache``, for at most as much as
        ``direct_reads`` reads at once, leaves the system's file cache out where that is possible.
        """
        assert len(out) == self.nbytes
        if not (past_cache and self.source.read_past_cache(self.begin, out)):
            self.source.read_alone(self.begin, memoryview(out.numpy()))  # type: ignore[arg-type]
