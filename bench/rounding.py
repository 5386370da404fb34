"""Matrices rounded as a format would hold them: ours, and llama.cpp's by the ``gguf`` package."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import gguf
import torch
from torch import Tensor

from app.kernels.layout import KINDS, kind_for
from app.kernels.packing import pack, unpack
from app.runtime.checkpoint import Checkpoint, TensorInfo
from app.runtime.planning.footprint import head_format
from app.runtime.spec import Spec

MATRIX = re.compile(r"(att|ffn)\.(receptance|key|value|gate|output)\.weight$|^head\.weight$")
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
_HEAD = "head.weight"


class Held(NamedTuple):
    """The float32 numbers that a format keeps of a matrix, and the bits it takes."""

    numbers: Tensor
    bits: int


class Rounding(NamedTuple):
    """What llama.cpp calls the format of the blocks' matrices and of the head."""

    blocks: str
    head: str

    def hold(self, name: str, exact: Tensor) -> Held:
        """Rounded to the nearest, as its reference code does it."""
        kind = gguf.GGMLQuantizationType[self.head if name == _HEAD else self.blocks]
        packed = gguf.quants.quantize(exact.numpy(), kind)
        held = torch.from_numpy(gguf.quants.dequantize(packed, kind))
        return Held(held.reshape(exact.shape), 8 * packed.nbytes)


WAYS = {
    "Q8_0": Rounding("Q8_0", "Q8_0"),
    "Q4_0": Rounding("Q4_0", "Q4_0"),
    "Q4_0, head Q8_0": Rounding("Q4_0", "Q8_0"),
}


def held(name: str, exact: Tensor, form: str) -> Held:
    """A matrix in one of our formats: "bf16", "int8" …"""
    form = head_format(form) if name == _HEAD else form
    if form in _DTYPES:
        dtype = _DTYPES[form]
        return Held(exact.to(dtype).float(), 8 * dtype.itemsize * exact.numel())
    kind = kind_for(form, exact.shape[1])
    groups = -(-exact.shape[1] // KINDS[kind].group)
    a_row = groups * (KINDS[kind].group * KINDS[kind].bits + 16)
    return Held(unpack(pack(exact, kind))[0], a_row * len(exact))


class Rounded:
    """A checkpoint whose matrices went through one of ``WAYS``; see Tensors."""

    def __init__(self, checkpoint: Checkpoint, way: Rounding) -> None:
        self._checkpoint, self._way = checkpoint, way
        self.dtype = checkpoint.dtype

    @property
    def spec(self) -> Spec:
        """See Tensors."""
        return self._checkpoint.spec

    @property
    def tensors(self) -> Mapping[str, TensorInfo]:
        """See Tensors."""
        return self._checkpoint.tensors

    def read(self, name: str, dtype: torch.dtype | None = None) -> Tensor:
        """See Tensors."""
        if not MATRIX.search(name):
            return self._checkpoint.read(name, dtype)
        numbers = self._way.hold(name, self._checkpoint.read(name, torch.float32)).numbers
        return numbers.to(dtype or torch.float32)

    def read_into(self, name: str, out: Tensor) -> None:
        """See Tensors."""
        out.copy_(self.read(name))

    def mapped(self, _name: str, _dtype: torch.dtype | None = None) -> None:
        """See Tensors: what is rounded does not lie in a file."""

    def mapped_packed(self, *_names: str) -> None:
        """See Tensors: this is no packed copy."""

    def release(self, *_names: str) -> None:
        """Nothing of it lies anywhere."""

    def watch(self) -> Callable[[], None]:
        """See Tensors."""
        return self._checkpoint.watch()

    def packed_shape(self, _name: str) -> None:
        """See Tensors: this is no packed copy."""

    def read_packed(self, name: str, codes: Tensor, scales: Tensor) -> None:
        """See Tensors."""
        self._checkpoint.read_packed(name, codes, scales)
