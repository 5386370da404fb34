"""Random weights of any size made as fast as memory is copied; read like a checkpoint."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from app.kernels.layout import Shape, kind_for
from app.runtime.checkpoint import TensorInfo, identify
from app.runtime.planning.footprint import QUANTISED, head_format

from .shapes import Size, entries

_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_POOL = (1 << 22) - 3  # numbers that are drawn once; no power of two, so that no two rows are alike
_STEP = 7919
_TOP = 127  # of the whole numbers, and of what four bits stand for


class RandomWeights:
    """The tensors of a model that no file holds.

    ``dtype`` is what such a file would have: a type of floats, or "int8" or "int4" for one whose
    projections are packed already, each number as likely as any other.
    """

    def __init__(self, generation: str, size: Size, dtype: str) -> None:
        self.dtype = dtype
        self._packed = dtype in QUANTISED
        self._kind = "bf16" if self._packed else dtype
        self._ends = {
            name: (shape, low, high) for name, shape, low, high in entries(generation, size)
        }
        self.spec = identify({name: shape for name, (shape, _, _) in self._ends.items()})
        bytes_each = _DTYPES[self._kind].itemsize
        self.tensors = {
            name: TensorInfo(shape, self._kind, math.prod(shape) * bytes_each)
            for name, (shape, _, _) in self._ends.items()
        }
        self._uniform = torch.rand(2 * _POOL, generator=torch.Generator().manual_seed(0))
        self._bytes = torch.randint(1, 256, (2 * _POOL,), dtype=torch.uint8)
        self._pools: dict[tuple[float, float], Tensor] = {}
        self._places = {name: place for place, name in enumerate(self._ends)}

    def read(self, name: str, dtype: torch.dtype | None = None) -> Tensor:
        """The tensor in memory of its own."""
        shape, low, high = self._ends[name]
        pool = self._pools.get((low, high))
        if pool is None:
            pool = (low + (high - low) * self._uniform).to(_DTYPES[self._kind])
            self._pools[low, high] = pool
        tensor = torch.empty(math.prod(shape), dtype=pool.dtype)
        self._fill(tensor, pool, name)
        return tensor.view(shape).to(dtype or tensor.dtype)

    def read_into(self, name: str, out: Tensor) -> None:
        """The same into memory that is there: contiguous, of its shape."""
        out.copy_(self.read(name))

    def mapped(self, _name: str, _dtype: torch.dtype | None = None) -> None:
        """None: all is made when it is read."""

    def mapped_packed(self, *_names: str) -> None:
        """None: see ``mapped``."""

    def release(self, *_names: str) -> None:
        """Nothing of it lies anywhere."""

    def watch(self) -> Callable[[], None]:
        """Nothing can change."""
        return lambda: None

    def packed_shape(self, name: str) -> Shape | None:
        """How it lies in a packed copy; None for what is not packed."""
        shape = self._ends[name][0]
        is_matrix = len(shape) == 2 and name.endswith(".weight") and not name.startswith("emb")
        if not (self._packed and is_matrix):
            return None
        form = head_format(self.dtype) if name.startswith("head") else self.dtype
        by_unit = name.endswith("ffn.value.weight")
        return Shape(kind_for(form, shape[1]), shape[0], shape[1], by_unit)

    def read_packed(self, name: str, codes: Tensor, scales: Tensor) -> None:
        """Its bytes, as they lie there."""
        self._fill(codes.view(-1), self._bytes, name)
        scales.fill_(self._ends[name][2] / _TOP)

    def _fill(self, tensor: Tensor, pool: Tensor, name: str) -> None:
        begin = self._places[name] * _STEP
        for number in range(-(-len(tensor) // _POOL)):
            piece = tensor[number * _POOL : (number + 1) * _POOL]
            first = (begin + number * _STEP) % _POOL
            piece.copy_(pool[first : first + len(piece)])
