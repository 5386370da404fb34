"""What one token made the library do, to be done again for the next token in one call.

Like a CUDA graph: every array stays where it was, so only the numbers in them differ.
"""

import ctypes
import weakref
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .library import Library

_LINE = 64


class Captured(NamedTuple):
    """The result of a captured run; ``again()`` computes it anew, in the same memory."""

    result: Any
    again: Callable[[], None]


class Tape:
    """Calls in the order they were made, with the memory they use between each other."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._records: list[bytes] = []
        self._steps: list[Callable[[], None]] = []
        self._free: defaultdict[int, list[np.ndarray[Any, Any]]] = defaultdict(list)

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Memory that lives as long as the tape; once nobody holds it, later results take it."""
        count = int(np.prod(shape))
        size = max(64, count * dtype.itemsize)
        free = self._free[size]
        block = free.pop() if free else _aligned(size)
        lent = block.view()
        weakref.finalize(lent, free.append, block).atexit = False
        whole = torch.from_numpy(lent)
        return whole[: count * dtype.itemsize].view(dtype).view(shape)

    def add(self, record: bytes) -> None:
        """A call of the library."""
        self._records.append(record)

    def add_python(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """A call of ``function``, whose results then always lie where they lie now."""
        self._close()
        kept = function(*arguments)

        def again() -> None:
            _overwrite(kept, function(*arguments))

        self._steps.append(again)
        return kept

    def replay(self) -> None:
        """Do everything again."""
        self._close()
        for step in self._steps:
            step()

    def _close(self) -> None:
        """Make one step of the records so far."""
        if not self._records:
            return
        calls = ctypes.create_string_buffer(b"".join(self._records))
        count, run, threads = len(self._records), self._library.run, torch.get_num_threads
        self._steps.append(lambda: run(calls, count, threads()))
        self._records = []


def _aligned(size: int) -> np.ndarray[Any, Any]:
    """Bytes that begin at a cache line."""
    block = np.empty(size + _LINE, np.uint8)
    begin = -block.ctypes.data % _LINE
    return block[begin : begin + size]


def _overwrite(kept: Any, new: Any) -> None:
    if isinstance(kept, Tensor):
        kept.copy_(new)
    elif isinstance(kept, tuple):
        for old, one in zip(kept, new, strict=True):
            _overwrite(old, one)
