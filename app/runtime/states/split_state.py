"""What a model on several devices remembers of its texts: each layer's part where it computes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from .state import RecurrentState, State


@dataclass(frozen=True, slots=True)
class SplitState:
    """The memory of B texts in ``parts`` of layers in a row, used like a ``State``."""

    parts: tuple[RecurrentState, ...]

    @property
    def generation(self) -> str:
        """See RecurrentState."""
        return self.parts[0].generation

    @property
    def batch(self) -> int:
        """See RecurrentState."""
        return self.parts[0].batch

    @property
    def nbytes(self) -> int:
        """See RecurrentState; on all devices together."""
        return sum(part.nbytes for part in self.parts)

    @property
    def views(self) -> list[Any]:
        """See RecurrentState."""
        return [view for part in self.parts for view in part.views]

    def host(self) -> State:
        """See RecurrentState."""
        return _one([part.host() for part in self.parts])

    def host_later(self) -> Callable[[], State]:
        """See RecurrentState."""
        later = [part.host_later() for part in self.parts]
        return lambda: _one([part() for part in later])

    def clone(self) -> "SplitState":
        """See RecurrentState."""
        return SplitState(tuple(part.clone() for part in self.parts))

    def rows(self, indices: Sequence[int]) -> "SplitState":
        """See RecurrentState."""
        return SplitState(tuple(part.rows(indices) for part in self.parts))

    def put(self, index: int, row: "SplitState") -> None:
        """See RecurrentState."""
        for part, one in zip(self.parts, row.parts, strict=True):
            part.put(index, one)

    def beside(self, others: Sequence["SplitState"]) -> "SplitState":
        """See RecurrentState."""
        together = zip(self.parts, *(other.parts for other in others), strict=True)
        return SplitState(tuple(first.beside(rest) for first, *rest in together))


def _one(states: Sequence[State]) -> State:
    """A copy of all layers together."""
    shift = torch.cat([state.shift for state in states])
    return State(states[0].generation, shift, torch.cat([state.wkv for state in states]))


def parts_of(state: RecurrentState) -> tuple[RecurrentState, ...]:
    """The parts on each device in the order of the layers; the state itself on a single one."""
    return state.parts if isinstance(state, SplitState) else (state,)
