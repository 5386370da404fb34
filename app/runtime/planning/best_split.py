"""Splits of a model that no card holds: as many layers on the cards as fit, the rest elsewhere."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from app.runtime.spec import Spec

from .footprint import QUANTISED, peak_of
from .segments import Place, in_a_row
from .strategy import Strategy

_PAIRS = (("fp16", "bf16"), ("fp16", "int8"), ("int8", "int8"), ("int4", "int4"))
"""The formats of the layers on the cards and of those on the processor."""


class Model(NamedTuple):
    """A model of these sizes whose file holds ``dtype``, and how many texts it writes at once."""

    spec: Spec
    dtype: str
    texts: int = 1


def splits_of(
    model: Model, room: Mapping[str, int], without: Collection[str] = ()
) -> Iterator[Strategy]:
    """For each pair of formats the split with the most layers on the cards, if any layer fits.

    ``room`` are the bytes that a model may take on each card; the largest one gets the first
    layers.  ``without`` are formats in which a card holds all of it.  Whether the rest has room on
    the processor is not looked at.
    """
    cards = sorted(room, key=lambda card: (-room[card], card))
    packed = model.dtype in QUANTISED
    pairs = ((model.dtype, model.dtype),) if packed else _PAIRS
    for form, beside in (pair for pair in pairs if pair[0] not in without):
        found = _filled(model, form, beside, [(card, room[card]) for card in cards])
        if found is not None:
            yield found


def _filled(
    model: Model, form: str, beside: str, cards: Sequence[tuple[str, int]]
) -> Strategy | None:
    """One card after the other as full as it gets; None where no layer fits on any."""
    layers, rest = model.spec.layers, Place("cpu", beside)
    runs: list[tuple[Place, int]] = []
    for card, room in cards:
        place, left = Place(card, form), layers - sum(count for _, count in runs)
        whole = _split([*runs, (place, left)], None)
        if runs and _peak(model, whole, card) <= room:
            return whole.settled(layers)  # the head fits there, too
        count = _most(model, [*runs, (place, left)], rest, room)
        runs += [(place, count)] if count else []
    return _split(runs, rest).resolved(layers) if runs else None


def _most(model: Model, runs: Sequence[tuple[Place, int]], rest: Place, room: int) -> int:
    """How many layers of the last run fit into ``room``: what they take grows evenly."""
    *before, (place, left) = runs

    def taken(count: int) -> int:
        return _peak(model, _split([*before, (place, count)], rest), place.device)

    if left < 1 or taken(1) > room:
        return 0
    each = max(1, taken(2) - taken(1)) if left > 1 else 1
    count = min(left, 1 + (room - taken(1)) // each)
    while taken(count) > room:  # by what rounding made of it
        count -= 1
    return count


def _split(runs: Sequence[tuple[Place, int]], rest: Place | None) -> Strategy:
    """The runs, and on ``rest`` the other layers and the head."""
    counted: list[tuple[Place, int | None]] = list(runs)
    if rest is None:
        last, _ = counted.pop()
        rest = last
    return Strategy(in_a_row([*counted, (rest, None)]))


def _peak(model: Model, way: Strategy, device: str) -> int:
    return peak_of(model.spec, way, model.dtype, model.texts)[device]
