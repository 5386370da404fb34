"""The process that takes documents apart: it answers one request, and ends.

A hostile file may take endless time or memory, or crash a library: here it harms nobody else.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

from app.errors import Failure
from app.system.frames import GarbledError, decoded, read_frame, write_frame
from app.system.memory import resident_bytes
from app.system.pipes import die_with_parent, take_pipes

from .document_messages import (
    MEMORY_EXIT,
    DocumentBegun,
    DocumentsRead,
    DocumentsRefused,
    Told,
    decode_request,
    encode,
)
from .reading_sources import text_of

MOST_MEMORY = 1_500_000_000

_DEAF = 3  # the exit code where the request is none
_LOOK_S = 0.05


def main() -> int:
    """Read what is asked for, tell of it, and end; at once where nobody listens any more."""
    requests, replies = take_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    try:
        frame = read_frame(requests)
        if frame is None:
            return 0
        asked = decoded(decode_request, frame)
    except GarbledError as error:
        sys.stderr.write(f"not a request: {error}\n")
        return _DEAF
    limit_memory(MOST_MEMORY)
    threading.Thread(target=_listen, args=(requests,), name="requests", daemon=True).start()

    def send(told: Told) -> None:
        try:
            write_frame(replies, encode(told))
        except OSError:
            os._exit(0)  # the other process is gone

    paths = [Path(os.fsdecode(path)) for path in asked.paths]
    try:
        send(DocumentsRead(text_of(paths, lambda name: send(DocumentBegun(name)))))
    except Failure as failure:
        send(DocumentsRefused(failure.code, _sendable(failure)))
    except MemoryError:
        return MEMORY_EXIT
    return 0


def limit_memory(most: int) -> None:
    """End this process where it takes more than ``most`` bytes of memory.

    Where the system can, it refuses twice as much address space at once.
    """
    if sys.platform == "linux":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        room = 2 * most if hard == resource.RLIM_INFINITY else min(2 * most, hard)
        resource.setrlimit(resource.RLIMIT_AS, (room, hard))
    threading.Thread(target=_watch, args=(most,), name="memory", daemon=True).start()


def _watch(most: int) -> None:
    while resident_bytes() <= most:
        time.sleep(_LOOK_S)
    os._exit(MEMORY_EXIT)


def _listen(requests: BinaryIO) -> None:
    """A thread: the pipe ends with the process that asked."""
    while requests.read(1):
        pass
    os._exit(0)


def _sendable(failure: Failure) -> dict[str, str | int | float]:
    """Its facts, with names that are no text made text."""
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in failure.facts.items()
    }
