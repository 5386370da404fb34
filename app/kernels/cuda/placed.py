"""Packed matrices on a GPU, and what is computed for them on the host."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from app.kernels import packing
from app.kernels.layout import Shape
from app.kernels.packing import Packed

from .device import Array

_HIGHEST = 13  # exponent of the largest of the numbers that are made float16


@dataclass(frozen=True, slots=True)
class Placed:
    """A Packed whose arrays are on the GPU.

    ``exponents`` has for each matrix the exponent of the power of two that its float16 numbers are
    scaled by; ``come`` are counters that are zero between two products by unit.
    """

    shape: Shape
    codes: Array
    scales: Array
    exponents: tuple[int, ...]
    come: Array | None

    @property
    def nbytes(self) -> int:
        """Bytes of all numbers and scales."""
        return int(self.codes.nbytes + self.scales.nbytes)

    @property
    def count(self) -> int:
        """The number of matrices."""
        return len(self.exponents)


def exponents(packed: Packed) -> Iterator[int]:
    """For each matrix, the exponent of the power of two that scales its largest number to 2^13."""
    for scales in packed.scales:
        most = float(scales.abs().amax()) * packing.ZERO
        usual = math.isfinite(most) and most > 0
        yield _HIGHEST - math.frexp(most)[1] if usual else 0


@cache
def packer() -> Callable[..., Packed]:
    """The native library, which packs the same bytes faster; None without one."""
    from app.kernels.native.library import LibraryError, load
    from app.kernels.native.ops import NativeOps

    try:
        return NativeOps(load()).pack
    except LibraryError:
        return packing.pack
