"""Products with packed matrices and with matrices stored by unit, in plain torch.

The meaning of the operations, and what serves where there is no native library: whole matrices
become floats again at each call, so this is right but far from fast.
"""

import torch
from torch import Tensor
from torch.nn import functional

from . import packing
from .layout import FLOAT_PANEL
from .packing import Packed


class PortableQuantised:
    """The part of PortableOps whose weights are small integers with scales."""

    by_unit = False
    skipping = True
    exact: bool

    def pack(self, host: Tensor, kind: str, *, by_unit: bool) -> Packed:
        """See Ops."""
        return packing.pack(host, kind, by_unit=by_unit)

    def place(self, packed: Packed, lies: tuple[Tensor, Tensor] | None = None) -> Packed:
        """See Ops; it is used where it lies in any case."""
        return packed

    def matmul_packed(self, x: Tensor, weight: Packed, act: str) -> Tensor:
        """See Ops."""
        y = functional.linear(x.float(), packing.unpack(weight)[0])
        return activate(y, act)

    def matmul_packed_stack(self, x: Tensor, weight: Packed) -> Tensor:
        """See Ops."""
        rows = x.float().view(len(x), -1, x.shape[-1])
        return torch.bmm(rows, packing.unpack(weight).mT).view(*x.shape[:-1], -1)

    def matmul_packed_onto(
        self, out: Tensor, x: Tensor, weight: Packed, gate: Tensor | None
    ) -> None:
        """See Ops."""
        _add(out, functional.linear(x.float(), packing.unpack(weight)[0]), gate)

    def matmul_units_onto(
        self, out: Tensor, x: Tensor, weight: Tensor, gate: Tensor | None
    ) -> None:
        """See Ops."""
        wide = self.exact or weight.dtype == torch.float16
        rows = x.to(torch.float32 if wide else weight.dtype)
        width = out.shape[-1]
        y = torch.empty(out.shape)
        for first, panel in zip(range(0, width, FLOAT_PANEL), weight, strict=True):
            some = panel[:, : width - first].to(rows.dtype)
            y[..., first : first + FLOAT_PANEL] = rows @ some
        _add(out, y, gate)


def activate(x: Tensor, act: str) -> Tensor:
    """In place; x is float32."""
    if act == "relu2":
        return x.relu_().square_()
    if act == "tanh":
        return x.tanh_()
    return x.sigmoid_() if act == "sigmoid" else x


def _add(out: Tensor, y: Tensor, gate: Tensor | None) -> None:
    if gate is None:
        out.add_(y)
    else:
        out.addcmul_(gate, y)
