"""Products with packed matrices, and with matrices stored by unit whose zero inputs are skipped."""

import torch
from torch import Tensor

from app.kernels import packing
from app.kernels.arena import allocate
from app.kernels.layout import FLOAT_PANEL, KINDS, LINE, ROW, Shape
from app.kernels.packing import Packed
from app.kernels.pointer_table import PointerTable
from app.kernels.portable import DTYPES

from .base import KINDS as FLOATS
from .base import Base, ready
from .ops_matrix import ACTS
from .slices import Group, Slices, slices

_NUMBERS = {"int8": 0, "int4": 1, "int8g16": 2}  # PackedKind of matvec8.h
_FLOAT_GROUP = 64
_FEW_ROWS, _BLOCK_BYTES, _BLOCK_OUTPUTS, _BLOCK_ROWS = 8, 64 << 10, 128, 256  # of blocks.h
_MOST_ROWS = 32  # of a product with floats; beyond, torch's products win


class QuantisedOps(Base):
    """Products whose weights are small integers with scales; the same kernels serve all rows."""

    by_unit = True

    def pack(self, host: Tensor | PointerTable, kind: str, *, by_unit: bool) -> Packed:
        """See Ops; a PointerTable is read where it lies."""
        stack = _stack(host)
        outputs, inputs = host.shape[-2:]
        shape = Shape(kind, outputs, inputs, by_unit)
        if host.dtype not in FLOATS or not ready(*stack):
            return packing.pack(torch.stack(stack), kind, by_unit=by_unit)
        packed = packing.empty(shape, len(stack))
        for matrix, codes, scales in zip(stack, packed.codes, packed.scales, strict=True):
            self.call(
                *("pack", codes, scales, matrix, shape.outputs, shape.inputs, FLOATS[host.dtype]),
                *(_NUMBERS[kind], KINDS[kind].group, shape.panel, by_unit),
                packing.bytes_of_table(),
            )
        return packed

    def transposed(self, host: Tensor, dtype: str) -> Tensor:
        """See Ops."""
        kind = DTYPES[dtype]
        if host.dtype != kind or not ready(host):
            return super().transposed(host, dtype)
        outputs, inputs = host.shape
        whole = allocate((-(-outputs // FLOAT_PANEL), inputs, FLOAT_PANEL), kind)
        self.call("turn", whole, host, outputs, inputs, FLOAT_PANEL, kind.itemsize)
        return whole

    def matmul_packed(self, x: Tensor, weight: Packed, act: str) -> Tensor:
        """See Ops."""
        if not ready(x):
            whole: Tensor = self.fallback("matmul_packed", x, weight, act)
            return whole
        y = self.empty((*x.shape[:-1], weight.shape.outputs))
        self._packed(y, self.floats(x), weight, ACTS[act])
        return y

    def matmul_packed_stack(self, x: Tensor, weight: Packed) -> Tensor:
        """See Ops."""
        if not ready(x):
            whole: Tensor = self.fallback("matmul_packed_stack", x, weight)
            return whole
        y = self.empty((*x.shape[:-1], weight.shape.outputs))
        self._packed(y, self.floats(x), weight)
        return y

    def matmul_packed_onto(
        self, out: Tensor, x: Tensor, weight: Packed, gate: Tensor | None
    ) -> None:
        """See Ops."""
        if not ready(out, x, gate):
            self.fallback("matmul_packed_onto", out, x, weight, gate)
            return
        gate = None if gate is None else self.floats(gate)
        if weight.shape.by_unit:
            self._packed_units(out, self.floats(x), weight, gate)
        else:
            self._packed(out, self.floats(x), weight, 0, gate, onto=True)

    def matmul_units_onto(
        self, out: Tensor, x: Tensor, weight: Tensor, gate: Tensor | None
    ) -> None:
        """See Ops."""
        panels, width, panel = weight.shape
        rows = x.numel() // width
        if not (rows <= _MOST_ROWS and weight.dtype in FLOATS and ready(out, x, weight, gate)):
            self.fallback("matmul_units_onto", out, x, weight, gate)
            return
        cut = slices(panels, width, Group(_FLOAT_GROUP, panel * weight.dtype.itemsize))
        scratch = self._scratch(_sliced(cut, rows * panel))
        gate = None if gate is None else self.floats(gate)
        sizes = (rows, out.shape[-1], width, FLOATS[weight.dtype])
        others = (scratch, gate, self.skipping, cut.some)
        self.call("units", out, self.floats(x), weight, *sizes, *others)

    def _packed(
        self,
        y: Tensor,
        x: Tensor,
        weight: Packed,
        act: int = 0,
        gate: Tensor | None = None,
        *,
        onto: bool = False,
    ) -> None:
        shape = weight.shape
        batch = x.numel() // (weight.count * shape.inputs)
        scratch = self._scratch(_inputs(shape, weight.count * batch) + _blocks(batch))
        self.call(
            "packed",
            *(y, x, weight.codes, weight.scales, weight.count, batch, shape.outputs, shape.inputs),
            *(_NUMBERS[shape.kind], KINDS[shape.kind].group, packing.bytes_of_table(), scratch),
            *(act, gate, onto),
        )

    def _packed_units(self, out: Tensor, x: Tensor, weight: Packed, gate: Tensor | None) -> None:
        shape = weight.shape
        rows = x.numel() // shape.inputs
        group = KINDS[shape.kind].group
        cut = slices(shape.padded // shape.panel, shape.inputs, Group(group, ROW))
        work = _blocks(rows) if rows > _FEW_ROWS else _sliced(cut, rows * shape.panel)
        scratch = self._scratch(_inputs(shape, rows) + work)
        self.call(
            "packed_units",
            *(out, x, weight.codes, weight.scales, rows, shape.outputs, shape.inputs),
            *(shape.padded, _NUMBERS[shape.kind], group, packing.bytes_of_table(), scratch),
            *(gate, self.skipping, cut.some),
        )

    def _scratch(self, size: int) -> Tensor:
        return self.empty((size,), torch.uint8)


def _stack(host: Tensor | PointerTable) -> tuple[Tensor, ...]:
    """Its matrices."""
    if isinstance(host, PointerTable):
        return host.parts
    return host.unbind() if host.dim() == 3 else (host,)


def _inputs(shape: Shape, rows: int) -> int:
    """Bytes of the Inputs of fixed_point.h."""
    return rows * shape.groups * (2 * KINDS[shape.kind].group + 8)


def _sliced(cut: Slices, size: int) -> int:
    """Bytes of the Slices and the Chosen of sparse_inputs.h; a part has ``size`` totals."""
    return LINE + cut.panels * (4 * cut.count * size + LINE) + cut.groups * (cut.group.units + 4)


def _blocks(rows: int) -> int:
    """Bytes of the workplaces of blocks.h, and what brings them to a line."""
    if rows <= _FEW_ROWS:
        return 0
    return torch.get_num_threads() * (_BLOCK_BYTES + 4 * _BLOCK_OUTPUTS * _BLOCK_ROWS) + LINE
