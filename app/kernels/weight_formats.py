"""Matrices by storage format: each format is a class here and a row in ``FORMATS``.

A model sees ``Weight`` only, and ``Adds`` where a matrix follows a square-ReLU.  What a weight
hands on to the next matrix may have the type of the weights; everything else is float32.
"""

from dataclasses import dataclass
from typing import Any, Protocol, Self

from .layout import FLOAT_PANEL, kind_for
from .ops import Array, Ops


class Adds(Protocol):
    """A matrix (out, in) whose products are added to the residual."""

    @property
    def nbytes(self) -> int:
        """Bytes that are read for one token."""
        ...

    def onto(self, out: Array, x: Array, gate: Array | None = None) -> None:
        """out += gate * (x W^T), in place."""
        ...


class Weight(Adds, Protocol):
    """A matrix (out, in) that multiplies."""

    def __call__(self, x: Array, act: str = "") -> Array:
        """act(x W^T): (..., in) to (..., out), to be handed to another matrix or to be a gate."""
        ...

    def each(self, x: Array) -> Array:
        """A stack of n matrices, each with its own input: float32 (n, B, T, out)."""
        ...

    def logits(self, x: Array) -> Array:
        """x W^T, exact in float32 at least where it is largest."""
        ...


@dataclass(frozen=True, slots=True)
class Plain:
    """16 or 32 bits a number; ``data`` is (out, in), for a stack (n, out, in) or a PointerTable."""

    ops: Ops
    data: Array

    @classmethod
    def pack(cls, ops: Ops, host: Array, dtype: str) -> Self:
        """From a host tensor, which is not copied if it already has the type."""
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


@dataclass(frozen=True, slots=True)
class ByUnit:
    """16 or 32 bits a number, by unit (layout.py): an input of zero need not be read."""

    ops: Ops
    data: Array

    @classmethod
    def pack(cls, ops: Ops, host: Array, dtype: str) -> Self:
        """From a host tensor (out, in)."""
        return cls(ops, ops.transposed(host, dtype))

    @property
    def nbytes(self) -> int:
        """Bytes of all numbers."""
        return int(self.data.nbytes)

    def onto(self, out: Array, x: Array, gate: Array | None = None) -> None:
        """See Adds."""
        self.ops.matmul_units_onto(out, x, self.data, gate)


@dataclass(frozen=True, slots=True)
class Quantised:
    """Small integers with scales; ``data`` is a Packed."""

    ops: Ops
    data: Any

    @classmethod
    def pack(cls, ops: Ops, host: Array, dtype: str) -> Self:
        """From a host tensor (out, in), or (n, out, in) for a stack."""
        return cls(ops, ops.pack(host, kind_for(dtype, host.shape[-1]), by_unit=False))

    @classmethod
    def pack_by_unit(cls, ops: Ops, host: Array, dtype: str) -> Self:
        """From a host tensor (out, in); the result is only good for ``onto``."""
        return cls(ops, ops.pack(host, kind_for(dtype, host.shape[-1]), by_unit=True))

    @property
    def nbytes(self) -> int:
        """Bytes of all numbers and scales."""
        return int(self.data.nbytes)

    def __call__(self, x: Array, act: str = "") -> Array:
        """See Weight."""
        return self.ops.matmul_packed(x, self.data, act)

    def each(self, x: Array) -> Array:
        """See Weight."""
        return self.ops.matmul_packed_stack(x, self.data)

    def onto(self, out: Array, x: Array, gate: Array | None = None) -> None:
        """See Weight."""
        self.ops.matmul_packed_onto(out, x, self.data, gate)

    def logits(self, x: Array) -> Array:
        """See Weight."""
        return self.ops.matmul_packed(x, self.data, "")


FORMATS: dict[str, type[Plain] | type[Quantised]] = {
    "fp32": Plain,
    "bf16": Plain,
    "fp16": Plain,
    "int8": Quantised,
    "int4": Quantised,
}


def adding(ops: Ops, host: Array, dtype: str) -> Adds:
    """A matrix (out, in) that is read for a square-ReLU, in the layout that suits the device.

    Few outputs would leave much of their last panel empty.
    """
    form = FORMATS[dtype]
    if not ops.by_unit:
        return form.pack(ops, host, dtype)
    if form is Quantised:
        return Quantised.pack_by_unit(ops, host, dtype)
    filled = len(host) % FLOAT_PANEL == 0 or len(host) >= 8 * FLOAT_PANEL
    return ByUnit.pack(ops, host, dtype) if filled else form.pack(ops, host, dtype)
