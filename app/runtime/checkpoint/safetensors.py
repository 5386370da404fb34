"""A safetensors file as a container, checked in every number; imports nothing but the standard.

Format: 8 bytes length, that many bytes of JSON, the data.  github.com/huggingface/safetensors.
"""

import json
from collections.abc import Mapping
from math import prod
from typing import Any

from app.errors import DamagedCheckpoint, HostileCheckpoint, UnsupportedFormat

from .source import Source
from .stored import BYTES_PER_NUMBER, Stored, refuse_overlaps, shown

HEADER_LIMIT = 4 << 20

_DTYPES = {
    "F64": "fp64",
    "F32": "fp32",
    "F16": "fp16",
    "BF16": "bf16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}


class SafetensorsFile:
    """One open ``.safetensors``.  Raises DamagedCheckpoint, HostileCheckpoint."""

    format = "safetensors"

    def __init__(self, source: Source) -> None:
        self._source, self.bytes = source, source.size
        length = int.from_bytes(source.read(0, 8), "little")
        if length > HEADER_LIMIT:
            raise HostileCheckpoint(why="header-too-long", size_bytes=length)
        self._begin = 8 + length
        header = _header(source.read(8, length))
        self.metadata: Mapping[str, str] = _metadata(header.pop("__metadata__", {}))
        self.tensors: Mapping[str, Stored] = {
            name: self._stored(name, entry) for name, entry in header.items()
        }
        refuse_overlaps(self.tensors)

    @property
    def sources(self) -> tuple[Source, ...]:
        """The file."""
        return (self._source,)

    def place(self, stored: Stored) -> tuple[Source, int]:
        """The file, and where in it the data begins."""
        return self._source, self._begin

    def close(self) -> None:
        """Let the file go."""
        self._source.close()

    def _stored(self, name: str, entry: Any) -> Stored:
        try:
            kind, sizes, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedCheckpoint(why="tensor-undescribed", name=shown(name)) from error
        shape = _numbers(name, sizes)
        _numbers(name, [begin, end])
        if not isinstance(kind, str) or kind not in _DTYPES:
            raise UnsupportedFormat(
                found="weights-of-dtype", dtype=shown(str(kind))[:20], wanted="floats"
            )
        dtype = _DTYPES[kind]
        nbytes = prod(shape) * BYTES_PER_NUMBER[dtype]
        if nbytes != end - begin:
            raise DamagedCheckpoint(why="size-contradicts-shape", name=shown(name))
        if self._begin + end > self._source.size:
            raise DamagedCheckpoint(why="ends-early")
        return Stored(name, shape, dtype, nbytes, begin)


def _header(text: bytes) -> dict[str, Any]:
    try:
        readable = text.decode("utf-8", "replace")  # only metadata, which is not needed, may not be
        header = json.loads(readable, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        raise DamagedCheckpoint(why="header-damaged") from error
    if not isinstance(header, dict):
        raise DamagedCheckpoint(why="header-damaged")
    return header


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice in the header")
    return made


def _metadata(entry: Any) -> dict[str, str]:
    if not isinstance(entry, dict | None):
        raise DamagedCheckpoint(why="header-damaged")
    return {key: str(value)[:1000] for key, value in (entry or {}).items()}


def _numbers(name: str, values: Any) -> tuple[int, ...]:
    """Whole numbers from 0 to what a file can hold; no booleans, fractions or NaN."""
    plain = type(values) is list and len(values) <= 8
    if not plain or not all(type(value) is int and 0 <= value < 1 << 48 for value in values):
        raise DamagedCheckpoint(why="place-impossible", name=shown(name))
    return tuple(values)
