"""Lets one set-up of a checkout run at a time; the system frees the lock of a dead process."""

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .words import tell


@contextlib.contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold the lock file at ``path``; yields its descriptor.

    A child that inherits the descriptor holds the lock on: an installation that outlives a
    killed launcher is waited for, not raced with.
    """
    with path.open("a+b") as file:
        if not _take(file):
            tell("Another start is setting Rookery up: waiting for it.")
            while not _take(file):
                time.sleep(0.2)
        yield file.fileno()


if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _take(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
