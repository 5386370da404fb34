"""What this machine has: free memory, its speed, and whether it is quick with bfloat16.

Importing it loads nothing heavy; only ``read_bandwidth`` needs torch.
"""

import math
import os
import platform
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from app.kernels import reads_fast

from .cgroups import group_limit, group_room

BLOCK_BYTES = 256 << 20  # far more than the caches of ordinary processors hold
_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # the last one is ARM's
_SETTLED = 3  # rounds without a better figure end the measurement


def available_bytes(machine: Path = Path("/")) -> int:
    """Memory that can be taken without swapping, within the limits of container and process.

    ``machine`` is where the files of the system's control groups are looked for.
    """
    import psutil

    free = int(min(psutil.virtual_memory().available, address_room()))
    room = group_room(machine)
    return max(0, free if room is None else min(free, room))


def total_bytes(machine: Path = Path("/")) -> int:
    """All memory of this machine, or of the container that it is limited to."""
    import psutil

    whole = int(psutil.virtual_memory().total)
    limit = group_limit(machine)
    return whole if limit is None else min(whole, limit)


def address_room() -> float:
    """What a limit on this process's addresses (``ulimit -v``) still allows."""
    if sys.platform == "win32":
        return math.inf
    import resource

    import psutil

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    unlimited = limit == resource.RLIM_INFINITY
    return math.inf if unlimited else limit - psutil.Process().memory_info().vms


def peak_memory_bytes() -> int:
    """The most memory that this process ever had resident.

    Linux carries the figure of getrusage over from the process that started this one, so the
    kernel's own status is read there.
    """
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def bf16_is_fast() -> bool:
    """Whether weights of bfloat16 cost half of what those of float32 do.

    The kernels in use are asked, which widen them with any instruction set; plain PyTorch is quick
    only where the processor has instructions for them.
    """
    read = _read_fast(*(os.environ.get(name, "") for name in _CHOOSING))
    return multiplies_bf16() if read is None else "bf16" in read


_CHOOSING = ("ROOKERY_NATIVE", "ROOKERY_ISA")


@cache
def _read_fast(*_settings: str) -> frozenset[str] | None:
    return reads_fast()


@cache
def multiplies_bf16() -> bool:
    """Whether the processor has instructions for bfloat16; False where it cannot be told."""
    if platform.system() != "Linux":
        return False
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    flags = [line.partition(":")[2].split() for line in lines if line.startswith(_FLAG_LINES)]
    return bool(flags) and not _BF16_FLAGS.isdisjoint(flags[0])


_FLAG_LINES = ("flags", "Features")


def read_bandwidth(limit_s: float = 1.0, block_bytes: int = BLOCK_BYTES) -> float:
    """Bytes a second at which all threads together read memory, measured now.

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
