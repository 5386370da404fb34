"""Products with matrices of 32 and 16 bits, and the head."""

from typing import Any

from torch import Tensor

from app.kernels.pointer_table import PointerTable

from .base import KINDS, Base, address_of, ready

ACTS = {"": 0, "relu2": 1, "tanh": 2, "sigmoid": 3}

_BATCH, _VECTOR = 8, 16  # rows that go together, and numbers that every vector divides
MOST_ROWS = 32  # beyond, torch's products win, which read their weights in tiles


class MatrixOps(Base):
    """Products whose weights are floats; activations and results are float32.

    Few rows share one reading of the weights.  Many rows go to torch, in the type of the weights.
    """

    takes_pointer_tables = True
    most_alike = MOST_ROWS

    def upload(self, host: Any, dtype: str) -> Any:
        """See Ops; a PointerTable of this type is used as it lies."""
        return host if isinstance(host, PointerTable) else super().upload(host, dtype)

    def matmul(self, x: Tensor, weight: Tensor, act: str) -> Tensor:
        """See Ops; few rows make float32."""
        rows = x.numel() // weight.shape[1]
        if not _fits(rows, x, weight):
            whole: Tensor = self.fallback("matmul", x, weight, act)
            return whole
        out, width = weight.shape
        y = self.empty((*x.shape[:-1], out))
        self._matvec(y, x, weight, (1, rows, out, width), ACTS[act])
        return y

    def matmul_stack(self, x: Tensor, weight: Tensor | PointerTable) -> Tensor:
        """See Ops."""
        stack, out, width = weight.shape
        rows = x.numel() // (stack * width)
        if not _fits(rows, x, weight):
            whole: Tensor = self.fallback("matmul_stack", x, weight)
            return whole
        y = self.empty((*x.shape[:-1], out))
        self._matvec(y, x, weight, (stack, rows, out, width))
        return y

    def matmul_onto(self, out: Tensor, x: Tensor, weight: Tensor, gate: Tensor | None) -> None:
        """See Ops."""
        rows = x.numel() // weight.shape[1]
        if not _fits(rows, x, weight) or not ready(out, gate):
            self.fallback("matmul_onto", out, x, weight, gate)
            return
        gate = None if gate is None else self.floats(gate)
        self._matvec(out, x, weight, (1, rows, *weight.shape), 0, gate, onto=True)

    def head(self, x: Tensor, weight: Tensor) -> Tensor:
        """See Ops; exact in float32 for few rows."""
        rows = x.numel() // weight.shape[1]
        if not _fits(rows, x, weight):
            whole: Tensor = self.fallback("head", x, weight)
            return whole
        return self.matmul(x, weight, "")

    def _matvec(
        self,
        y: Tensor,
        x: Tensor,
        weight: Tensor | PointerTable,
        sizes: tuple[int, int, int, int],
        act: int = 0,
        gate: Tensor | None = None,
        *,
        onto: bool = False,
    ) -> None:
        """``sizes`` are stack, rows, out, width."""
        x, (stack, rows, _, width) = self.floats(x), sizes
        lines = stack * -(-rows // _BATCH) * _BATCH
        near = self.empty((lines, -(-width // _VECTOR) * _VECTOR)) if rows > 2 else None
        how = (KINDS[weight.dtype], act, gate, onto, near, isinstance(weight, PointerTable))
        self.call("matvec", y, x, address_of(weight), *sizes, *how, self.alike)


def _fits(rows: int, x: Tensor, weight: Tensor | PointerTable) -> bool:
    return 0 < rows <= MOST_ROWS and weight.dtype in KINDS and ready(x, address_of(weight))
