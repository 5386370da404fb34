"""Memory of this machine in bytes: free, total, and the peak of this process.

Imports nothing heavy.
"""

import math
import sys
from contextlib import suppress
from pathlib import Path

from .cgroups import group_limit, group_room


def available_bytes(machine: Path = Path("/")) -> int:
    """Memory that can be taken without swapping, within the limits of container and process.

    On Windows that is within what the system still promises to a process, too.
    ``machine`` is where the files of the system's control groups are looked for.
    """
    import psutil

    free = int(min(psutil.virtual_memory().available, address_room(), commit_room()))
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


def commit_room() -> float:
    """What Windows still promises this process: its commit limit, less what was promised to all.

    That may be less than what is free, where the page file is small.  Other systems promise more
    than they have.  GlobalMemoryStatusEx documents it as ullAvailPageFile.
    """
    if sys.platform != "win32":
        return math.inf
    import ctypes

    names = ("TotalPhys", "AvailPhys", "TotalPageFile", "AvailPageFile", "TotalVirtual")
    more = (*names, "AvailVirtual", "AvailExtendedVirtual")

    class Status(ctypes.Structure):
        _fields_ = [
            ("Length", ctypes.c_ulong),
            ("MemoryLoad", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in more),
        ]

    status = Status(Length=ctypes.sizeof(Status))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return math.inf
    return int(status.AvailPageFile)


def resident_bytes() -> int:
    """The resident set of this process now, pages of files that it uses included."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def give_back_freed() -> None:
    """Give the system what this process has freed, which the C library may keep for later.

    After a model was loaded that is up to the largest of its matrices, read and converted; glibc
    alone has to be asked.
    """
    if sys.platform != "linux":
        return
    import ctypes

    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def peak_memory_bytes() -> int:
    """The largest resident set that this process has had, in bytes.

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
