"""Where a model's numbers live and in what type; knows no file and no array.

The text follows the language of the ``rwkv`` package: ``cpu bf16`` is a model in one place,
``cuda fp16 *20 -> cpu int8`` one in two, and of ``cuda int8 *20+`` 20 layers stay on the card
while the others are streamed to it.  ``strategy_text`` has the grammar.
"""

from functools import lru_cache
from itertools import groupby

import msgspec

from app.errors import StrategyError, StrategyUnsupported

from .segments import Place, Segment, in_a_row, shared_out
from .strategy_text import read, written

__all__ = [
    "KNOWN",
    "ON_CPU",
    "ON_GPU",
    "Place",
    "Segment",
    "Strategy",
    "parse",
    "understood",
    "whole_on",
]

ON_CPU = ("cpu fp32", "cpu bf16", "cpu fp16", "cpu int8", "cpu int4")
ON_GPU = ("cuda fp32", "cuda fp16", "cuda bf16", "cuda int8", "cuda int4")
KNOWN = ON_CPU + ON_GPU
"""Every whole placement there is, but for the number of a card; the most exact one of each first.

This is the order of formats wherever several are listed.  16 bits are as good as 32 on a card, and
fp16 keeps three bits more there; on the processor bf16 is the quicker one.
"""


class Strategy(msgspec.Struct, frozen=True):
    """The places of a model's layers in their order, of its head and of its embedding.

    The state and the norms are always float32.  ``head`` is None where it lies with the last
    layer, ``embedding`` where it lies with the first one.
    """

    segments: tuple[Segment, ...]
    head: Place | None = None
    embedding: Place | None = None

    @property
    def whole(self) -> bool:
        """Whether all of it stays on one device in one format."""
        alone = len(self.segments) == 1 and self.segments[0].residency == "resident"
        return alone and self.head is None and self.embedding is None

    @property
    def device(self) -> str:
        """The device of the first layer, which is that of all where it is ``whole``."""
        return self.segments[0].device

    @property
    def format(self) -> str:
        """The format of the first layer, which is that of all where it is ``whole``."""
        return self.segments[0].format

    @property
    def places(self) -> tuple[Place, ...]:
        """Those of the layers in their order, then of the head and of the embedding."""
        layers = (one.place for one in self.segments)
        return (*layers, self.head_place, self.embedding_place)

    @property
    def devices(self) -> tuple[str, ...]:
        """All devices that it names, the one with the first layer first."""
        return tuple(dict.fromkeys(place.device for place in self.places))

    @property
    def cards(self) -> tuple[str, ...]:
        """Those of its devices that are cards."""
        return tuple(device for device in self.devices if device != "cpu")

    @property
    def on_gpu(self) -> bool:
        """Whether any of it computes on a card."""
        return bool(self.cards)

    @property
    def layer_formats(self) -> str:
        """The formats of the layers, wherever these lie: "bf16", or "bf16 *12 -> int8"."""
        runs = [(form, list(some)) for form, some in groupby(self.segments, lambda s: s.format)]
        *before, (last, _) = runs
        counted = [f"{form} *{sum(one.layers or 0 for one in some)}" for form, some in before]
        return " -> ".join([*counted, last])

    @property
    def card(self) -> int:
        """The number of the first layer's card; 0 also for the processor."""
        return int(self.device.partition(":")[2] or 0)

    @property
    def head_place(self) -> Place:
        """Where the head lies."""
        return self.head or self.segments[-1].place

    @property
    def embedding_place(self) -> Place:
        """Where the embedding lies."""
        return self.embedding or self.segments[0].place

    @property
    def text(self) -> str:
        """Canonical; ``parse`` makes the same strategy of it."""
        return written(self.segments, self.head, self.embedding)

    def resolved(self, layers: int) -> "Strategy":
        """The same for a model of so many layers: every segment knows its first and last one.

        As in the ``rwkv`` package the head counts as one layer more, after the others, unless it
        has a place of its own.
        """
        return _resolved(self, layers)

    def settled(self, layers: int) -> "Strategy":
        """What runs a model of so many layers: ``whole_on`` if all of it comes to lie in one place.

        Else as ``resolved`` gives it.
        """
        if self.whole:
            return self
        way = self.resolved(layers)
        return whole_on(way.device, way.format) if way.whole else way

    @property
    def stays(self) -> bool:
        """Whether all of it stays on its devices, so that nothing is streamed."""
        return all(place.residency == "resident" for place in self.places)

    @property
    def runs(self) -> bool:
        """Whether it can be run: not yet what is read from the file and copied to a card."""
        return not any(place.on_gpu and place.residency == "mapped" for place in self.places)

    def check_runs(self) -> None:
        """Raise StrategyUnsupported (facts found, why) for what cannot be run yet."""
        if not self.runs:
            raise StrategyUnsupported(found=self.text, why="streamed")


@lru_cache(1024)
def _resolved(strategy: Strategy, layers: int) -> Strategy:
    own = strategy.head is not None
    counts = [None if one.takes_the_rest else one.layers for one in strategy.segments]
    if not own and counts[-1] is not None:
        counts[-1] += 1
    rest = [i for i, one in enumerate(strategy.segments) if one.takes_the_rest]
    got = shared_out(counts, rest[-1] if rest else None, layers if own else layers + 1)
    ends = max(i for i, share in enumerate(got) if share)
    got[ends] -= 0 if own else 1
    places = [one.place for one in strategy.segments]
    runs = [(place, share) for place, share in zip(places, got, strict=True) if share]
    head = strategy.head or places[ends]
    table = strategy.embedding
    return Strategy(
        in_a_row(runs),
        None if head == runs[-1][0] else head,
        None if table == runs[0][0] else table,
    )


def whole_on(device: str, form: str) -> Strategy:
    """All of a model on one device in one format."""
    return Strategy((Segment(device, form),))


def understood(text: str) -> Strategy | None:
    """What a text means that was kept by an earlier or later version; None for nothing or none."""
    try:
        return parse(text) if text else None
    except StrategyError:
        return None


@lru_cache(1024)
def parse(text: str) -> Strategy:
    """From text, whatever its case and spaces.

    "cpu fp32i8" and the like mean "cpu int8", "cuda:0" is "cuda".  Raises StrategyError (facts
    found, part, position, wanted), which points at the part that is wrong.
    """
    return Strategy(*read(text))
