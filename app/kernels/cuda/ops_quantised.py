"""Products with packed matrices on a card, in the very layout of layout.py.

One or two rows: packed.cu, which makes the activations whole numbers by itself.  Up to
``MOST_ROWS``: packed_rows.cu on matrix units for bytes.  More: packed_tiles.cu makes some panels
at a time float16 for the card's own products.  By unit, one or two rows leave out what belongs to
inputs of zero (packed_units.cu); more read all (packed_unit_rows.cu), many are made float16, too.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from app.kernels.layout import KINDS, Shape
from app.kernels.packing import Packed

from .base import Base
from .device import DTYPES, FORMS, Array, Product
from .placed import Placed, exponents, packer

ACTS = {"": 0, "relu2": 1, "tanh": 2, "sigmoid": 3}

MOST_ROWS = 64  # beyond, weights made float16 once cost less than being read for every 16 rows

_NAMES = {"int8": "INT8", "int4": "INT4", "int8g16": "INT8G16"}
_NUMBERS = {"fp32": 0, "fp16": 1, "bf16": 2}  # Form of packed.cuh

_FEW = (1, 2)
_SOME = (8, 16)

_ROWS = {"packed": _FEW, "packed_rows": _SOME, "packed_units": _FEW}


def _programs() -> Iterator[tuple[str, dict[str, int | str]]]:
    for kind in _NAMES.values():
        for program, buckets in _ROWS.items():
            for rows in buckets:
                yield program, {"KIND": kind, "ROWS": rows}
        yield "packed_unit_rows", {"KIND": kind}
        yield "packed_tiles", {"KIND": kind}


PROGRAMS = tuple(_programs())

_WARP = 32
_THREADS = 256
_HELD = 8192  # inputs in a block's shared memory, packed.cu
_BLOCKS = {1: 3, 2: 2}  # of a multiprocessor, packed.cu
_CHUNK_BYTES = 256
_PIECE = 16  # inputs
_TILE_ROWS = 8
_RUN = 32  # inputs that a slot or a warp takes at once, by unit
_MOST_RUNS = 256  # of a block, packed_units.cu
_UNIT_WARPS = 4  # packed_unit_rows.cu
_TILE = 1 << 24  # numbers of float16 at once


class _Ending(NamedTuple):
    """What is done with the sums of a product; ``gate`` is float32."""

    act: int = 0
    gate: Array | None = None
    onto: bool = False


class QuantisedOps(Base):
    """Products whose weights are small integers with scales; results are float32."""

    by_unit = True
    skipping = True

    def pack(self, host: Tensor, kind: str, *, by_unit: bool) -> Placed:
        """See Ops."""
        return self.place(packer()(host, kind, by_unit=by_unit))

    def place(self, packed: Packed, lies: tuple[Array, Array] | None = None) -> Placed:
        """See Ops."""
        shape, come = packed.shape, None
        if shape.by_unit:
            passes = MOST_ROWS // _TILE_ROWS
            come = self.device.empty((shape.padded // shape.panel * passes,), np.dtype(np.int32))
            self.device.clear(come)
        codes, scales = lies or (self.put(packed.codes), self.put(packed.scales))
        return Placed(shape, codes, scales, tuple(exponents(packed)), come)

    def matmul_packed(self, x: Array, weight: Placed, act: str) -> Array:
        """See Ops."""
        y = self.empty((*x.shape[:-1], weight.shape.outputs))
        self._multiply_packed(y, x, weight, _Ending(ACTS[act]))
        return y

    def matmul_packed_stack(self, x: Array, weight: Placed) -> Array:
        """See Ops."""
        y = self.empty((*x.shape[:-1], weight.shape.outputs))
        self._multiply_packed(y, x, weight, _Ending())
        return y

    def matmul_packed_onto(self, out: Array, x: Array, weight: Placed, gate: Array | None) -> None:
        """See Ops."""
        gate = None if gate is None else self._floats(gate, weight)
        self._multiply_packed(out, x, weight, _Ending(0, gate, onto=True))

    def _multiply_packed(self, y: Array, x: Array, weight: Placed, ending: _Ending) -> None:
        shape = weight.shape
        rows = math.prod(x.shape[:-1]) // weight.count
        if rows > MOST_ROWS:
            self._many_packed(y, x, weight, ending)
        elif shape.by_unit and rows in _FEW:
            self._few_units(y, self._floats(x, weight), weight, ending)
        elif shape.by_unit:
            self._some_units(y, x, weight, ending)
        elif rows in _FEW and rows * shape.groups * KINDS[shape.kind].group <= _HELD:
            self._few_packed(y, x, weight, ending)
        else:
            self._some_packed(y, x, weight, ending)

    def _few_packed(self, y: Array, x: Array, weight: Placed, ending: _Ending) -> None:
        """One or two rows."""
        shape = weight.shape
        rows = math.prod(x.shape[:-1]) // weight.count
        panels = shape.padded // shape.panel
        rounds = -(-panels * weight.count // (self.device.processors * _BLOCKS[rows]))
        self.call(
            self._packed_kernel("packed", "packed", shape, ROWS=rows),
            (-(-panels // rounds), weight.count),
            _WARP * min(8, -(-_chunks(shape) // 8)),
            *(y, x, weight.codes, weight.scales, ending.gate, shape.outputs, shape.inputs),
            *(_number(x), ending.act, ending.onto),
        )

    def _some_packed(self, y: Array, x: Array, weight: Placed, ending: _Ending) -> None:
        """Some rows, in groups of eight on matrix units (tensor cores)."""
        shape = weight.shape
        rows = math.prod(x.shape[:-1]) // weight.count
        constant = _SOME[rows > _SOME[0]]
        passes = -(-rows // constant)
        tiles = passes * constant // _TILE_ROWS
        kernel = self._packed_kernel("packed_rows", "whole", shape, ROWS=constant)
        words, factors = self._whole(kernel, x, weight, tiles)
        pairs = -(-shape.padded // (2 * shape.panel))
        self.call(
            self._packed_kernel("packed_rows", "packed_rows", shape, ROWS=constant),
            (pairs * passes, weight.count),
            _WARP * min(16, -(-_chunks(shape) // 4)),
            *(y, words, factors, weight.codes, weight.scales, ending.gate),
            *(rows, shape.outputs, shape.inputs, ending.act, ending.onto),
        )

    def _whole(self, kernel: Any, x: Array, weight: Placed, tiles: int) -> tuple[Array, Array]:
        """Rows of x as integers for tensor cores, and the scale of each group."""
        shape = weight.shape
        rows = math.prod(x.shape[:-1]) // weight.count
        numbers = tiles * _TILE_ROWS * shape.groups * KINDS[shape.kind].group
        words = self.empty((weight.count, numbers // 2), np.dtype(np.uint32))
        factors = self.empty((weight.count, tiles, shape.groups, _TILE_ROWS))
        self.call(
            kernel,
            (-(-numbers // (_PIECE * _THREADS)), weight.count),
            _THREADS,
            *(words, factors, x, rows, shape.inputs, _number(x), tiles),
        )
        return words, factors

    def _few_units(self, out: Array, x: Array, weight: Placed, ending: _Ending) -> None:
        """One or two rows, many of whose inputs are zero."""
        shape = weight.shape
        rows = math.prod(x.shape[:-1])
        panels = shape.padded // shape.panel
        span = self._span(shape, 2, _THREADS * 16 // shape.panel)
        blocks = -(-shape.groups // span)
        left = self.empty((blocks, rows, shape.padded))
        self.call(
            self._packed_kernel("packed_units", "packed_units", shape, ROWS=rows),
            (panels, blocks),
            _THREADS,
            *(out, x, weight.codes, weight.scales, ending.gate, left, weight.come),
            *(shape.outputs, shape.inputs, span, not self.skipping),
        )

    def _some_units(self, out: Array, x: Array, weight: Placed, ending: _Ending) -> None:
        """Some rows, in groups of eight on matrix units (tensor cores)."""
        shape = weight.shape
        rows = math.prod(x.shape[:-1])
        passes = -(-rows // _TILE_ROWS)
        kernel = self._packed_kernel("packed_unit_rows", "whole_units", shape)
        words, factors = self._whole(kernel, x, weight, passes)
        panels = shape.padded // shape.panel
        span = self._span(shape, 3, _UNIT_WARPS)
        blocks = -(-shape.groups // span)
        left = self.empty((passes, blocks, _TILE_ROWS, shape.padded))
        self.call(
            self._packed_kernel("packed_unit_rows", "packed_unit_rows", shape),
            (panels * passes, blocks),
            _WARP * _UNIT_WARPS,
            *(out, words, factors, weight.codes, weight.scales, ending.gate, left, weight.come),
            *(rows, shape.outputs, shape.inputs, span),
        )

    def _span(self, shape: Shape, wanted: int, least: int) -> int:
        """How many groups of a panel by unit one block computes.

        It is chosen so that each multiprocessor gets ``wanted`` blocks, and a block at least
        ``least`` runs.
        """
        runs = max(1, KINDS[shape.kind].group // _RUN)
        blocks = -(-wanted * self.device.processors * shape.panel // shape.padded)
        span = max(-(-shape.groups // blocks), -(-least // runs))
        return min(span, _MOST_RUNS // runs)

    def _many_packed(self, y: Array, x: Array, weight: Placed, ending: _Ending) -> None:
        """Many rows: products in float16, some panels at a time."""
        shape = weight.shape
        rows = math.prod(x.shape[:-1]) // weight.count
        x = x.reshape((weight.count, rows, shape.inputs))
        y = y.reshape((weight.count, rows, shape.outputs))
        padded = shape.groups * KINDS[shape.kind].group
        for matrix in range(weight.count):
            half = self.empty((rows, padded), DTYPES["fp16"])
            undo = self.empty((rows,))
            self.call(
                self._packed_kernel("packed_tiles", "halves", shape),
                (rows,),
                _THREADS,
                *(half, undo, x[matrix], shape.inputs, shape.groups, _number(x)),
            )
            exponent = weight.exponents[matrix]
            for first, last in _tiles(shape):
                tile = self._tile(weight, matrix, (first, last))
                outputs = tile.shape[shape.by_unit]
                sums = self._multiplied(half, tile, upright=shape.by_unit)
                begin = first * shape.panel
                count = min(outputs, shape.outputs - begin)
                self.call(
                    self._packed_kernel("packed_tiles", "finish", shape),
                    (rows, -(-count // _THREADS)),
                    _THREADS,
                    *(y[matrix], sums, undo, ending.gate, count, outputs, begin, shape.outputs),
                    *(exponent, ending.act, ending.onto),
                )

    def _tile(self, weight: Placed, matrix: int, panels: tuple[int, int]) -> Array:
        """Panels as float16 (outputs, inputs), or by unit (inputs, outputs), padding included."""
        shape, (first, last) = weight.shape, panels
        padded = shape.groups * KINDS[shape.kind].group
        codes, scales = weight.codes[matrix][first:last], weight.scales[matrix][first:last]
        if shape.by_unit:
            outputs = (last - first) * shape.panel
            tile = self.empty((padded, outputs), DTYPES["fp16"])
            name, size, parts = "tile_units", last - first, (last - first) * padded * 8
        else:
            outputs = min(last * shape.panel, shape.outputs) - first * shape.panel
            tile = self.empty((outputs, padded), DTYPES["fp16"])
            name, size, parts = "tile_outputs", outputs, (last - first) * _chunks(shape) * 4
        self.call(
            self._packed_kernel("packed_tiles", name, shape),
            (-(-parts // _THREADS),),
            _THREADS,
            *(tile, codes, scales, size, shape.groups, weight.exponents[matrix]),
        )
        return tile

    def _multiplied(self, x: Array, tile: Array, *, upright: bool) -> Array:
        outputs = tile.shape[upright]
        sums = self.empty((x.shape[0], outputs))
        product = Product(x.shape[0], outputs, x.shape[1], outputs, upright=upright)
        self.multiply(sums, x, tile, product)
        return sums

    def _floats(self, x: Array, weight: Placed) -> Array:
        """The same numbers as float32."""
        if x.dtype == DTYPES["fp32"]:
            return x
        y, count = self.empty(x.shape), math.prod(x.shape)
        kernel = self._packed_kernel("packed_tiles", "floats", weight.shape)
        self.call(kernel, (-(-count // _THREADS),), _THREADS, y, x, count, _number(x))
        return y

    def _packed_kernel(self, program: str, name: str, shape: Shape, **constants: int) -> Any:
        return self.device.kernel(program, name, KIND=_NAMES[shape.kind], **constants)


def _number(x: Array) -> int:
    return _NUMBERS[FORMS[x.dtype]]


def _chunks(shape: Shape) -> int:
    """The chunks of 256 bytes in a panel by output."""
    return math.prod(shape.codes[1:]) // _CHUNK_BYTES


def _tiles(shape: Shape) -> Iterator[tuple[int, int]]:
    """The first panel and the end of each group of panels that becomes float16 at a time."""
    panels = shape.padded // shape.panel
    step = max(1, _TILE // (shape.panel * shape.groups * KINDS[shape.kind].group))
    for first in range(0, panels, step):
        yield first, min(first + step, panels)
