"""What a model remembers of the texts it runs: one State for a batch, and its rows.

The arrays are float32 on the host, layers first: ``shift`` (L, 2, B, C) holds the last
normalised inputs of time mixing and channel mixing, ``wkv`` is (L, B, 3, A) in generation 4
(numerator, denominator, peak) and (L, B, H, N, N) after: [key, value] in 5 and 6, [value, key]
in 7, as the official implementations keep it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from app.runtime.spec import Spec

from .state_memory import memory

_M = TypeVar("_M", bound="RecurrentState")

_LINE = 32  # numbers in two lines of a processor's caches
_NO_PEAK = -1e30  # the official start of generation 4's running maximum


class RecurrentState(Protocol):
    """The recurrent state of B texts, on any device; ``State`` is the one in host memory."""

    @property
    def generation(self) -> str:
        """Of the model."""
        ...

    @property
    def batch(self) -> int:
        """How many texts."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        ...

    @property
    def views(self) -> Any:
        """Each layer's parts."""
        ...

    def host(self) -> "State":
        """As a State."""
        ...

    def host_later(self) -> Callable[[], "State"]:
        """Gives it as a State, also in another thread; it must not be changed before."""
        ...

    def clone(self) -> Self:
        """A copy in memory of its own."""
        ...

    def rows(self, indices: Sequence[int]) -> Self:
        """Copies of some texts' memories, in the order given."""
        ...

    def put(self, index: int, row: Any) -> None:
        """Overwrite one text's memory with another's."""
        ...

    def beside(self, others: Sequence[Any]) -> Self:
        """Copies of this and others of the same kind as one."""
        ...


@dataclass(frozen=True, slots=True)
class State:
    """The memory of B texts.  A model advances it in place; copies are the caller's to make.

    ``views`` are each layer's parts, to be written to: the token shifts (B, C) of time mix and
    channel mix, and wkv.
    """

    generation: str
    shift: Tensor
    wkv: Tensor
    views: list[tuple[Tensor, Tensor, Tensor]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        views = [(*pair.unbind(0), wkv) for pair, wkv in zip(self.shift, self.wkv, strict=True)]
        object.__setattr__(self, "views", views)

    @classmethod
    def blank(cls, spec: Spec, batch: int = 1) -> "State":
        """Before the first token."""
        blank = cls(spec.generation, *_allocated(*_shapes(spec, batch)))
        for part in (blank.shift, blank.wkv):
            part.numpy().fill(0)  # in one thread, as what follows
        if spec.generation == "4":
            blank.wkv[:, :, 2] = _NO_PEAK
        return blank

    @property
    def batch(self) -> int:
        """How many texts."""
        return self.shift.shape[2]

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return self.shift.nbytes + self.wkv.nbytes

    def host(self) -> "State":
        """This one: it is there already."""
        return self

    def host_later(self) -> Callable[[], "State"]:
        """See RecurrentState."""
        return self.host

    def beside(self, others: Sequence["State"]) -> "State":
        """Copies of this and others as one."""
        shift = torch.cat([state.shift for state in (self, *others)], 2)
        return State(self.generation, shift, torch.cat([s.wkv for s in (self, *others)], 1))

    def clone(self) -> "State":
        """A copy in memory of its own."""
        shift, wkv = _allocated(tuple(self.shift.shape), tuple(self.wkv.shape))
        fill(shift, self.shift)
        fill(wkv, self.wkv)
        return State(self.generation, shift, wkv)

    def rows(self, indices: Sequence[int]) -> "State":
        """Copies of some texts' memories, in the order given."""
        if list(indices) == list(range(self.batch)):
            return self.clone()
        layers, pair, _, width = self.shift.shape
        count = len(indices)
        inner = self.wkv.shape[2:]
        shift, wkv = _allocated((layers, pair, count, width), (layers, count, *inner))
        _take(self.shift, indices, 2, shift)
        _take(self.wkv, indices, 1, wkv)
        return State(self.generation, shift, wkv)

    def layers(self, first: int, end: int) -> "State":
        """A copy of some layers' part, from ``first`` up to ``end``."""
        return State(self.generation, copied(self.shift[first:end]), copied(self.wkv[first:end]))

    def put(self, index: int, row: "State") -> None:
        """Overwrite one text's memory with that of a State of one text."""
        self.shift[:, :, index] = row.shift[:, :, 0]
        self.wkv[:, index] = row.wkv[:, 0]


def stack(states: Sequence[_M]) -> _M:
    """One memory of all texts, in order."""
    return states[0].beside(states[1:])


def have_ready(spec: Spec, states: int) -> None:
    """Have memory at hand for the states of so many texts.  Raises as torch does without any."""
    memory.have_ready(_numbers(*_shapes(spec, 1)), states)


def _shapes(spec: Spec, batch: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of ``shift`` and ``wkv``."""
    shift = (spec.layers, 2, batch, spec.width)
    if spec.generation == "4":
        return shift, (spec.layers, batch, 3, spec.attention_width)
    return shift, (spec.layers, batch, spec.heads, spec.head_size, spec.head_size)


def _numbers(shift: tuple[int, ...], wkv: tuple[int, ...]) -> int:
    """Of one block for both."""
    return _up(prod(shift)) + prod(wkv)


def _allocated(shift: tuple[int, ...], wkv: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Both of these shapes, uninitialised, in one block."""
    block, end = memory.take(_numbers(shift, wkv)), prod(shift)
    return block[:end].view(shift), block[_up(end) :].view(wkv)


def _up(numbers: int) -> int:
    """To the next line of the caches."""
    return -(-numbers // _LINE) * _LINE


def fill(view: Tensor, source: Tensor) -> None:
    """Copy in one thread: torch's own copy wakes another, which takes longer than the copy."""
    np.copyto(view.numpy(), source.numpy())


def copied(source: Tensor) -> Tensor:
    """A copy that was made in one thread."""
    copy = torch.empty_like(source)
    fill(copy, source)
    return copy


def _take(source: Tensor, indices: Sequence[int], axis: int, out: Tensor) -> None:
    """Copy some places along an axis, in one thread as well."""
    np.take(source.numpy(), list(indices), axis, out.numpy(), mode="wrap")


def official_state(state: State, index: int = 0) -> dict[str, Tensor]:
    """One text's memory by name, in the order of the official implementation's list of states.

    ``state.<layer>.att_x`` (C,), then ``S`` (H, N, N), or ``aa``, ``bb``, ``pp`` (A,) in
    generation 4, then ``ffn_x`` (C,).
    """
    named: dict[str, Tensor] = {}
    for layer, (att_shift, ffn_shift, wkv) in enumerate(state.views):
        at = f"state.{layer}."
        named[at + "att_x"] = copied(att_shift[index])
        if state.generation == "4":
            named |= {at + n: copied(v) for n, v in zip(_DOVE, wkv[index], strict=True)}
        else:
            named[at + "S"] = copied(wkv[index])
        named[at + "ffn_x"] = copied(ffn_shift[index])
    return named


def official_shapes(spec: Spec) -> dict[str, tuple[int, ...]]:
    """The names and shapes of ``official_state`` for a model of these sizes."""
    inner: dict[str, tuple[int, ...]] = {"S": (spec.heads, spec.head_size, spec.head_size)}
    if spec.generation == "4":
        vector: tuple[int, ...] = (spec.attention_width,)
        inner = dict.fromkeys(_DOVE, vector)
    parts = {"att_x": (spec.width,), **inner, "ffn_x": (spec.width,)}
    return {f"state.{i}.{name}": shape for i in range(spec.layers) for name, shape in parts.items()}


def from_official(named: Mapping[str, Tensor], spec: Spec) -> State:
    """The reverse of ``official_state``: a State of one text."""
    state = State.blank(spec)
    for layer, (att_shift, ffn_shift, wkv) in enumerate(state.views):
        at = f"state.{layer}."
        fill(att_shift[0], named[at + "att_x"])
        fill(ffn_shift[0], named[at + "ffn_x"])
        if spec.generation == "4":
            for view, name in zip(wkv[0], _DOVE, strict=True):
                fill(view, named[at + name])
        else:
            fill(wkv[0], named[at + "S"])
    return state


_DOVE = ("aa", "bb", "pp")
