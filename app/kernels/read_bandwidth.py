"""Reads a block of memory with all threads and for nothing: no decode can be faster than that."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from .arena import allocate
from .native.library import Library, LibraryError, Record, load

_ROW = 4096


def block_of(size: int) -> Tensor:
    """Memory that has been written to: float32 rows of some ``size`` bytes together."""
    return allocate((max(1, size // 4 // _ROW), _ROW), torch.float32).fill_(1)


def ways_to_read(block: Tensor) -> Sequence[Callable[[], object]]:
    """What reads all of the block, in more than one way where one or the other may be faster.

    By the native kernels where ``open_ops`` would use them, each thread in one place or in eight;
    else as plain PyTorch multiplies.
    """
    try:
        library = load()
    except LibraryError:
        return [partial(torch.mv, block, torch.ones(_ROW))]
    return [partial(_read, library, block, scattered) for scattered in (False, True)]


def _read(library: Library, block: Tensor, scattered: bool) -> None:  # noqa: FBT001
    threads = torch.get_num_threads()
    sums = torch.empty(threads)
    arguments = (sums.data_ptr(), block.data_ptr(), block.numel(), int(scattered))
    library.run(Record(library.kernels["read_through"], *arguments), 1, threads)
