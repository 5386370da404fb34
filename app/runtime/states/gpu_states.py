"""What a model on a card remembers of the texts it runs: a block of floats for each of them there.

A block holds, layer by layer, the last normalised input of time mixing and that of channel mixing,
and the wkv part, as ``states`` has them.  Kernels reach the blocks through a table of addresses, so
that a text joins a batch or leaves it without a number being moved.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import torch

from app.kernels.cuda.base import FLOAT, DeviceBuffer
from app.kernels.cuda.device import Array, Device

from .state import State

_LINE = 64  # floats: each part begins at a multiple of 256 bytes
_ADDRESS = np.dtype(np.uint64)

Views = list[tuple[DeviceBuffer, DeviceBuffer, DeviceBuffer]]


@dataclass(frozen=True)
class StateLayout:
    """Where the parts of one text lie in its block; ``wkv`` is one layer's shape."""

    generation: str
    layers: int
    width: int
    wkv: tuple[int, ...]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Floats of a layer's parts."""
        return self.width, self.width, prod(self.wkv)

    @property
    def size(self) -> int:
        """Floats of a block."""
        return self.layers * sum(map(_padded, self.sizes))

    def parts(self, layer: int) -> list[tuple[int, int]]:
        """First float and number of floats of a layer's three parts."""
        first = layer * (self.size // self.layers)
        found = []
        for count in self.sizes:
            found.append((first, count))
            first += _padded(count)
        return found

    def views(self, table: Array) -> Views:
        """Each layer's parts, for the texts whose blocks' addresses ``table`` holds."""
        layers = [self.parts(layer) for layer in range(self.layers)]
        return [tuple(DeviceBuffer(table, *part) for part in parts) for parts in layers]  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class GpuState:
    """The memory of B texts on a card, used like a ``State``; ``blocks`` has one array a text."""

    device: Device
    plan: StateLayout
    blocks: list[Array]
    views: Views = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        table = self.device.empty((len(self.blocks),), _ADDRESS)
        self.device.write(table, self.addresses)
        object.__setattr__(self, "views", self.plan.views(table))

    @classmethod
    def of(cls, state: State, device: Device) -> "GpuState":
        """A copy on the card."""
        plan = StateLayout(
            state.generation, len(state.shift), state.shift.shape[3], state.wkv.shape[2:]
        )
        blocks = []
        for text in range(state.batch):
            flat = np.zeros(plan.size, np.float32)
            for layer, views in enumerate(state.views):
                for (first, count), part in zip(plan.parts(layer), views, strict=True):
                    flat[first : first + count] = part[text].reshape(-1).numpy()
            blocks.append(device.empty((plan.size,), FLOAT))
            device.write(blocks[-1], flat)
        return cls(device, plan, blocks)

    @property
    def generation(self) -> str:
        """See State."""
        return self.plan.generation

    @property
    def batch(self) -> int:
        """How many texts."""
        return len(self.blocks)

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return 4 * self.plan.size * self.batch

    @property
    def addresses(self) -> np.ndarray[Any, Any]:
        """Where the blocks lie."""
        return np.array([self.device.address(block) for block in self.blocks], _ADDRESS)

    def host(self) -> State:
        """A copy on the host."""
        return self.host_later()()

    def host_later(self) -> Callable[[], State]:
        """The card copies it behind the work that it has; whoever calls waits for that."""
        coming = [self.device.read_later(block) for block in self.blocks]
        return lambda: self._state_of([read() for read in coming])

    def _state_of(self, blocks: list[np.ndarray[Any, Any]]) -> State:
        plan, batch = self.plan, self.batch
        shift = torch.empty((plan.layers, 2, batch, plan.width))
        state = State(plan.generation, shift, torch.empty((plan.layers, batch, *plan.wkv)))
        for text, block in enumerate(blocks):
            flat = torch.from_numpy(block)
            for layer, views in enumerate(state.views):
                for (first, count), part in zip(plan.parts(layer), views, strict=True):
                    part[text] = flat[first : first + count].view(part.shape[1:])
        return state

    def clone(self) -> "GpuState":
        """A copy in memory of its own."""
        return self.rows(range(self.batch))

    def rows(self, indices: Sequence[int]) -> "GpuState":
        """Copies of some texts' memories, in the order given."""
        copies = []
        for index in indices:
            copies.append(self.device.empty((self.plan.size,), FLOAT))
            self.device.copy(copies[-1], self.blocks[index])
        return GpuState(self.device, self.plan, copies)

    def put(self, index: int, row: "GpuState") -> None:
        """Overwrite one text's memory with that of a GpuState of one text."""
        self.device.copy(self.blocks[index], row.blocks[0])

    def beside(self, others: Sequence["GpuState"]) -> "GpuState":
        """Copies of this and others as one."""
        copies = [state.clone() for state in (self, *others)]
        return GpuState(self.device, self.plan, [b for state in copies for b in state.blocks])


def _padded(count: int) -> int:
    return -(-count // _LINE) * _LINE
