"""Settings of malloc that avoid page faults for intermediate results."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h
_LARGEST_REUSED = 32 << 20  # the most that glibc takes for its second threshold
_KEPT = 64 << 20


def keep_freed_memory() -> None:
    """Let glibc reuse freed memory instead of returning it to the system each time.

    By default an array of some hundred kilobytes may be mapped and unmapped at every use, which
    is thousands of page faults for one prompt.  At most 64 MB more stay with the process.
    Elsewhere nothing happens.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGEST_REUSED)
        mallopt(_TRIM_THRESHOLD, _KEPT)
