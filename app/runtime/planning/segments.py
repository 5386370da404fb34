"""Where runs of layers lie, and how the counts of a strategy's text share a model's layers out."""

from collections.abc import Sequence
from typing import Literal

import msgspec

Residency = Literal["resident", "mapped", "streamed"]
"""How weights are had when their layer's turn comes.

"resident": they stay in the memory of the device.  "streamed": they stay in the memory of the
machine and are copied to the device.  "mapped": they stay in the file and are read from there.
"""


class Place(msgspec.Struct, frozen=True):
    """A device, a format of weights, and whether the weights stay there.

    ``device`` is "cpu", or "cuda" and "cuda:1" for the first and the second card.  In int8 and
    int4 the projections have so many bits and the rest keeps its own; see ``footprint``.
    """

    device: str
    format: str
    residency: Residency = "resident"

    @property
    def text(self) -> str:
        """Without the residency, e.g. "cpu bf16"."""
        return f"{self.device} {self.format}"

    @property
    def on_gpu(self) -> bool:
        """Whether it computes on a card."""
        return self.device != "cpu"


class Segment(msgspec.Struct, frozen=True):
    """Layers in a row that lie in one place.

    ``first`` counts from 0.  ``layers`` is how many there are; None where only the model's depth
    tells: then it is a share of what the others leave (``Strategy.resolved``), and the ``first``
    of what follows is None.
    """

    device: str
    format: str
    residency: Residency = "resident"
    first: int | None = 0
    layers: int | None = None

    @property
    def last(self) -> int | None:
        """The last of its layers, itself included; None where that is not known."""
        return None if self.first is None or self.layers is None else self.first + self.layers - 1

    @property
    def place(self) -> Place:
        """Device, format and residency."""
        return Place(self.device, self.format, self.residency)

    @property
    def takes_the_rest(self) -> bool:
        """Whether it gets all layers that no count names: one that does not stay and has none."""
        return self.residency != "resident" and self.layers is None


def in_a_row(runs: Sequence[tuple[Place, int | None]]) -> tuple[Segment, ...]:
    """Segments of places and numbers of layers; neighbours in one place become one."""
    joined: list[tuple[Place, int | None]] = []
    for place, layers in runs:
        if joined and joined[-1][0] == place and joined[-1][1] is not None and layers is not None:
            joined[-1] = (place, joined[-1][1] + layers)
        else:
            joined.append((place, layers))
    first: int | None = 0
    made = []
    for place, layers in joined:
        made.append(Segment(place.device, place.format, place.residency, first, layers))
        first = None if first is None or layers is None else first + layers
    return tuple(made)


def shared_out(counts: Sequence[int | None], rest: int | None, slots: int) -> list[int]:
    """How many of ``slots`` each part gets, as the ``rwkv`` package shares them.

    A part gets its count while there are slots left.  What is over then goes to the part
    ``rest``; where there is none, in equal shares to the parts without a count (None); where
    there is none of these either, to the last part.
    """
    got = []
    left = slots
    for count in counts:
        got.append(min(count or 0, left))
        left -= got[-1]
    if rest is not None:
        got[rest] += left
        return got
    free = [i for i, count in enumerate(counts) if count is None]
    for done, i in enumerate(free):
        got[i] = left // (len(free) - done)
        left -= got[i]
    got[-1] += left
    return got
