"""Matrices in the formats they are kept in: a format is a class here and a row in ``FORMATS``.

A model sees ``Weight`` only.  What it hands on to the next matrix may have the type of the
weights; everything else is float32.
"""

from dataclasses import dataclass
from typing import Protocol, Self

from .ops import Array, Ops


class Weight(Protocol):
    """A matrix (out, in) that knows how to multiply."""

    @property
    def nbytes(self) -> int:
        """What one token reads."""
        ...

    def __call__(self, x: Array, act: str = "") -> Array:
        """act(x W^T): (..., in) to (..., out), to be handed to another matrix or to be a gate."""
        ...

    def each(self, x: Array) -> Array:
        """A stack of n matrices, each with its own input: float32 (n, B, T, out)."""
        ...

    def onto(self, out: Array, x: Array, gate: Array | None = None) -> None:
        """out += gate * (x W^T), in place."""
        ...

    def logits(self, x: Array) -> Array:
        """x W^T, exact in float32 at least where it is largest."""
        ...


@dataclass(frozen=True, slots=True)
class Plain:
    """16 or 32 bits a number; ``data`` is (out, in), or (n, out, in) for a stack."""

    ops: Ops
    data: Array

    @classmethod
    def pack(cls, ops: Ops, host: Array, dtype: str) -> Self:
        """From a host tensor, which is not copied where it already has the type."""
        return cls(ops, ops.upload(host, dtype))

    @property
    def nbytes(self) -> int:
        """Bytes of all numbers."""
        return int(self.data.nbytes)

    def __call__(self, x: Array, act: str = "") -> Array:
        """See Weight."""
        return self.ops.matmul(x, self.data, act)

    def each(self, x: Array) -> Array:
        """See Weight."""
        return self.ops.matmul_stack(x, self.data)

    def onto(self, out: Array, x: Array, gate: Array | None = None) -> None:
        """See Weight."""
        self.ops.matmul_onto(out, x, self.data, gate)

    def logits(self, x: Array) -> Array:
        """See Weight."""
        return self.ops.head(x, self.data)


FORMATS = {"fp32": Plain, "bf16": Plain}
