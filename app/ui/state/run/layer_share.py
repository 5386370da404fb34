"""How many layers stay on the cards, or in memory, as one number that can be changed."""

from collections.abc import Callable
from dataclasses import replace

from app.runtime.planning.footprint import QUANTISED
from app.runtime.planning.plan import Plan
from app.runtime.planning.segments import Place
from app.runtime.planning.strategy import Strategy, whole_on
from app.runtime.planning.streamed_plans import formats_in_file, most_that_stays, streamed_on

from .layer_runs import Arrangement, Ground, LayerRun, arranged


class LayerShare:
    """The strategy that was looked at last as a share of its layers.

    Where a card has a part in it, or could have one, the share are the layers that stay on cards;
    else, where the file is read for each token, those that stay in memory.  The places of both
    sides are remembered while the share is 0 or all.
    """

    def __init__(self) -> None:
        self._ground: Ground | None = None
        self._now: Arrangement | None = None
        self._card: Place | None = None
        self._rest: Place | None = None

    def look(self, way: Strategy, ground: Ground) -> None:
        """Note a strategy; with another model or other cards nothing is remembered."""
        before = self._ground
        if before is None or before.dtype != ground.dtype or _cards(before) != _cards(ground):
            self._card = self._rest = None
        self._ground, self._now = ground, arranged(way, ground.layers)
        for run in self._now.runs:
            staying = Place(run.place.device, run.place.format)
            if run.place.on_gpu:
                self._card = staying
            elif run.place == staying:
                self._rest = staying

    @property
    def streams(self) -> bool:
        """Whether some of it comes for each token."""
        return self._now is not None and self._now.streams

    @property
    def of_memory(self) -> bool:
        """Whether the share is of memory, not of cards."""
        return self.streams and not self._on_card

    @property
    def possible(self) -> bool:
        """Whether there is anything to share between."""
        return self._ground is not None and (bool(self._ground.machine.gpus) or self.streams)

    @property
    def staying(self) -> int:
        """How many layers stay there."""
        if self._now is None:
            return 0
        own = (run for run in self._now.runs if run.place.residency == "resident")
        return sum(run.layers for run in own if run.place.on_gpu or self.of_memory)

    @property
    def _on_card(self) -> bool:
        return self._now is not None and any(run.place.on_gpu for run in self._now.runs)

    def moved(self, staying: int) -> str:
        """The strategy with so many layers there."""
        assert self._now is not None
        assert self._ground is not None
        if self._now.streams:
            return streamed_on(self._stream_place(), staying, self._ground.layers).text
        card, rest = self._card or self._usual_card(), self._rest or self._usual_rest()
        return _with_on_cards(self._now, staying, card, rest).text

    def streamed(self, make: Callable[[Strategy], Plan]) -> str:
        """With as many layers staying there as ``make`` finds room for, the others coming."""
        assert self._ground is not None
        return most_that_stays(self._stream_place(), self._ground.layers, make).strategy.text

    def settled(self) -> str:
        """Nothing comes for each token: the other layers lie on the processor."""
        assert self._now is not None
        assert self._ground is not None
        place, layers = self._stream_place(), self._ground.layers
        if not place.on_gpu:
            return whole_on(place.device, place.format).text
        card, rest = Place(place.device, place.format), self._rest or self._usual_rest()
        plain = Arrangement((LayerRun(card, layers),))
        return _with_on_cards(plain, self.staying, card, rest).text

    def _stream_place(self) -> Place:
        """To where the others come, in which numbers."""
        assert self._now is not None
        apart = (self._now.head, self._now.embedding)
        places = [run.place for run in self._now.runs] + [one for one in apart if one is not None]
        coming = next((one for one in places if one.residency != "resident"), None)
        if coming is not None:
            return coming
        first = next((one for one in places if one.on_gpu), places[0])
        if first.on_gpu:
            return Place(first.device, first.format, "streamed")
        return Place("cpu", self._format_read(first.format), "mapped")

    def _format_read(self, form: str) -> str:
        """What can be read again and again from the file: packed numbers only as they lie there."""
        assert self._ground is not None
        kept = formats_in_file(self._ground.dtype)
        return kept[0] if kept and form in QUANTISED else "fp32" if form in QUANTISED else form

    def _usual_card(self) -> Place:
        """On the card with the most memory, in numbers like those on the processor."""
        assert self._ground is not None
        device = self._ground.machine.gpus[0].device
        form = self._rest.format if self._rest is not None else "fp16"
        wanted = form if form in QUANTISED else "fp16"
        formats = self._ground.formats(device)
        return Place(device, wanted if wanted in formats else formats[0])

    def _usual_rest(self) -> Place:
        """On the processor, in numbers like those on the card."""
        form = self._card.format if self._card is not None else ""
        return Place("cpu", form if form in QUANTISED else "bf16")


def _cards(ground: Ground) -> list[str]:
    return [gpu.device for gpu in ground.machine.gpus]


def _with_on_cards(now: Arrangement, count: int, card: Place, rest: Place) -> Arrangement:
    """So many layers on the cards, first on those where some are; the others as they lie."""
    on_cards = [run for run in now.runs if run.place.on_gpu]
    others = [run for run in now.runs if not run.place.on_gpu]
    left = now.layers - count
    runs = (*_filled(on_cards, count, card), *_filled(others, left, rest))
    changed = replace(now, runs=runs)
    return changed if count and left else Arrangement(runs)


def _filled(runs: list[LayerRun], count: int, usual: Place) -> list[LayerRun]:
    """So many layers in these runs, one after the other; the last one takes what is over."""
    filled: list[LayerRun] = []
    left = count
    for run in runs:
        if left:
            filled.append(run._replace(layers=min(run.layers, left)))
            left -= filled[-1].layers
    if not left:
        return filled
    if not filled:
        return [LayerRun(usual, left)]
    return [*filled[:-1], filled[-1]._replace(layers=filled[-1].layers + left)]
