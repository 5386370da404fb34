"""Rookery's own packed copies: projections as they are multiplied, all else under official names.

A packed projection is one line of bytes, its codes and then its scales (kernels/layout.py); those
that are multiplied as a stack share a line, all codes and then all scales, so that the stack can be
used where it lies.  The line's name tells what it is: official names, kind, sizes of each, "u" if
it lies by unit, and for each the sum of its bytes as whole numbers of 64 bits, cut to 16 digits in
hex.  The first version had no stacks.
"""

import re
from collections.abc import Iterator, Mapping
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from app.errors import DamagedCheckpoint, UnsupportedFormat
from app.kernels.layout import KINDS, Shape
from app.runtime.checkpoint.recipes import Recipe, Recipes
from app.runtime.checkpoint.stored import Container, Stored, shown

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "rookery-packed-2"
STRATEGY = "strategy"  # the metadata that names the format of most projections
_FAMILY = "rookery-packed-"
_READ = (FORMAT, "rookery-packed-1")
_NAME = re.compile(
    r"([\w.]+(?:,[\w.]+)*)\|(\w+)\|(\d{1,9})x(\d{1,9})\|(u?)\|([0-9a-f]{16}(?:,[0-9a-f]{16})*)",
    re.ASCII,
)


class Unpacked(NamedTuple):
    """A matrix of a line of bytes: the one at ``row`` of the ``rows`` that share it."""

    packed: Shape
    checksum: int
    row: int = 0
    rows: int = 1

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(out, in), if the count of bytes is right."""
        if prod(shape) != self.packed.nbytes * self.rows:
            raise ValueError
        return (self.packed.outputs, self.packed.inputs)

    @property
    def places(self) -> tuple[int, int]:
        """Where in the line its codes begin, and its scales."""
        codes = self.packed.code_bytes
        scales = self.packed.nbytes - codes
        return self.row * codes, self.rows * codes + self.row * scales

    def apply(self, tensor: "Tensor") -> "Tensor":
        """The float32 matrix that is multiplied."""
        from app.kernels import packing

        room = packing.empty(self.packed, 1)
        for part, begin in zip((room.codes, room.scales), self.places, strict=True):
            part.view(-1).copy_(tensor[begin : begin + part.nbytes].view(part.dtype))
        return packing.unpack(room)[0]


def name_of(sums: Mapping[str, int], shape: Shape) -> str:
    """What a line is called in the file; ``sums`` has the matrices in it and their checksums."""
    sizes = f"{shape.outputs}x{shape.inputs}"
    cut = ",".join(f"{checksum % 2**64:016x}" for checksum in sums.values())
    return f"{','.join(sums)}|{shape.kind}|{sizes}|{'u' * shape.by_unit}|{cut}"


def fits(container: Container) -> bool:
    """Every version is ours, also those that are not read.  Raises UnsupportedFormat for these."""
    said = container.metadata.get("format", "")
    if said.startswith(_FAMILY) and said not in _READ:
        raise UnsupportedFormat(
            found="packed-by-other-version",
            wanted="original-or-packed-again",
        )
    return said in _READ


def recipes(container: Container) -> Recipes:
    """Plain tensors as they are, packed ones unpacked.  Raises DamagedCheckpoint."""
    found: Recipes = {}
    for stored in container.tensors.values():
        for name, recipe in _recipes(stored):
            if name in found:
                raise DamagedCheckpoint(why="tensor-twice", name=shown(name))
            found[name] = recipe
    return found


def _recipes(stored: Stored) -> Iterator[tuple[str, Recipe]]:
    if "|" not in stored.name:
        yield stored.name, Recipe(stored.name)
        return
    found = _NAME.fullmatch(stored.name)
    names, sums = (found[1].split(","), found[6].split(",")) if found else ([], [])
    known = found is not None and found[2] in KINDS and "0" not in (found[3], found[4])
    if found is None or not known or stored.dtype != "uint8" or len(names) != len(sums):
        raise DamagedCheckpoint(why="tensor-undescribed", name=shown(stored.name))
    shape = Shape(found[2], int(found[3]), int(found[4]), found[5] == "u")
    for row, (name, checksum) in enumerate(zip(names, sums, strict=True)):
        yield name, Recipe(stored.name, (Unpacked(shape, int(checksum, 16), row, len(names)),))
