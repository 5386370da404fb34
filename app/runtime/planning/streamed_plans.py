"""The ways to run a model that fits nowhere as a whole: what does not stay comes for each token."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from app.errors import StrategyUnsupported

from .footprint import QUANTISED
from .machine import Machine
from .segments import Place, in_a_row
from .strategy import Strategy, parse


class _Judged(Protocol):
    """A plan."""

    @property
    def fits(self) -> bool: ...


_Plan = TypeVar("_Plan", bound=_Judged)

_KEPT = ("bf16", "fp16", "fp32")


def streamed_plans(
    dtype: str, layers: int, machine: Machine, make: Callable[[Strategy], _Plan]
) -> Iterator[_Plan]:
    """On each device, with as many layers staying there as fit; without room the least.

    ``make`` gives the plan of a strategy.
    """
    for gpu in machine.gpus:
        for form in (dtype,) if dtype in QUANTISED else ("fp16", *QUANTISED):
            yield most_that_stays(Place(gpu.device, form, "streamed"), layers, make)
    for form in formats_in_file(dtype):
        yield most_that_stays(Place("cpu", form, "mapped"), layers, make)


def formats_in_file(dtype: str) -> Sequence[str]:
    """The formats in which a file's weights are read again and again.

    As they lie there: to pack them each time would take longer than to read them.
    """
    return (dtype,) if dtype in (*_KEPT, *QUANTISED) else ()


def check_runs_for(dtype: str, way: Strategy) -> None:
    """Raise StrategyUnsupported where a file of ``dtype`` cannot be run in this way.

    ``dtype`` is its type of numbers, or its packed format.
    """
    way.check_runs()
    for place in way.places:
        if place.residency == "mapped" and place.format in QUANTISED and place.format != dtype:
            raise StrategyUnsupported(found=way.text, why="unpacked")


def streamed_on(place: Place, stay: int, layers: int) -> Strategy:
    """The first ``stay`` of so many layers stay, all else of the model comes to ``place``.

    As its own text is read.
    """
    here, embedding = Place(place.device, place.format), place
    if stay == layers:
        whole = Strategy(in_a_row([(here, layers)]), head=place, embedding=embedding)
    elif stay:
        both = in_a_row([(here, stay), (place, layers - stay)])
        whole = Strategy(both, embedding=embedding)
    else:
        whole = Strategy(in_a_row([(place, layers)]))
    return parse(whole.text)


def most_that_stays(place: Place, layers: int, make: Callable[[Strategy], _Plan]) -> _Plan:
    """The plan with most layers in their place that fits; where none does, that with none.

    ``place`` is where the others come to; ``make`` gives the plan of a strategy.
    """
    least, most = 0, layers
    best = make(streamed_on(place, 0, layers))
    while least < most:
        stay = (least + most + 1) // 2
        plan = make(streamed_on(place, stay, layers))
        if plan.fits:
            best, least = plan, stay
        else:
            most = stay - 1
    return best
