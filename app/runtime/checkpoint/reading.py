"""Brings one tensor from the file into memory of its own, or uses it where it lies; never twice.

The bytes go straight from the file into the new tensor; only a change of number type or a
transposed storage passes through a block of at most ``_BLOCK_BYTES``.
"""

import warnings
from typing import TYPE_CHECKING

import torch

from app.kernels.layout import LINE as _LINE

from .dialects.packed import Unpacked
from .recipes import Recipe
from .stored import BYTES_PER_NUMBER, Container, Stored, order

if TYPE_CHECKING:
    from .source import Source

_BLOCK_BYTES = 16 << 20
_NUMBER = 8  # bytes of the widest; floats that begin inside a vector are read as fast
_LEAST_BYTES = 1 << 16  # what is smaller is read sooner than it is mapped

_DTYPES = {
    "fp64": torch.float64,
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}


def mapped(container: Container, recipe: Recipe, dtype: torch.dtype | None) -> torch.Tensor | None:
    """The tensor where it lies in the file, not to be written to; None where it has to be made."""
    stored = container.tensors[recipe.stored]
    kept = _DTYPES.get(stored.dtype)
    if kept is None or not lies_as_it_is(container, recipe) or dtype not in (None, kept):
        return None
    line = _lying_bytes(container, stored, _NUMBER)
    return None if line is None else line.view(kept).view(stored.shape)


def lies_as_it_is(container: Container, recipe: Recipe) -> bool:
    """Whether the stored numbers are floats that lie in the order of the official tensor."""
    stored = container.tensors[recipe.stored]
    return not recipe.steps and stored.strides is None and stored.dtype in _DTYPES


def mapped_packed(
    container: Container, recipe: Recipe, step: Unpacked
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The codes and scales of a whole stack, each (n, ...), where they lie; see ``mapped``."""
    line = _lying_bytes(container, container.tensors[recipe.stored], _LINE)
    if line is None:
        return None
    shape, count = step.packed, step.rows
    codes, scales = line[: count * shape.code_bytes], line[count * shape.code_bytes :]
    return codes.view(count, *shape.codes), scales.view(torch.half).view(count, *shape.scales)


def _lying_bytes(container: Container, stored: Stored, alignment: int) -> torch.Tensor | None:
    """The stored bytes where they lie, in memory by now; None where they are to be read.

    They begin at a multiple of ``alignment``.  Raises DamagedCheckpoint, Unreadable.
    """
    source, begin = container.place(stored)
    begin += stored.offset
    if begin % alignment or stored.nbytes < _LEAST_BYTES:
        return None
    mapping = source.mapping()
    if mapping is None:
        return None
    mapping.bring_in(source, begin, stored.nbytes)
    with warnings.catch_warnings():  # that it cannot be written to
        warnings.simplefilter("ignore", UserWarning)
        return torch.frombuffer(
            mapping.memory, dtype=torch.uint8, count=stored.nbytes, offset=begin
        )


def read_into(container: Container, recipe: Recipe, out: torch.Tensor) -> None:
    """Fill ``out``, contiguous and of the official shape, as ``read_tensor`` does."""
    stored = container.tensors[recipe.stored]
    kept = _DTYPES.get(stored.dtype)
    if kept is None or not lies_as_it_is(container, recipe):
        out.copy_(read_tensor(container, recipe, out.dtype))
        return
    source, begin = container.place(stored)
    fill(out, source, begin + stored.offset, kept)


def read_tensor(container: Container, recipe: Recipe, dtype: torch.dtype | None) -> torch.Tensor:
    """What the recipe makes of its stored tensor.  Raises DamagedCheckpoint, Unreadable."""
    stored = container.tensors[recipe.stored]
    source, begin = container.place(stored)
    begin += stored.offset
    if stored.dtype == "uint8":
        return _unpacked(source, begin, stored, recipe).to(dtype or torch.float32)
    whole = _whole(source, begin, stored, dtype or _DTYPES.get(stored.dtype, torch.float32))
    made = whole
    for step in recipe.steps:
        made = step.apply(made)
    own = made.untyped_storage().nbytes() == made.numel() * made.element_size()
    return made.contiguous() if own else made.clone(memory_format=torch.contiguous_format)


def read_packed(
    container: Container, recipe: Recipe, step: Unpacked, parts: tuple[torch.Tensor, ...]
) -> None:
    """Fill a matrix's codes and scales with the stored bytes; see ``read_tensor``."""
    stored = container.tensors[recipe.stored]
    source, begin = container.place(stored)
    begin += stored.offset
    for part, place in zip(parts, step.places, strict=True):
        source.read_into(begin + place, _bytes_of(part))


def checksum(*parts: torch.Tensor) -> int:
    """The sum of all bytes as whole numbers of 64 bits, modulo 2^64."""
    return sum(int(part.view(-1).view(torch.int64).sum()) for part in parts) % 2**64


def _unpacked(source: "Source", begin: int, stored: Stored, recipe: Recipe) -> torch.Tensor:
    line = torch.empty(stored.nbytes, dtype=torch.uint8)
    source.read_into(begin, _bytes_of(line))
    for step in recipe.steps:
        line = step.apply(line)
    return line


def _whole(source: "Source", begin: int, stored: Stored, dtype: torch.dtype) -> torch.Tensor:
    """The stored tensor in its stored shape."""
    kept = _DTYPES.get(stored.dtype)
    if kept is None:
        from .dequantising import dequantise

        return dequantise(source, begin, stored, dtype)
    if stored.strides is not None:
        return _strided(source, begin, stored, dtype)
    out = torch.empty(stored.shape, dtype=dtype)
    fill(out, source, begin, kept)
    return out


def fill(out: torch.Tensor, source: "Source", begin: int, kept: torch.dtype) -> None:
    """Fill ``out`` with numbers that lie in order and have the type ``kept``."""
    if kept == out.dtype:
        source.read_into(begin, _bytes_of(out))
    else:
        _convert_into(out.view(-1), source, begin, kept)


def _convert_into(out: torch.Tensor, source: "Source", begin: int, kept: torch.dtype) -> None:
    """Fill ``out`` [count] from numbers of the type ``kept``, block by block."""
    width = kept.itemsize
    block = _BLOCK_BYTES // width
    scratch = torch.empty(min(block, out.numel()), dtype=kept)
    for first in range(0, out.numel(), block):
        part = scratch[: min(block, out.numel() - first)]
        source.read_into(begin + first * width, _bytes_of(part))
        out[first : first + len(part)] = part


def _strided(source: "Source", begin: int, stored: Stored, dtype: torch.dtype) -> torch.Tensor:
    """A tensor whose numbers do not lie in order, as torch saves transposed views."""
    strides = stored.strides or order(stored.shape)
    if len(stored.shape) == 2 and strides == (1, stored.shape[0]):
        return _transposed(source, begin, stored, dtype)
    reach = 1 + sum((n - 1) * s for n, s in zip(stored.shape, strides, strict=True))
    line = torch.empty(reach, dtype=_DTYPES[stored.dtype])
    source.read_into(begin, _bytes_of(line))
    return line.as_strided(stored.shape, strides).to(dtype).contiguous()


def _transposed(source: "Source", begin: int, stored: Stored, dtype: torch.dtype) -> torch.Tensor:
    rows, columns = stored.shape
    width = BYTES_PER_NUMBER[stored.dtype]
    out = torch.empty(stored.shape, dtype=dtype)
    block = max(1, _BLOCK_BYTES // (rows * width))
    for first in range(0, columns, block):
        part = torch.empty((min(block, columns - first), rows), dtype=_DTYPES[stored.dtype])
        source.read_into(begin + first * rows * width, _bytes_of(part))
        out[:, first : first + len(part)] = part.T
    return out


def _bytes_of(tensor: torch.Tensor) -> memoryview:
    """The memory of a contiguous tensor, to be written to."""
    return memoryview(tensor.view(-1).view(torch.uint8).numpy())  # type: ignore[arg-type]
