"""A model's layers as runs that can be moved, changed and parted, and the strategy of them."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from app.runtime.planning.machine import Machine
from app.runtime.planning.plan import formats_on
from app.runtime.planning.segments import Place, in_a_row
from app.runtime.planning.strategy import ON_CPU, Strategy, parse


class LayerRun(NamedTuple):
    """So many layers in a row that lie in one place."""

    place: Place
    layers: int


@dataclass(frozen=True)
class Arrangement:
    """All layers in their order, at least one a run; head and embedding if they lie apart."""

    runs: tuple[LayerRun, ...]
    head: Place | None = None
    embedding: Place | None = None

    @property
    def layers(self) -> int:
        """Of the model."""
        return sum(run.layers for run in self.runs)

    @property
    def text(self) -> str:
        """The strategy's; neighbours in one place are one run in it."""
        rows = [(run.place, run.layers) for run in self.runs if run.layers]
        return Strategy(in_a_row(rows), self.head, self.embedding).settled(self.layers).text

    @property
    def streams(self) -> bool:
        """Whether some of it does not stay where it computes."""
        apart = (self.head, self.embedding)
        places = [run.place for run in self.runs] + [one for one in apart if one is not None]
        return any(place.residency != "resident" for place in places)

    def last_of(self, at: int) -> int:
        """The last layer of a run, counted from 1."""
        return sum(run.layers for run in self.runs[: at + 1])

    def ending(self, at: int, last: int) -> "Arrangement":
        """With another last layer of a run: the next run gets or gives the difference."""
        one, other = self.runs[at], self.runs[at + 1]
        both, first = one.layers + other.layers, self.last_of(at) - one.layers
        own = min(max(1, last - first), both - 1)
        changed = (one._replace(layers=own), other._replace(layers=both - own))
        return replace(self, runs=(*self.runs[:at], *changed, *self.runs[at + 2 :]))

    def placed(self, at: int, place: Place) -> "Arrangement":
        """With a run in another place."""
        run = self.runs[at]._replace(place=place)
        return replace(self, runs=(*self.runs[:at], run, *self.runs[at + 1 :]))

    def parted(self, at: int, place: Place) -> "Arrangement":
        """With the second half of a run in another place; one layer alone cannot be parted."""
        run = self.runs[at]
        rest = run.layers // 2
        halves = (run._replace(layers=run.layers - rest), LayerRun(place, rest))
        return replace(self, runs=(*self.runs[:at], *halves, *self.runs[at + 1 :]))

    def without(self, at: int) -> "Arrangement":
        """With a run's layers given to the run before it, or after the first one."""
        runs = list(self.runs)
        gone = runs.pop(at)
        to = max(0, at - 1)
        runs[to] = runs[to]._replace(layers=runs[to].layers + gone.layers)
        return replace(self, runs=tuple(runs))


class Ground(NamedTuple):
    """What a model with so many layers, in a file of ``dtype``, can be laid out on."""

    layers: int
    dtype: str
    machine: Machine

    def formats(self, device: str) -> tuple[str, ...]:
        """Those in which it runs there, the most exact first."""
        gpu = self.machine.gpu(device)
        if gpu is not None:
            return formats_on(gpu, self.dtype)
        return tuple(parse(text).format for text in ON_CPU)


def arranged(way: Strategy, layers: int) -> Arrangement:
    """The runs of a strategy for a model with so many layers."""
    whole = way.resolved(layers)
    runs = tuple(LayerRun(one.place, one.layers or 0) for one in whole.segments)
    return Arrangement(runs, whole.head, whole.embedding)
