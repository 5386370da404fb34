"""How quantised matrices lie in memory: sizes and places only; imports no array library.

A matrix (out, in) is cut along the input into groups that share one float16 scale an output, and
filled up with zeros to whole groups.  There are two layouts, of equal size but for the padding:

- **by output**, for dense products: panels of 16 outputs; a panel's group is a run of quads, and a
  quad is 4 inputs of output 0, the same 4 of output 1, and so on: 64 numbers, one vector of a
  processor that multiplies bytes four at a time.
- **by unit**, for inputs that are mostly zero: a group is a run of inputs, each with its numbers
  for all outputs in a row, so that an input of zero is not read.  In each run of 64 outputs the
  place 16 a + 4 b + c holds output 16 b + 4 a + c: four such rows interleaved byte by byte are
  quads of 16 outputs in order.

Of int4, one byte holds the numbers of two quads of a panel, the first in its low half, or of the
outputs i and i + 64 of a row.  The scales are (panels, groups, 16), or (groups, outputs).
"""

from typing import NamedTuple

QUAD = 4
PANEL = 16
LINE = 64  # bytes of a vector


class Kind(NamedTuple):
    """One quantised format: inputs that share a scale, and bits of a number."""

    group: int
    bits: int

    @property
    def row(self) -> int:
        """By unit, outputs that are filled up to."""
        return LINE * 8 // self.bits


KINDS = {"int8": Kind(64, 8), "int4": Kind(32, 4), "int8g16": Kind(16, 8)}

# Where an output adds up few products their errors hardly cancel, and few bytes are at stake.
_NARROW = 512
_NARROW_KIND = "int8g16"


def kind_for(form: str, inputs: int) -> str:
    """The kind that a matrix with so many inputs takes in the format "int8" or "int4"."""
    return _NARROW_KIND if inputs < _NARROW else form


class Shape(NamedTuple):
    """A packed matrix: what it stands for and how it lies."""

    kind: str
    outputs: int
    inputs: int
    by_unit: bool = False

    @property
    def groups(self) -> int:
        """Scales an output has."""
        return -(-self.inputs // KINDS[self.kind].group)

    @property
    def padded(self) -> int:
        """Outputs, filled up."""
        step = KINDS[self.kind].row if self.by_unit else PANEL
        return -(-self.outputs // step) * step

    @property
    def codes(self) -> tuple[int, ...]:
        """The shape of the bytes."""
        kind = KINDS[self.kind]
        if self.by_unit:
            return (self.groups, kind.group, self.padded * kind.bits // 8)
        return (self.padded // PANEL, self.groups, PANEL * kind.group * kind.bits // 8)

    @property
    def scales(self) -> tuple[int, ...]:
        """The shape of the float16 scales."""
        if self.by_unit:
            return (self.groups, self.padded)
        return (self.padded // PANEL, self.groups, PANEL)

    @property
    def code_bytes(self) -> int:
        """Bytes of all numbers."""
        kind = KINDS[self.kind]
        return self.padded * self.groups * kind.group * kind.bits // 8

    @property
    def nbytes(self) -> int:
        """Bytes of numbers and scales."""
        return self.code_bytes + 2 * self.padded * self.groups
