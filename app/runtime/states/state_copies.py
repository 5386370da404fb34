"""Copies a state, whoever wrote it, into a .safetensors of ours; computes nothing, needs no torch.

One that was saved here is copied byte for byte.  Of others the numbers keep their type and bits and
only the container changes, so nothing in the copy can be run.  Tuned matrices of a .pth lie
transposed in a .safetensors (see ``state_formats``).
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from app.errors import DamagedState
from app.runtime.checkpoint.stored import BYTES_PER_NUMBER, Container, Stored, order, shown
from app.runtime.checkpoint.wrappers import unwrapped
from app.runtime.protocol.states import StateFacts

from .state_header import check_numbers, describe, opened_state

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    Numbers = NDArray[Any]

_DTYPES = {"fp64": "F64", "fp32": "F32", "fp16": "F16", "bf16": "BF16"}
_PIECE_BYTES = 4 << 20
_MOST_BYTES = 1 << 31  # a state of the largest model has a thirtieth of that


class _Part(NamedTuple):
    """A tensor of the copy: its type by both names, its shape, and what gives its numbers."""

    dtype: str
    shape: tuple[int, ...]
    numbers: "Callable[[], Numbers]"


def copy_state(path: Path, file: BinaryIO) -> StateFacts:
    """Write the state at ``path`` to an open file; what is told of it.

    Raises RequestRefused (fact why) for what is no state, NotFound, Unreadable, DamagedState and
    HostileCheckpoint, each with the fact path, and OSError where it cannot be written.
    """
    with opened_state(path) as container:
        facts = describe(container)
        if facts.kind == "saved":
            check_numbers(container, facts)
            _copy_whole(container, file)
        else:
            _write(_parts_of(container, facts), file)
        return facts


def _copy_whole(container: Container, file: BinaryIO) -> None:
    (source,) = container.sources
    for first in range(0, source.size, _PIECE_BYTES):
        file.write(source.read(first, min(_PIECE_BYTES, source.size - first)))


def _parts_of(container: Container, facts: StateFacts) -> dict[str, _Part]:
    """The tensors under the names that tuned states have, or with the numbers of a list."""
    tuned = facts.kind == "tuned"
    tensors: Mapping[str, Stored] = unwrapped(container.tensors) if tuned else container.tensors
    parts, total = {}, 0
    for name, stored in tensors.items():
        if stored.dtype not in _DTYPES:
            raise DamagedState(why="not-floats", dtype=stored.dtype)
        total += stored.numbers * BYTES_PER_NUMBER[stored.dtype]
        if total > _MOST_BYTES:
            raise DamagedState(why="shape-impossible", name=shown(name))
        matrix = tuned and name.endswith(".time_state") and len(stored.shape) == 3
        flipped = matrix and container.format != "safetensors"
        parts[name] = _part(container, stored, flipped=flipped)
    return parts


def _part(container: Container, stored: Stored, *, flipped: bool) -> _Part:
    shape = stored.shape

    def numbers() -> "Numbers":
        array = _read(container, stored)
        return array.swapaxes(1, 2) if flipped else array

    return _Part(stored.dtype, (shape[0], shape[2], shape[1]) if flipped else shape, numbers)


def _read(container: Container, stored: Stored) -> "Numbers":
    """The stored bits, as whole numbers of their size; raises DamagedState for NaN and infinity."""
    import numpy as np  # here: most starts read no state

    width = BYTES_PER_NUMBER[stored.dtype]
    strides = stored.strides or order(stored.shape)
    span = 0
    if stored.numbers:
        span = 1 + sum((size - 1) * step for size, step in zip(stored.shape, strides, strict=True))
    source, begin = container.place(stored)
    raw = source.read(begin + stored.offset, span * width)
    steps = tuple(step * width for step in strides)
    array: Numbers = np.ndarray(stored.shape, f"<u{width}", raw, 0, steps)
    if not _finite(np, array, stored.dtype):
        raise DamagedState(why="not-finite")
    return array


def _finite(numpy: "Any", array: "Numbers", dtype: str) -> bool:
    """A float is NaN or infinite where all bits of its exponent are set."""
    exponents = {"fp64": 0x7FF << 52, "fp32": 0xFF << 23, "fp16": 0x1F << 10, "bf16": 0xFF << 7}
    bits = array.dtype.type(exponents[dtype])
    return not bool(numpy.any((array & bits) == bits))


def _write(parts: Mapping[str, _Part], file: BinaryIO) -> None:
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    begin = 0
    for name, part in parts.items():
        size = BYTES_PER_NUMBER[part.dtype]
        for length in part.shape:
            size *= length
        place = [begin, begin + size]
        entries[name] = {
            "dtype": _DTYPES[part.dtype],
            "shape": list(part.shape),
            "data_offsets": place,
        }
        begin = place[1]
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for part in parts.values():
        file.write(part.numbers().tobytes())
