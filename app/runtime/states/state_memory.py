"""Memory of one text's state that is used again; knows no model.

A state that is kept takes new memory, some megabytes, and in a virtual machine the page faults of
a megabyte take half a millisecond and more: so what a text needs is taken before it is asked for,
and what no text uses any more waits for the next one.
"""

import weakref
from collections import deque

import torch
from torch import Tensor

_WAITING_BYTES = 64 << 20  # at most, of blocks that nothing uses
_PAGE = 1024  # float32 numbers


class StateMemory:
    """Blocks of one size, that of one text's state; other sizes are malloc's.

    Threads may share it.
    """

    def __init__(self) -> None:
        self._numbers = 0
        self._waiting: deque[Tensor] = deque()

    def have_ready(self, numbers: int, blocks: int) -> None:
        """See to it that so many blocks of ``numbers`` float32 wait, and keep those of this size.

        Raises what torch raises where there is no memory.
        """
        if numbers != self._numbers:
            most = max(blocks, _WAITING_BYTES // (4 * numbers))
            self._numbers, self._waiting = numbers, deque(maxlen=most)
        while len(self._waiting) < blocks:
            block = torch.empty(numbers)
            block.numpy()[::_PAGE] = 0  # each page once
            self._waiting.append(block)

    def give_back(self) -> None:
        """Keep no block that nothing uses."""
        self._waiting.clear()

    def take(self, numbers: int) -> Tensor:
        """(numbers,) float32, uninitialised; its memory waits here again once nothing has it."""
        if numbers != self._numbers:
            return torch.empty(numbers)
        waiting = self._waiting
        try:
            block = waiting.pop()
        except IndexError:
            block = torch.empty(numbers)
        array = block.numpy()[:]  # what has the memory holds this view, and so ends with it
        weakref.finalize(array, waiting.append, block).atexit = False
        return torch.from_numpy(array)


memory = StateMemory()
"""That of this process, which runs one model."""
