"""Products with matrices of 32 and 16 bits, by output and by unit, and the head.

Few rows share one reading of the weights, in kernels of our own that add up in float32 whatever the
types; more go to the card's library (ops_products.py).
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from app.kernels.layout import FLOAT_PANEL
from app.kernels.ops import Loras
from app.kernels.packing import transposed

from .device import DTYPES, FORMS, Array, Device
from .ops_products import PLAIN, MatmulOptions, ProductOps, by_output, by_unit, short
from .ops_products import PROGRAMS as PRODUCTS

MOST_ROWS = 16  # of which a kernel of our own takes eight at once
BUCKETS, UNIT_BUCKETS = (1, 2, 4, 8), (1, 4, 8)

_KERNELS = {"matvec": BUCKETS, "units": UNIT_BUCKETS}


def _programs() -> Iterator[tuple[str, dict[str, int | str]]]:
    for program, buckets in _KERNELS.items():
        for form in DTYPES:
            for rows in buckets:
                yield program, {"WEIGHT": form, "ROWS": rows}


PROGRAMS: tuple[tuple[str, dict[str, int | str]], ...] = (*_programs(), *PRODUCTS)

_WARP = 32
_OUTS, _FEWEST_LANES = 4, 4  # of a team, matvec.cu
_WARPS, _MOST_WARPS = 4, 8
_BUSY = 16  # warps that keep a processor's memory busy
_FIELD, _FIELDS, _EIGHT = 12, 5, 8  # limits of a stack's matrices, matvec.cu
_MOST_TURNS = 1 << 14  # panels of all passes, units.cu


class MatrixOps(ProductOps):
    """Products whose weights are floats.

    Results are float32, but bfloat16 where many rows of a square-ReLU come of bfloat16 weights.
    """

    by_unit, skipping, takes_pointer_tables = True, True, False

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._arrived = device.empty((_MOST_TURNS,), np.dtype(np.uint32))
        device.clear(self._arrived)

    def upload(self, host: torch.Tensor, dtype: str) -> Array:
        """See Ops."""
        return self.put(host, dtype)

    def transposed(self, host: torch.Tensor, dtype: str) -> Array:
        """See Ops."""
        return self.put(transposed(host), dtype)

    def place_loras(self, host: Loras, dtype: str) -> Loras:
        """See Ops; the layout is that of the host."""
        down, up = self.put(host.down, dtype), self.put(host.up, dtype)
        return host._replace(down=down, up=up, bias=self.put(host.bias, "fp32"))

    def matmul(self, x: Array, weight: Array, act: str) -> Array:
        """See Ops."""
        rows, shape = _rows(x), (*x.shape[:-1], weight.shape[0])
        if rows <= MOST_ROWS:
            y = self.empty(shape)
            self._few(y, x, weight, MatmulOptions((act,)))
            return y
        y = self.empty(shape, weight.dtype if act == "relu2" and short(weight) else DTYPES["fp32"])
        self.many(y, x, weight, by_output(rows, weight), MatmulOptions((act,)))
        return y

    def matmul_stack(self, x: Array, weight: Array) -> Array:
        """See Ops."""
        y = self.empty((*x.shape[:-1], weight.shape[1]))
        self._each(y, x, weight, PLAIN)
        return y

    def matmul_onto(self, out: Array, x: Array, weight: Array, gate: Array | None) -> None:
        """See Ops."""
        self._each(out, x, weight, MatmulOptions(gate=gate, onto=True))

    def head(self, x: Array, weight: Array) -> Array:
        """See Ops; with many rows, at least 16 bits of each activation count."""
        rows = _rows(x)
        y = self.empty((*x.shape[:-1], weight.shape[0]))
        if rows <= MOST_ROWS:
            self._few(y, x, weight, PLAIN)
        else:
            self.many_exact(y, x, weight, by_output(rows, weight))
        return y

    def matmul_units_onto(self, out: Array, x: Array, weight: Array, gate: Array | None) -> None:
        """See Ops."""
        rows = _rows(x)
        if rows > MOST_ROWS:
            self.many(out, x, weight, by_unit(rows, weight), MatmulOptions(gate=gate, onto=True))
            return
        panels, width, _ = weight.shape
        kernel, bucket = self._kernel("units", rows, x, weight)
        passes = -(-rows // bucket)
        run, slices = _runs(width, panels * passes, self.device.processors)
        parts = self.empty((passes, panels, slices, bucket, FLOAT_PANEL)) if slices > 1 else None
        arrays = (out, x, weight, gate, parts, self._arrived)
        sizes = (rows, out.shape[-1], width, run, int(self.skipping))
        self.call(kernel, (passes, panels, slices), _WARPS * _WARP, *arrays, *sizes)

    def loras(self, x: Array, loras: Loras) -> Array:
        """See Ops; with few rows, padding is neither read nor computed."""
        n, rank, _ = loras.down.shape
        rows = _rows(x) // n
        y = self.empty((*x.shape[:-1], loras.up.shape[1]))
        first, second = MatmulOptions(loras.acts), MatmulOptions(bias=loras.bias)
        if rows <= MOST_ROWS:
            low = self.empty((*x.shape[:-1], rank))
            limits = _limits(loras.ranks)
            self._few(low, x, loras.down, first, most_outputs=limits)
            self._few(y, low, loras.up, second, most_inputs=limits)
            return y
        kind = loras.down.dtype if short(loras.down) else DTYPES["fp32"]
        low = self.empty((*x.shape[:-1], rank), kind)
        self.many(low, x, loras.down, by_output(rows, loras.down), first)
        self.many(y, low, loras.up, by_output(rows, loras.up), second)
        return y

    def _each(self, y: Array, x: Array, weight: Array, how: MatmulOptions) -> None:
        rows = _rows(x) // (weight.shape[0] if len(weight.shape) == 3 else 1)
        if rows <= MOST_ROWS:
            self._few(y, x, weight, how)
        else:
            self.many(y, x, weight, by_output(rows, weight), how)

    def _few(
        self,
        y: Array,
        x: Array,
        weight: Array,
        how: MatmulOptions,
        *,
        most_outputs: int = 0,
        most_inputs: int = 0,
    ) -> None:
        stack = weight.shape[0] if len(weight.shape) == 3 else 1
        outputs, width = weight.shape[-2:]
        rows = _rows(x) // stack
        kernel, bucket = self._kernel("matvec", rows, x, weight)
        lots = -(-width * weight.dtype.itemsize // 16)
        teams = _teams(stack * outputs, lots, _BUSY * self.device.processors)
        lanes, split, groups = teams
        tile, warps = _WARP // lanes * _OUTS * groups, split * groups
        grid = (-(-rows // bucket), -(-outputs // tile), stack)
        self.call(
            *(kernel, grid, warps * _WARP, y, x, weight, how.bias, how.gate, rows, outputs, width),
            *(most_outputs, most_inputs, how.word, int(how.onto)),
            *(size.bit_length() - 1 for size in teams),
        )

    def _kernel(self, program: str, rows: int, x: Array, weight: Array) -> tuple[Any, int]:
        """The kernel for so many rows, and how many rows it takes at a time."""
        buckets = _KERNELS[program]
        bucket = next((bucket for bucket in buckets if rows <= bucket), buckets[-1])
        name = program if x.dtype == DTYPES["fp32"] else f"{program}_short"
        form = FORMS[weight.dtype]
        return self.device.kernel(program, name, WEIGHT=form, ROWS=bucket), bucket


def _rows(x: Array) -> int:
    return math.prod(x.shape[:-1])


def _teams(outputs: int, lots: int, wanted: int) -> tuple[int, int, int]:
    """The lanes of a team, the warps that share a group's inputs, and the groups: powers of two.

    A row of weights is ``lots`` of 16 bytes; about ``wanted`` warps keep the GPU's memory busy.
    """
    lanes = min(_WARP, max(_FEWEST_LANES, 1 << (lots - 1).bit_length()))
    groups = -(-outputs // (_OUTS * _WARP // lanes))
    split = 1
    while split < _MOST_WARPS and groups * split < wanted and 2 * split * lanes <= lots:
        split *= 2
    return lanes, split, max(1, _WARPS // split)


def _runs(width: int, panels: int, processors: int) -> tuple[int, int]:
    """The inputs of a warp, in whole warps, and the blocks that share a panel."""
    wanted = -(-_BUSY * processors // (_WARPS * panels))
    run = -(-width // (wanted * _WARPS * _WARP)) * _WARP
    return run, -(-width // (run * _WARPS))


def _limits(ranks: tuple[int, ...]) -> int:
    """The ranks as the kernel takes them, rounded up to multiples of 8; 0 if it cannot."""
    eights = [-(-rank // _EIGHT) for rank in ranks]
    if len(eights) > _FIELDS or any(count >= 1 << _FIELD for count in eights):
        return 0
    return sum(count << _FIELD * place for place, count in enumerate(eights))
