"""Measures how fast all threads read memory, which is the upper bound for decoding."""

import time
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


_BLOCK_BYTES = 256 << 20  # far more than the caches of ordinary processors hold

_SETTLED = 3  # rounds without a better figure end the measurement


def read_bandwidth(limit_s: float = 1.0, block_bytes: int = _BLOCK_BYTES) -> float:
    """Bytes per second at which all threads together read memory, measured now.

    By the native kernels where they are used, else by torch.  The best of several passes over a
    block; stops when no pass is better any more, or after ``limit_s`` seconds.
    """
    from app.kernels.read_bandwidth import block_of, ways_to_read

    block = block_of(block_bytes)
    ways = ways_to_read(block)
    best, rounds = 0.0, 0
    begun = time.perf_counter()
    while rounds < _SETTLED and time.perf_counter() - begun < limit_s:
        speed = max(block.nbytes / _seconds(read) for read in ways)
        rounds = 0 if speed > best else rounds + 1
        best = max(best, speed)
    return best


def _seconds(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun
