"""What every container says of the tensors in it; knows no format and no dialect."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import prod
from typing import NamedTuple, Protocol

from app.errors import HostileCheckpoint

from .source import Source

_LAYER = re.compile(r"\.\d+\.", re.ASCII)


class TensorInfo(NamedTuple):
    """Shape and number type of one tensor; ``nbytes`` as it lies in the file."""

    shape: tuple[int, ...]
    dtype: str
    nbytes: int


class Stored(NamedTuple):
    """One tensor as it lies in a file, under the name it has there.

    ``offset`` is in bytes from where ``Container.place`` says the bytes begin; ``strides``
    (in numbers) is None where the numbers lie in order.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    nbytes: int
    offset: int
    strides: tuple[int, ...] | None = None
    key: str = ""

    @property
    def numbers(self) -> int:
        """How many numbers the tensor has."""
        return prod(self.shape)


class Container(Protocol):
    """A file (or several) holding named tensors."""

    format: str
    bytes: int
    tensors: Mapping[str, Stored]
    metadata: Mapping[str, str]

    @property
    def sources(self) -> tuple[Source, ...]:
        """All files."""

    def place(self, stored: Stored) -> tuple[Source, int]:
        """The file, and where in it the first byte of the tensor lies."""

    def close(self) -> None:
        """Let the files go."""


BYTES_PER_NUMBER = {
    "fp64": 8,
    "fp32": 4,
    "fp16": 2,
    "bf16": 2,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
}


def shown(name: str) -> str:
    """A name out of a file as it may stand in a sentence: short, and without control characters."""
    return "".join(letter if letter.isprintable() else "?" for letter in name[:80])


def patterns_of(names: Iterable[str]) -> str:
    """The names, one a line, where those that differ only in a layer's number stand there once.

    To be searched instead of hundreds of names: it is twenty times shorter.
    """
    return "\n".join(dict.fromkeys(_LAYER.sub(".0.", name) for name in names))


@lru_cache(maxsize=256)
def order(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides, in numbers, of a tensor of ``shape`` whose numbers lie in order."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


def refuse_overlaps(tensors: Mapping[str, Stored]) -> None:
    """Raises HostileCheckpoint where two tensors claim the same bytes of one file."""
    end = 0
    for stored in sorted(tensors.values(), key=lambda stored: stored.offset):
        if stored.nbytes and stored.offset < end:
            raise HostileCheckpoint(why="bytes-shared")
        end = max(end, stored.offset + stored.nbytes)
