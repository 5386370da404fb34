"""Products of many rows with matrices of floats: tiles in registers, sums in float32."""

from typing import NamedTuple

import torch
from torch import Tensor

from app.kernels.pointer_table import PointerTable

from .base import KINDS, Base, address_of, ready
from .ops_matrix import ACTS, MOST_ROWS

_ROWS = 24  # every instruction set's strip divides it
_VECTOR = 32  # numbers; a row of a packed strip is whole vectors
_WIDE = 32  # columns that a thread takes at once
_PARTS_A_THREAD = 4  # of the work, so that threads end together
_APART, _EXACT = 2, 4  # how a matrix lies, beside by output (0) and by unit (1), tiles.h
_LIMITED = 5  # matrices that can have sizes of their own, tiles.h


class Sizes(NamedTuple):
    """A stack of products (rows, width) times (outputs, width)."""

    stack: int
    rows: int
    outputs: int
    width: int


class MatmulOptions(NamedTuple):
    """What is done besides the product; ``row`` is how far apart the rows of x are (0: dense).

    ``outputs`` and ``widths`` are those of each matrix, where they are not those of the stack.
    """

    acts: tuple[str, ...] = ()
    gate: Tensor | None = None
    onto: bool = False
    bias: Tensor | None = None
    by_unit: bool = False
    row: int = 0
    outputs: tuple[int, ...] = ()
    widths: tuple[int, ...] = ()


_PLAIN = MatmulOptions()


class ProductOps(Base):
    """Products of more rows than share one reading of the weights; others go to the next class.

    ``by_hardware`` tells that the processor has units for bfloat16 matrices (AMX), which torch
    uses: there such products are left to torch.
    """

    by_hardware = bool(getattr(torch.cpu, "_is_amx_tile_supported", bool)())

    def matmul(self, x: Tensor, weight: Tensor, act: str) -> Tensor:
        """See Ops."""
        sizes = _sizes(x, weight)
        if not self.suits(sizes, x, weight):
            return super().matmul(x, weight, act)
        # what comes of a square-ReLU is the largest of all and only goes into another product
        short = act == "relu2" and weight.dtype == torch.bfloat16 and not self.exact
        y = self.empty((*x.shape[:-1], sizes.outputs), weight.dtype if short else torch.float32)
        self.tiles(y, x, weight, sizes, MatmulOptions(acts=(act,)))
        return y

    def matmul_stack(self, x: Tensor, weight: Tensor | PointerTable) -> Tensor:
        """See Ops."""
        sizes = _sizes(x, weight)
        if not self.suits(sizes, x, weight):
            return super().matmul_stack(x, weight)
        y = self.empty((*x.shape[:-1], sizes.outputs))
        self.tiles(y, x, weight, sizes, _PLAIN)
        return y

    def matmul_onto(self, out: Tensor, x: Tensor, weight: Tensor, gate: Tensor | None) -> None:
        """See Ops."""
        sizes = _sizes(x, weight)
        if not self.suits(sizes, x, weight) or not _joins(out, gate):
            super().matmul_onto(out, x, weight, gate)
            return
        self.tiles(out, x, weight, sizes, MatmulOptions(gate=gate, onto=True))

    def matmul_units_onto(
        self, out: Tensor, x: Tensor, weight: Tensor, gate: Tensor | None
    ) -> None:
        """See Ops."""
        width = weight.shape[1]
        sizes = Sizes(1, x.numel() // width, out.shape[-1], width)
        if not self.suits(sizes, x, weight) or not _joins(out, gate):
            super().matmul_units_onto(out, x, weight, gate)
            return
        self.tiles(out, x, weight, sizes, MatmulOptions(gate=gate, onto=True, by_unit=True))

    def mix6(self, shifted: Tensor, low: Tensor, up: Tensor, mixes: Tensor) -> Tensor:
        """See Ops."""
        n, width, rank = up.shape
        sizes = Sizes(n, low.numel() // (n * rank), width, rank)
        fits = ready(shifted, mixes) and up.dtype == mixes.dtype
        if not fits or not self.suits(sizes, low, up):
            whole: Tensor = self.fallback("mix6", shifted, low, up, mixes)
            return whole
        high = self.empty((n, *shifted.shape[1:]), mixes.dtype)
        self.tiles(high, low, up, sizes, MatmulOptions(row=n * rank))
        y = self.empty(high.shape, mixes.dtype)
        self.call("blend6", y, shifted, high, mixes, n, sizes.rows, width, KINDS[mixes.dtype])
        return y

    def suits(self, sizes: Sizes, x: Tensor, weight: Tensor | PointerTable) -> bool:
        """Whether a product is one for tiles."""
        known = x.dtype in (torch.float32, weight.dtype) and weight.dtype in KINDS
        left = self.by_hardware and weight.dtype == torch.bfloat16 and not self.exact
        return sizes.rows > MOST_ROWS and known and not left and ready(x, address_of(weight))

    def tiles(
        self, y: Tensor, x: Tensor, weight: Tensor | PointerTable, sizes: Sizes, how: MatmulOptions
    ) -> None:
        """y = act(x W^T + bias), or y += gate * that."""
        if self.exact:
            x = self.floats(x)
        threads = torch.get_num_threads()
        wide, high = _blocks(sizes, threads)
        lines = sizes.stack * -(-sizes.rows // _ROWS) * _ROWS
        packed = self.empty((lines * -(-sizes.width // _VECTOR) * _VECTOR,))
        panels = self.empty((threads * wide * sizes.width,))
        kinds = KINDS[weight.dtype], KINDS[x.dtype], KINDS[y.dtype]
        acts = sum(ACTS[act] << 2 * place for place, act in enumerate(how.acts))
        lies = _APART if isinstance(weight, PointerTable) else int(how.by_unit)
        lies += _EXACT * (y.dtype == x.dtype == torch.float32 and self.exact)
        limits = (*_padded(how.outputs), *_padded(how.widths))
        places = (y, x, address_of(weight), packed, panels, wide * sizes.width)
        self.call(
            *("tiles", *places, *sizes, how.row, *kinds),
            *(acts, how.gate, how.onto, wide, high, how.bias, lies, *limits),
        )


def _sizes(x: Tensor, weight: Tensor | PointerTable) -> Sizes:
    stack = weight.shape[0] if len(weight.shape) == 3 else 1
    outputs, width = weight.shape[-2:]
    return Sizes(stack, x.numel() // max(1, stack * width), outputs, width)


def _joins(out: Tensor, gate: Tensor | None) -> bool:
    return ready(out, gate) and (gate is None or gate.dtype == torch.float32)


def _padded(limits: tuple[int, ...]) -> tuple[int, ...]:
    return (*limits, *(0,) * (_LIMITED - len(limits)))


def _blocks(sizes: Sizes, threads: int) -> tuple[int, int]:
    """How many columns and rows of a result are one part of the work."""
    floors = max(1, _PARTS_A_THREAD * threads // (2 * sizes.stack * -(-sizes.outputs // _WIDE)))
    high = -(-sizes.rows // floors)
    return _WIDE, -(-high // _ROWS) * _ROWS
