"""What has its turn together, and how it comes into the memory where it is used."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from app.runtime.checkpoint.direct_reads import BLOCK_BYTES
from app.runtime.checkpoint.stretch import Stretch

_LINE = 128  # two cache lines

Block = tuple[Stretch, Tensor]


class Turns(Protocol):
    """Brings the weights of a stage before its turn."""

    def begin(self, stage: int) -> None:
        """The stage is about to compute.  Raises what reading its weights raises."""
        ...

    def end(self, stage: int) -> None:
        """It has computed, and the next one is to come."""
        ...


@dataclass
class Stage:
    """A layer, or a part of the head: where in ``memory`` each weight lies, and how it comes.

    ``reads`` are bytes that come as they lie in the file, ``makes`` fill what has to be computed,
    and ``checks`` look at all of it when it has come for the first time.
    """

    memory: Tensor
    nbytes: int = 0
    reads: list[tuple[Stretch, Tensor]] = field(default_factory=list)
    makes: list[Callable[[], None]] = field(default_factory=list)
    checks: list[Callable[[], None]] = field(default_factory=list)

    def take(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Uninitialised numbers.  Raises ValueError where there is too little memory."""
        size = dtype.itemsize * int(torch.Size(shape).numel())
        begin, self.nbytes = self.nbytes, self.nbytes + -(-size // _LINE) * _LINE
        if begin + size > len(self.memory):
            raise ValueError(f"{len(self.memory)} bytes are too few for a stage")
        return self.memory[begin : begin + size].view(dtype).view(shape)

    def place_of(self, part: Tensor) -> int:
        """The first byte of what was taken."""
        return part.data_ptr() - self.memory.data_ptr()

    def fill(self, read: Callable[[Iterable[Block]], object]) -> None:
        """Have all of it come; ``read`` reads blocks.  Raises what reading raises."""
        read(self._blocks())
        for make in self.makes:
            make()
        for check in self.checks:
            check()
        self.checks.clear()

    def come_for_good(self) -> None:
        """Have come what was taken since the last time, and nothing more of it later."""
        self.fill(_read_all)
        self.reads.clear()
        self.makes.clear()

    def _blocks(self) -> list[Block]:
        """Its bytes in pieces that threads share."""
        blocks = []
        for stretch, place in self.reads:
            out = place.view(-1).view(torch.uint8)
            for first in range(0, stretch.nbytes, BLOCK_BYTES):
                size = min(BLOCK_BYTES, stretch.nbytes - first)
                blocks.append((stretch.part(first, size), out[first : first + size]))
        return blocks


def _read_all(blocks: Iterable[Block]) -> None:
    for stretch, out in blocks:
        stretch.read(out)
