"""How many rows run together: as many as memory sensibly holds; knows no row."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from app.runtime.planning.footprint import parts_of
from app.runtime.planning.machine import Machine
from app.runtime.planning.plan import room_on
from app.runtime.planning.strategy import Strategy
from app.runtime.spec import Spec

T = TypeVar("T")

MOST_ON_CPU, MOST_ON_GPU = 32, 128
"""More together are hardly faster, and the whole group waits for its longest text."""

_SHARE = 0.5  # of the memory that is free once the model is open: other programs want some too
_DTYPE = "fp32"  # of the file, which changes the weights only


def group_size(spec: Spec, way: Strategy, machine: Machine) -> int:
    """So many texts of a model that is open already fit into ``machine``; at least 1."""
    one, two = (parts_of(spec, way, _DTYPE, texts) for texts in (1, 2))
    most = MOST_ON_CPU if "cpu" in way.devices else MOST_ON_GPU
    for device in way.resolved(spec.layers).devices:
        each = sum(two[device][part] - one[device][part] for part in ("state", "workspace"))
        room = int(room_on(machine, device).now * _SHARE)
        most = min(most, room // max(1, each))
    return max(1, most)


def in_groups(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of ``size`` items in order; the last may be shorter."""
    left = iter(items)
    while group := list(islice(left, size)):
        yield group
