"""A child's pipes to the process that started it, and its end with that one."""

import os
import signal
import sys
from typing import BinaryIO

_STDERR = 2
_PR_SET_PDEATHSIG = 1


def take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Requests and replies, which come as stdin and stdout.

    What libraries read or print goes elsewhere from here on: nothing, and stderr.
    """
    requests, replies = os.dup(0), os.dup(1)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(requests, os.O_BINARY)
        msvcrt.setmode(replies, os.O_BINARY)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(_STDERR, 1)
    # a windowed program has no streams, but its worker has a stderr
    sys.stderr = sys.stderr or open(_STDERR, "w", 1, "utf-8", closefd=False)  # noqa: SIM115
    return os.fdopen(requests, "rb"), os.fdopen(replies, "wb")


def die_with_parent() -> None:
    """On Linux, beside the pipe that ends: a thread that never gives way could miss that."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
