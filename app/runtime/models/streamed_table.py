"""An embedding of which only the rows of the tokens at hand are brought to where they compute."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from app.kernels import Affine, Array, Ops
from app.runtime.checkpoint.stretch import Stretch


class Rows(Protocol):
    """Rows (V, C) somewhere."""

    width: int
    dtype: torch.dtype

    def read(self, row: int, out: Tensor) -> None:
        """Fill ``out`` (C,) with one of them."""
        ...


class RowsInFile:
    """Rows that lie in a file."""

    def __init__(self, lies: Stretch, width: int, dtype: torch.dtype) -> None:
        self._lies, self.width, self.dtype = lies, width, dtype

    def read(self, row: int, out: Tensor) -> None:
        """See Rows.  Raises DamagedCheckpoint, Unreadable."""
        size = self.width * self.dtype.itemsize
        self._lies.part(row * size, size).read(out.view(torch.uint8))


class RowsInMemory:
    """Rows of a host tensor."""

    def __init__(self, whole: Tensor) -> None:
        self._whole, self.width, self.dtype = whole, whole.shape[1], whole.dtype

    def read(self, row: int, out: Tensor) -> None:
        """See Rows."""
        out.copy_(self._whole[row])


class StreamedTable:
    """An embedding (V, C); nothing of it stays where it computes."""

    nbytes = 0

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def embed(self, ops: Ops, tokens: Tensor, norm: Affine) -> Array:
        """See Ops.embed."""
        found = torch.empty((tokens.numel(), self._rows.width), dtype=self._rows.dtype)
        places = torch.arange(tokens.numel()).view(tokens.shape)
        ops.step(self._reading(tokens, found, places))
        return ops.embed(ops.table(found), places, norm)

    def _reading(self, tokens: Tensor, found: Tensor, places: Tensor) -> Callable[[], None]:
        """What fills ``found``, and what keeps these arrays in a captured run."""

        def read(_kept: Tensor = places) -> None:
            where: dict[int, int] = {}
            for place, token in enumerate(tokens.flatten().tolist()):
                known = where.setdefault(token, place)
                if known == place:
                    self._rows.read(token, found[place])
                else:
                    found[place] = found[known]

        return read
