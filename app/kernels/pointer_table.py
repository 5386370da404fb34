"""Several matrices of one shape at separate addresses, used as one stack without being copied."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class PointerTable:
    """n matrices (out, in) of one type and shape; ``places`` (n,) int64 holds their addresses."""

    parts: tuple[Tensor, ...]
    places: Tensor

    @classmethod
    def of(cls, parts: Sequence[Tensor]) -> Self:
        """From contiguous matrices, which it references.  Raises ValueError if they differ."""
        first = parts[0]
        for one in parts:
            if one.shape != first.shape or one.dtype != first.dtype or not one.is_contiguous():
                raise ValueError("the matrices of a stack are not alike")
        return cls(tuple(parts), torch.tensor([one.data_ptr() for one in parts]))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n, out, in)."""
        out, width = self.parts[0].shape
        return len(self.parts), out, width

    @property
    def dtype(self) -> torch.dtype:
        """Of all numbers."""
        return self.parts[0].dtype

    @property
    def nbytes(self) -> int:
        """Bytes of all numbers."""
        return sum(one.nbytes for one in self.parts)
