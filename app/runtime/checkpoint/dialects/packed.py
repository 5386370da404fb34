"""Rookery's own packed copies: projections as they are multiplied, all else under official names.

A packed projection is one line of bytes, its codes and then its scales (kernels/layout.py).  Its
name tells what it is: official name, kind, sizes, "u" where it lies by unit, and the sum of its
bytes as whole numbers of 64 bits, cut to 16 hex digits.
"""

import re
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from app.errors import DamagedCheckpoint, UnsupportedFormat
from app.kernels.layout import KINDS, Shape
from app.runtime.checkpoint.recipes import Recipe, Recipes
from app.runtime.checkpoint.stored import Container, shown

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "rookery-packed-1"
STRATEGY = "strategy"  # the metadata that names the format of most projections
_FAMILY = "rookery-packed-"
_NAME = re.compile(r"([\w.]+)\|(\w+)\|(\d{1,9})x(\d{1,9})\|(u?)\|([0-9a-f]{16})", re.ASCII)


class Unpacked(NamedTuple):
    """A line of bytes as the matrix it stands for."""

    packed: Shape
    checksum: int

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(out, in), if the count of bytes is right."""
        if prod(shape) != self.packed.nbytes:
            raise ValueError
        return (self.packed.outputs, self.packed.inputs)

    def apply(self, tensor: "Tensor") -> "Tensor":
        """The float32 matrix that is multiplied."""
        from app.kernels import packing

        room = packing.empty(self.packed, 1)
        room.codes.view(-1).copy_(tensor[: room.codes.nbytes])
        room.scales.view(-1).copy_(tensor[room.codes.nbytes :].view(room.scales.dtype))
        return packing.unpack(room)[0]


def name_of(name: str, shape: Shape, checksum: int) -> str:
    """What a packed projection is called in the file."""
    sizes = f"{shape.outputs}x{shape.inputs}"
    return f"{name}|{shape.kind}|{sizes}|{'u' * shape.by_unit}|{checksum % 2**64:016x}"


def fits(container: Container) -> bool:
    """Every version is ours, also those that are not read.  Raises UnsupportedFormat for these."""
    said = container.metadata.get("format", "")
    if said.startswith(_FAMILY) and said != FORMAT:
        raise UnsupportedFormat(
            found="a packed copy that another version of Rookery has made",
            wanted="the original model, or a copy packed again from it",
        )
    return said == FORMAT


def recipes(container: Container) -> Recipes:
    """Plain tensors as they are, packed ones unpacked.  Raises DamagedCheckpoint."""
    return dict(map(_recipe, container.tensors))


def _recipe(stored: str) -> tuple[str, Recipe]:
    if "|" not in stored:
        return stored, Recipe(stored)
    found = _NAME.fullmatch(stored)
    if found is None or found[2] not in KINDS or "0" in (found[3], found[4]):
        raise DamagedCheckpoint(why=f"its header does not describe {shown(stored)}")
    shape = Shape(found[2], int(found[3]), int(found[4]), found[5] == "u")
    return found[1], Recipe(stored, (Unpacked(shape, int(found[6], 16)),))
