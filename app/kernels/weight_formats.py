"""Weight matrices by the format of their numbers: a class each, and a row in ``FORMATS``.

Models know ``Weight`` alone, and ``ResidualWeight`` for the matrix after a square-ReLU.  Results of
a call may have the type of the weights; what is added to the residual or is a logit is float32.
"""

from dataclasses import dataclass
from typing import Any, Protocol, Self

from .layout import FLOAT_PANEL, kind_for
from .ops import Array, Ops


class ResidualWeight(Protocol):
    """A matrix (out, in) whose products are only ever added to the residual."""

    @property
    def nbytes(self) -> int:
        """Bytes that are read for one token."""
        ...

    def onto(self, out: Array, x: Array, gate: Array | None = None) -> None:
        """out += gate * (x W^T), in place."""
        ...


class Weight(ResidualWeight, Protocol):
    """A matrix (out, in) with all kinds of products."""

    def __call__(self, x: Array, act: str = "") -> Array:
        """act(x W^T), (..., in) to (..., out); ``act`` is the name of an activation or ""."""
        ...

    def each(self, x: Array) -> Array:
        """x (n, B, T, in) times a stack of n matrices, each its own: float32 (n, B, T, out)."""
        ...

    def logits(self, x: Array) -> Array:
        """x W^T in float32, (..., in) to (..., out), most exact for the largest results."""
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
class UnitMajor:
    """16 or 32 bits a number, stored by input unit (layout.py): zero inputs are not read."""

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
        """See ResidualWeight."""
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


def residual_weight(ops: Ops, host: Array, dtype: str) -> ResidualWeight:
    """The matrix (out, in) after a square-ReLU, whose inputs are mostly zero.

    It is stored by unit if the device is faster so, and if it has enough outputs: with few, much of
    the last panel would be empty.
    """
    form = FORMATS[dtype]
    if not ops.by_unit:
        return form.pack(ops, host, dtype)
    if form is Quantised:
        return Quantised.pack_by_unit(ops, host, dtype)
    filled = len(host) % FLOAT_PANEL == 0 or len(host) >= 8 * FLOAT_PANEL
    return UnitMajor.pack(ops, host, dtype) if filled else form.pack(ops, host, dtype)
