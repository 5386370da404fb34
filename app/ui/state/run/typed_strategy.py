"""A strategy as the person types it: which way to run it means, or which part of it is wrong."""

from typing import NamedTuple

from app.errors import StrategyError
from app.messages.translate import tr
from app.runtime.planning.machine import Machine
from app.runtime.planning.plan import formats_on
from app.runtime.planning.strategy import Place, Strategy, parse
from app.runtime.planning.streamed_plans import check_runs_for


class WrongPart(NamedTuple):
    """What is wrong in a strategy's text: from where, how many characters, and why."""

    position: int
    length: int
    words: str


def way_meant(text: str, layers: int, dtype: str, machine: Machine) -> Strategy | WrongPart:
    """The way that is meant for a model of so many layers in a file of ``dtype``, or what is wrong.

    It is settled for the model: counts that go beyond its layers are gone.
    """
    try:
        way = parse(text)
        check_runs_for(dtype, way)
    except StrategyError as failure:
        return _wrong_part(text, failure)
    way = way.settled(layers)
    if any(machine.gpu(card) is None for card in way.cards):
        return WrongPart(0, len(text), tr("There is no such graphics card here."))
    if not all(_runs(place, dtype, machine) for place in way.places):
        return WrongPart(0, len(text), tr("This model does not run in these numbers there."))
    return way


def _runs(place: Place, dtype: str, machine: Machine) -> bool:
    gpu = machine.gpu(place.device)
    return gpu is None or place.format in formats_on(gpu, dtype)


def _wrong_part(text: str, failure: StrategyError) -> WrongPart:
    from app.messages.failures import say  # seldom needed

    part, position = failure.facts.get("part", text), failure.facts.get("position", 0)
    return WrongPart(int(position), len(str(part)) or 1, say(failure).sentences)
