"""For a child process: the pipes to its parent, and ending when the parent ends."""

import os
import signal
import sys
from typing import BinaryIO

_STDERR = 2
_PR_SET_PDEATHSIG = 1


def take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The streams of requests and replies, which are the process's stdin and stdout.

    Afterwards stdin is empty and stdout is stderr, for libraries that read or print.
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
    # in a windowed program sys.stderr is None, but a worker's stderr is a pipe
    sys.stderr = sys.stderr or open(_STDERR, "w", 1, "utf-8", closefd=False)  # noqa: SIM115
    return os.fdopen(requests, "rb"), os.fdopen(replies, "wb")


def die_with_parent() -> None:
    """On Linux, be killed when the parent ends, even if no thread gets to see that stdin ends."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
