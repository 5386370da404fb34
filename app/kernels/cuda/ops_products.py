"""Products of many rows with matrices of floats, which the card's library makes (cuBLAS).

It takes factors of one type and gives float32 sums.  So x is rounded to the type of the weight
before: to float16 with one power of two a row, so that nothing overflows and nothing small is lost
beside what is large; and what the sums become is done after, where it is anything at all.
"""

import math
from dataclasses import replace
from typing import NamedTuple

from .base import FLOAT, Base
from .device import DTYPES, FORMS, Array, Product

ACTS = {"": 0, "relu2": 1, "tanh": 2, "sigmoid": 3}
PROGRAMS: tuple[tuple[str, dict[str, int | str]], ...] = (("products", {}),)

_THREADS = 256
_EACH = 4  # numbers of a thread; products.cu


class MatmulOptions(NamedTuple):
    """What is done with the sums: act(sum + bias), per matrix, or gate * that added to y."""

    acts: tuple[str, ...] = ()
    bias: Array | None = None
    gate: Array | None = None
    onto: bool = False

    @property
    def word(self) -> int:
        """The activations as kernels take them: two bits per matrix."""
        return sum(ACTS[act] << 2 * place for place, act in enumerate(self.acts))

    @property
    def plain(self) -> bool:
        """Whether the sums are the results, unchanged."""
        return not self.word and self.bias is None and self.gate is None


PLAIN = MatmulOptions()


class _Rows(NamedTuple):
    """x in the type of a weight, as (numbers + low) * back with one float a row in ``back``."""

    numbers: Array
    low: Array | None = None
    back: Array | None = None


class ProductOps(Base):
    """Matrix products of any number of rows, efficient for many."""

    def many(
        self, y: Array, x: Array, weight: Array, product: Product, how: MatmulOptions = PLAIN
    ) -> None:
        """y = ..., or y += ..., as ``how`` says; x is float32 or of the weight's type.

        y is (stack, rows, outputs) float32, or bfloat16 where nothing is added to it.  A product
        may have a pitch above its outputs: what is between them is not kept.
        """
        rows = self._rounded(x, weight)
        outputs = y.shape[-1]
        if how.plain and rows.back is None and y.dtype == FLOAT and product.pitch == outputs:
            self.multiply(y, rows.numbers, weight, replace(product, adds=how.onto))
            return
        matrices = math.prod(y.shape) // (product.rows * outputs)
        sums = self.empty((matrices, product.rows, product.pitch))
        self.multiply(sums, rows.numbers, weight, product)
        self._finish(y, sums, rows.back, how)

    def many_exact(self, y: Array, x: Array, weight: Array, product: Product) -> None:
        """y = x w^T, using at least 16 bits of each number of a float32 x."""
        rows = self._rounded(x, weight, exact=True)
        self.multiply(y, rows.numbers, weight, product)
        if rows.low is not None:
            self.multiply(y, rows.low, weight, replace(product, adds=True))
        if rows.back is not None:
            self._finish(y, y, rows.back, PLAIN)

    def _rounded(self, x: Array, weight: Array, *, exact: bool = False) -> _Rows:
        if x.dtype == weight.dtype:
            return _Rows(x)
        numbers = self.empty(x.shape, weight.dtype)
        low = self.empty(x.shape, weight.dtype) if exact else None
        width = x.shape[-1]
        count = math.prod(x.shape)
        if FORMS[weight.dtype] == "bf16":
            kernel = self.device.kernel("products", "to_bf16")
            blocks = -(-count // (_THREADS * _EACH))
            self.call(kernel, (blocks,), _THREADS, numbers, low, x, count)
            return _Rows(numbers, low)
        back = self.empty((count // width,))
        kernel = self.device.kernel("products", "to_fp16")
        self.call(kernel, (count // width,), _THREADS, numbers, low, back, x, width)
        return _Rows(numbers, low, back)

    def _finish(self, y: Array, sums: Array, back: Array | None, how: MatmulOptions) -> None:
        """``sums`` are (matrices, rows, pitch), or y itself."""
        outputs, pitch = y.shape[-1], sums.shape[-1]
        matrices = sums.shape[0] if sums is not y else 1
        rows = math.prod(y.shape) // (matrices * outputs)
        kernel = self.device.kernel("products", f"finish_{FORMS[y.dtype]}")
        grid = (rows, -(-outputs // (_THREADS * _EACH)), matrices)
        arrays = (y, sums, back, how.bias, how.gate)
        self.call(kernel, grid, _THREADS, *arrays, outputs, pitch, how.word, int(how.onto))


def by_output(rows: int, weight: Array) -> Product:
    """x (stack, rows, width) times weights (stack, outputs, width)."""
    stack = weight.shape[0] if len(weight.shape) == 3 else 1
    outputs, width = weight.shape[-2:]
    steps = (rows * width, outputs * width, rows * outputs)
    return Product(rows, outputs, width, outputs, stack, *steps)


def by_unit(rows: int, weight: Array) -> Product:
    """x (rows, width) with weights (panels, width, 128): sums (rows, panels * 128)."""
    panels, width, panel = weight.shape
    whole = panels * panel
    return Product(rows, panel, width, whole, panels, 0, width * panel, panel, upright=True)


def short(weight: Array) -> bool:
    """Whether results as large as a square-ReLU's fit the type of the weight."""
    return bool(weight.dtype == DTYPES["bf16"])
