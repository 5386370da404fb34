"""The memory layout of quantised matrices: sizes and offsets only; imports no array library.

A matrix (out, in) is cut along the input into groups that share one float16 scale an output, and
filled up with zeros to whole groups.  There are two layouts, of equal size but for the padding:

- **by output**, for dense products: panels of 16 outputs; a panel's group is a run of quads, and a
  quad is 4 inputs of output 0, the same 4 of output 1, and so on: 64 numbers, one vector of a
  processor that multiplies bytes four at a time.
- **by unit**, for inputs that are mostly zero: panels of 128 (int8) or 256 outputs; a panel's group
  is a run of inputs, each with its 128 bytes in a row, so that an input of zero is not read.  In
  each run of 64 outputs the
  place 16 a + 4 b + c holds output 16 b + 4 a + c: four such rows interleaved byte by byte are
  quads of 16 outputs in order.

Of int4, one byte holds the numbers of two quads of a panel, the first in its low half, or of the
outputs i and i + 64 of a row.  The scales are (panels, groups, outputs of a panel).  Floats by unit
are panels of 128 outputs as (panels, in, 128).
"""

from typing import NamedTuple

QUAD = 4
PANEL = 16
LINE = 64  # bytes of a vector
ROW = 128  # bytes of a unit in a panel, by unit
FLOAT_PANEL = 128


class Kind(NamedTuple):
    """One quantised format: inputs that share a scale, and bits of a number."""

    group: int
    bits: int

    @property
    def row(self) -> int:
        """By unit, outputs of a panel."""
        return ROW * 8 // self.bits


KINDS = {"int8": Kind(64, 8), "int4": Kind(32, 4), "int8g16": Kind(16, 8)}

# Where an output adds up few products their errors hardly cancel, and few bytes are at stake.
_NARROW = 512
_NARROW_KIND = "int8g16"


def kind_for(form: str, inputs: int) -> str:
    """The kind that a matrix with so many inputs takes in the format "int8" or "int4"."""
    return _NARROW_KIND if inputs < _NARROW else form


class Shape(NamedTuple):
    """A packed matrix: its logical shape and its layout."""

    kind: str
    outputs: int
    inputs: int
    by_unit: bool = False

    @property
    def groups(self) -> int:
        """Scales for each output."""
        return -(-self.inputs // KINDS[self.kind].group)

    @property
    def panel(self) -> int:
        """Outputs of a panel, which are stored together."""
        return KINDS[self.kind].row if self.by_unit else PANEL

    @property
    def padded(self) -> int:
        """Outputs, padded to whole panels."""
        return -(-self.outputs // self.panel) * self.panel

    @property
    def codes(self) -> tuple[int, ...]:
        """The shape of the bytes."""
        kind = KINDS[self.kind]
        panels = self.padded // self.panel
        return (panels, self.groups, self.panel * kind.group * kind.bits // 8)

    @property
    def scales(self) -> tuple[int, ...]:
        """The shape of the float16 scales."""
        return (self.padded // self.panel, self.groups, self.panel)

    @property
    def code_bytes(self) -> int:
        """Bytes of all numbers."""
        kind = KINDS[self.kind]
        return self.padded * self.groups * kind.group * kind.bits // 8

    @property
    def nbytes(self) -> int:
        """Bytes of numbers and scales."""
        return self.code_bytes + 2 * self.padded * self.groups
