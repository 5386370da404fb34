"""How a matrix by unit is divided among threads, computed from its sizes alone.

Panels (layout.py) are few, so each is cut along its units too.  A slice has sums of its own, which
are added up in order: as neither the threads nor the rows have a say in it, results do not depend
on how many there are.
"""

from dataclasses import dataclass
from typing import NamedTuple

_PARTS = 128  # of a matrix: two for each of 64 threads
_LEAST, _MOST = 32 << 10, 128 << 10  # bytes of a slice; less costs more than it is worth
_MOST_SLICES = 16  # of a panel, as their sums take memory


class Group(NamedTuple):
    """Units that are chosen together: how many, and bytes of each in a panel."""

    units: int
    row: int


@dataclass(frozen=True, slots=True)
class Slices:
    """``panels`` of ``groups`` each; ``some`` groups are a slice, fewer may be the last one."""

    panels: int
    groups: int
    some: int
    group: Group

    @property
    def count(self) -> int:
        """Slices of a panel."""
        return -(-self.groups // self.some)


def slices(panels: int, width: int, group: Group) -> Slices:
    """The slices of a matrix of so many panels and units."""
    groups, size = -(-width // group.units), group.units * group.row
    wanted = min(max(panels * groups * size // _PARTS, _LEAST), _MOST)
    count = min(_MOST_SLICES, -(-groups * size // wanted))
    return Slices(panels, groups, -(-groups // count), group)
