"""Turns the quantised tensors of a GGUF into floats, a few rows at a time, by the gguf package."""

from typing import TYPE_CHECKING, Any

import numpy
import torch
from gguf.constants import GGMLQuantizationType
from gguf.quants import dequantize

from app.errors import UnsupportedFormat

from .stored import Stored

if TYPE_CHECKING:
    from .source import Source

# The unpacking of some types needs a hundred bytes for every number it makes.
_NUMBERS_AT_ONCE = 1 << 18


def dequantise(source: "Source", begin: int, stored: Stored, dtype: torch.dtype) -> torch.Tensor:
    """The tensor in its stored shape.

    Raises UnsupportedFormat where the installed gguf package cannot unpack its type.
    """
    columns = stored.shape[-1]
    rows = stored.numbers // columns if columns else 0
    width = stored.nbytes // rows if rows else 0
    out = torch.empty((rows, columns), dtype=dtype)
    step = max(1, _NUMBERS_AT_ONCE // max(1, columns))
    for first in range(0, rows, step):
        count = min(step, rows - first)
        packed: Any = numpy.empty(count * width, dtype=numpy.uint8)
        source.read_into(begin + first * width, memoryview(packed))
        floats = _floats(packed.reshape(count, width), stored.dtype)
        out[first : first + count] = torch.from_numpy(floats)
    return out.view(stored.shape)


def _floats(packed: Any, dtype: str) -> Any:
    """Rows of packed bytes as rows of float32; scales of damaged files may overflow silently."""
    try:
        kind = GGMLQuantizationType[dtype.upper()]
        with numpy.errstate(all="ignore"):
            return dequantize(packed, kind)
    except (KeyError, NotImplementedError) as error:
        raise UnsupportedFormat(
            found="weights-packed", dtype=dtype, wanted="other-packing"
        ) from error
