"""Records the library calls of one token, to replay them for the next token in one call.

Like a CUDA graph: every array stays where it was, so only the numbers in them differ.
"""

import weakref
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .library import ARGUMENTS, Library

_LINE = 64

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Records = np.ndarray[Any, np.dtype[np.int64]]


class Tape:
    """Calls in the order they were made, with the memory they use between each other.

    Calls of the library are run together; what else was done is a step of its own between them.
    ``result`` is what all of it gave.
    """

    def __init__(self, library: Library) -> None:
        self.result: Any = None
        self._library = library
        self._threads = torch.get_num_threads()
        self._open: list[bytes] = []
        self._records: list[Records] = []
        self._steps: list[Callable[[], None]] = []
        self._moves = True
        self._free: defaultdict[int, list[Bytes]] = defaultdict(list)

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Memory that lives as long as the tape and is reused once no array refers to it."""
        count = int(np.prod(shape)) * dtype.itemsize
        size = max(_LINE, count)
        free = self._free[size]
        block = free.pop() if free else _aligned(size)
        lent = block.view()
        weakref.finalize(lent, free.append, block).atexit = False
        return torch.from_numpy(lent)[:count].view(dtype).view(shape)

    def add(self, record: bytes) -> None:
        """Record a call of the library."""
        self._open.append(record)

    def add_python(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Call ``function``; its results will always lie where they lie now."""
        self.close()
        kept = function(*arguments)
        self._moves = False  # it may have been given what lies elsewhere the next time
        self._steps.append(lambda: _overwrite(kept, function(*arguments)))
        return kept

    def add_step(self, act: Callable[[], None]) -> None:
        """Run ``act``, which touches no array that may move, at this place from now on."""
        self.close()
        self._steps.append(act)

    def close(self) -> None:
        """Make one step of the calls so far."""
        if not self._open:
            return
        records = np.frombuffer(bytearray(b"".join(self._open)), np.int64)
        records = records.reshape(-1, 1 + ARGUMENTS)
        address, count = records.ctypes.data, len(records)
        run, threads = self._library.run, torch.get_num_threads
        self._records.append(records)
        self._steps.append(lambda: run(address, count, threads()))
        self._open = []

    def again(self, moved: Sequence[tuple[int, int, int]] = ()) -> bool:
        """See Captured; not for more threads than there is memory for."""
        if torch.get_num_threads() > self._threads:
            return False
        if moved:
            if not self._moves:
                return False
            for records in self._records:
                _move(records, moved)
        for step in self._steps:
            step()
        return True


def _move(records: Records, moved: Sequence[tuple[int, int, int]]) -> None:
    """Let what points into an array follow it.  Nothing but an address is as large as one."""
    before = records[:, 1:].copy()
    for begin, end, distance in moved:
        records[:, 1:][(before >= begin) & (before < end)] += distance


def _aligned(size: int) -> Bytes:
    """Bytes aligned to a cache line."""
    block = np.empty(size + _LINE, np.uint8)
    begin = -block.ctypes.data % _LINE
    return block[begin : begin + size]


def _overwrite(kept: Any, new: Any) -> None:
    if isinstance(kept, Tensor):
        if kept is not new:
            kept.copy_(new)
    elif isinstance(kept, tuple):
        for old, one in zip(kept, new, strict=True):
            _overwrite(old, one)
