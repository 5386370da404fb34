"""Memory for weights: large blocks that the system may back with huge pages; knows no model.

A token reads all weights, one after the other.  In pages of 4 KB a processor looks up an address
every 64 lines and stops fetching ahead there, and loading meets 512 times as many page faults.
Where a system has no such pages the memory is malloc's.
"""

import mmap
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from math import prod

import torch
from torch import Tensor

_HUGE = 2 << 20
_LINES = 128  # two cache lines, which processors like to fetch together
_BLOCK = 32 << 20  # that arrays share
_OWN = _BLOCK // 2  # an array of so many bytes has a block for itself
_SMALL = 4096  # what is smaller is malloc's

Map = mmap.mmap


def allocate(shape: tuple[int, ...], dtype: torch.dtype, *, passing: bool = False) -> Tensor:
    """An uninitialised array.  Raises MemoryError.

    Arrays share blocks, which are given back once none is left in them; so one that goes before
    the others, ``passing``, does not share.
    """
    size = prod(shape) * dtype.itemsize
    if size < (_HUGE if passing else _SMALL) or not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.empty(shape, dtype=dtype)
    alone = passing or size >= _OWN
    block, begin = (_mapped(size), 0) if alone else _shared.take(size)
    first = _first(block) + begin
    taken = torch.frombuffer(block, dtype=torch.uint8, count=size, offset=first)
    return taken.view(dtype).view(shape)


class _Shared:
    """The block from which small arrays are allocated now; only the arrays keep it alive."""

    def __init__(self) -> None:
        self._block: Callable[[], Map | None] = lambda: None
        self._used = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> tuple[Map, int]:
        """A block, and the offset of the next ``size`` bytes in it."""
        with self._lock:
            block = self._block()
            if block is None or self._used + size > _BLOCK:
                block, self._used = _mapped(_BLOCK), 0
                self._block = weakref.ref(block)
            begin = self._used
            self._used += -(-size // _LINES) * _LINES
            return block, begin


_shared = _Shared()


def _mapped(size: int) -> Map:
    """Bytes of the system's, of which ``size`` begin at a huge page; touched when first written."""
    try:
        block = mmap.mmap(-1, size + _HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise MemoryError(f"cannot allocate {size} bytes") from error
    whole = size // _HUGE * _HUGE  # the rest in small pages: none is taken in vain
    if whole:
        with suppress(OSError):  # a system without them
            block.madvise(mmap.MADV_HUGEPAGE, _first(block), whole)
    return block


def _first(block: Map) -> int:
    """Where its first huge page begins."""
    address = torch.frombuffer(block, dtype=torch.uint8, count=1).data_ptr()
    return -address % _HUGE
