"""The tensors of a layer whose projections do not stay where they compute: they have a stage."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from math import prod
from typing import cast

import torch
from torch import Tensor

from app.errors import StrategyUnsupported
from app.kernels import Array, Loras, Weight
from app.kernels.layout import Shape, kind_for
from app.kernels.packing import Packed
from app.kernels.weight_formats import Plain, Quantised
from app.runtime.checkpoint.reading import checksum, fill
from app.runtime.planning.footprint import QUANTISED, head_format

from .scope import DTYPES, ReadAgain, Scope
from .stage import Stage


class StreamedScope(Scope):
    """See Scope; matrices are those of a stage, everything else stays.

    ``slot`` is the device's memory that the stage is copied to, or the stage's own.
    """

    def __init__(self, root: Scope, prefix: str, stage: Stage, slot: Array) -> None:
        super().__init__(root.checkpoint, root.ops, root.form, prefix)
        self.stage, self.slot = stage, slot
        self._file = cast(ReadAgain, root.checkpoint)

    def __truediv__(self, part: str | int) -> "StreamedScope":
        return StreamedScope(self, f"{self.prefix}{part}.", self.stage, self.slot)

    def value(self, name: str) -> Weight:
        """Floats by output: to turn them each time would cost more than left-out zeros save."""
        return self._weight(self.form, name, residual=True)

    def loras(self, *chains: tuple[str, str, str]) -> Loras:
        """To a card they come with the matrices, laid out as it reads them."""
        if self.ops.device is None:
            return super().loras(*chains)
        made = self.host_loras(*chains)
        down, up = (self._laid(one, DTYPES[self.small]) for one in (made.down, made.up))
        return made._replace(down=down, up=up, bias=self.ops.upload(made.bias, "fp32"))

    def _laid(self, made: Tensor, dtype: torch.dtype) -> Array:
        return self._found(self.stage.take(tuple(made.shape), dtype).copy_(made))

    def rows_of_head(self, rows: range, sums: "Sums") -> Weight:
        """Some rows of the head, or all; they begin with a panel."""
        form, name = head_format(self.form), f"{self.prefix}head.weight"
        whole = len(rows) == self.checkpoint.tensors[name].shape[0]
        if form in QUANTISED:
            if whole:
                return self._quantised(form, [name], residual=False)
            return self._rows_of_packed(form, name, rows, sums)
        width = self.checkpoint.tensors[name].shape[1]
        part = self.stage.take((len(rows), width), DTYPES[form])
        self._fill(name, part, None if whole else rows)
        return self._plain(part)

    def _weight(self, form: str, *names: str, residual: bool = False) -> Weight:
        """One matrix, or several as a stack."""
        full = [f"{self.prefix}{name}.weight" for name in names]
        if form in QUANTISED:
            return self._quantised(form, full, residual=residual)
        shape = self.checkpoint.tensors[full[0]].shape
        whole = self.stage.take((len(full), *shape), DTYPES[form])
        for name, part in zip(full, whole, strict=True):
            self._fill(name, part)
        return self._plain(whole if len(full) > 1 else whole[0])

    def _plain(self, host: Tensor) -> Weight:
        self._come()
        return Plain(self.ops, self._found(host))

    def _quantised(self, form: str, names: list[str], *, residual: bool) -> Weight:
        shape, lies = self._shape(form, names, residual=residual)
        packed = self._packed(shape, len(names))
        for name, *parts in zip(names, packed.codes, packed.scales, strict=True):
            if not lies:
                self.stage.makes.append(partial(self._pack, name, shape, *parts))
                continue
            self.stage.reads += zip(self._file.packed_stretches(name), parts, strict=True)
            check = Sums(name, self._file.check_packed, 1).add
            self.stage.checks.append(partial(check, *parts))
        return self._placed(packed)

    def _rows_of_packed(self, form: str, name: str, rows: range, sums: "Sums") -> Weight:
        whole, _ = self._shape(form, [name], residual=False)
        first, count = rows.start // whole.panel, -(-len(rows) // whole.panel)
        packed = self._packed(Shape(whole.kind, len(rows), whole.inputs), 1)
        parts = packed.codes, packed.scales
        for part, lies in zip(parts, self._file.packed_stretches(name), strict=True):
            size = part.nbytes // count
            self.stage.reads.append((lies.part(first * size, part.nbytes), part))
        self.stage.checks.append(partial(sums.add, *parts))
        return self._placed(packed)

    def _placed(self, packed: Packed) -> Weight:
        self._come()
        lies = self._found(packed.codes), self._found(packed.scales)
        return Quantised(self.ops, self.ops.place(packed, lies))

    def _shape(self, form: str, names: list[str], *, residual: bool) -> tuple[Shape, bool]:
        """How all these lie in the file, and whether they do.

        For a card they are packed now where they do not.  Raises StrategyUnsupported where that
        would be at each reading.
        """
        shapes = {self.checkpoint.packed_shape(name) for name in names}
        shape = shapes.pop()
        out, inputs = self.checkpoint.tensors[names[0]].shape
        kind = kind_for(form, inputs)
        if shape is None and not shapes and self.ops.device is not None:
            return Shape(kind, out, inputs, residual and self.ops.by_unit), False
        fits = not shapes and shape is not None and shape.kind == kind
        if not fits or shape is None or (shape.by_unit and not residual):
            raise StrategyUnsupported(found=self.form, why="unpacked")
        return shape, True

    def _pack(self, name: str, shape: Shape, codes: Tensor, scales: Tensor) -> None:
        from app.kernels.cuda.placed import packer

        made = packer()(self.checkpoint.read(name), shape.kind, by_unit=shape.by_unit)
        codes.copy_(made.codes[0])
        scales.copy_(made.scales[0])

    def _packed(self, shape: Shape, count: int) -> Packed:
        codes = self.stage.take((count, *shape.codes), torch.uint8)
        return Packed(shape, codes, self.stage.take((count, *shape.scales), torch.float16))

    def _found(self, host: Tensor) -> Array:
        return self.ops.in_slot(host, self.slot, self.stage.place_of(host))

    def _come(self) -> None:
        """What is copied to a card lies in the stage's memory from now on."""
        if self.ops.device is not None:
            self.stage.come_for_good()

    def _fill(self, name: str, out: Tensor, rows: range | None = None) -> None:
        """Have a matrix, or some rows of it, in ``out`` whenever the stage comes."""
        lies = self._file.stretch_of(name)
        if lies is None:
            self.stage.makes.append(partial(self.checkpoint.read_into, name, out))
            return
        info = self.checkpoint.tensors[name]
        if rows is not None:
            row = lies.nbytes // info.shape[0]
            lies = lies.part(rows.start * row, len(rows) * row)
        kept = DTYPES.get(info.dtype, torch.float64)
        if kept == out.dtype:
            self.stage.reads.append((lies, out))
        else:
            self.stage.makes.append(partial(fill, out, lies.source, lies.begin, kept))


class Sums:
    """Adds up the checksum of a packed matrix that comes in ``parts``, and has it compared."""

    def __init__(self, name: str, compare: Callable[[str, int], None], parts: int) -> None:
        self._name, self._compare, self._parts, self._total = name, compare, parts, 0

    def add(self, *parts: Tensor) -> None:
        """One more part; each comes once.  Raises DamagedCheckpoint with the last one."""
        self._parts -= 1
        self._total = (self._total + checksum(*parts)) % 2**64
        if self._parts <= 0:
            self._compare(self._name, self._total)


def layer_bytes(root: Scope, layer: int) -> int:
    """Bytes of a layer's projections; to a card its low-rank chains come with them."""
    prefix, form = f"{root.prefix}blocks.{layer}.", root.form
    tensors = root.checkpoint.tensors
    names = [name for name in tensors if name.startswith(prefix) and len(tensors[name].shape) == 2]
    matrices = [name for name in names if name.endswith(".weight")]
    size = sum(matrix_bytes(root, name, form) for name in matrices)
    return size if root.ops.device is None else size + _chain_bytes(root, set(names) - {*matrices})


def _chain_bytes(root: Scope, names: Collection[str]) -> int:
    """Enough for low-rank chains that are all filled up to the longest of them."""
    sizes: list[tuple[int, ...]] = [root.checkpoint.tensors[name].shape for name in names]
    chains = [(max(size), min(size)) for size in sizes]
    longest = max((rank for _, rank in chains), default=0)
    return sum(width * longest for width, _ in chains) * DTYPES[root.small].itemsize


def matrix_bytes(root: Scope, name: str, form: str, rows: Sequence[int] | None = None) -> int:
    """Bytes of a matrix, or of some of its rows, in a format."""
    sizes = root.checkpoint.tensors[name].shape
    count = sizes[0] if rows is None else len(rows)
    if form not in QUANTISED:
        size: int = count * prod(sizes[1:]) * DTYPES[form].itemsize
        return size
    shape = root.checkpoint.packed_shape(name)
    if shape is not None:
        return shape._replace(outputs=count).nbytes
    kind = kind_for(form, sizes[1])
    return max(Shape(kind, count, sizes[1], by_unit).nbytes for by_unit in (False, True))
