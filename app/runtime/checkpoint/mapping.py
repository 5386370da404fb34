"""A file as memory: its bytes are used where the system keeps them; knows no format, no torch.

The pages are the system's file cache.  They cost no copy, are shared by all who read the file, and
go first when memory is short.  What is given up is that a file can change after it was opened: one
that is cut short ends the process when a lost page is touched (SIGBUS), one that is written over
gives other numbers.  So all of it is brought in before it is used, which turns what cannot be read
into a failure, and ``check`` asks before each use whether it still is the file that was opened
(file_watch.py).
"""

import errno
import mmap
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from app.errors import DamagedCheckpoint, Unreadable

from .file_watch import FileWatch

_POPULATE_READ = 22  # of Linux 5.14 and later; Python does not name it
_AHEAD_BYTES = 64 << 20
_BLOCK_BYTES = 1 << 20
_LACKING = (errno.EINVAL, errno.ENOSYS)

CAN_MAP = sys.platform != "win32" and hasattr(mmap, "MAP_PRIVATE")
"""Windows neither renames, replaces nor deletes a file that is mapped."""


class Reader(Protocol):
    """What reads bytes of the same file by position."""

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill ``view`` with the bytes from ``offset`` on."""


class MappedFile:
    """All bytes of an open file, read-only; ``memory`` lives as long as arrays lie in it."""

    def __init__(self, path: Path, descriptor: int, stamp: tuple[int, int]) -> None:
        """``stamp`` is (bytes, time) when it was opened.  Raises OSError if it cannot be mapped."""
        self.path = path
        self.watch = FileWatch(path, descriptor, stamp)
        self.memory = mmap.mmap(descriptor, stamp[0], mmap.MAP_PRIVATE, mmap.PROT_READ)
        with suppress(AttributeError, OSError):  # what is not in the cache yet comes in huge pages
            self.memory.madvise(mmap.MADV_HUGEPAGE)

    def check(self) -> None:
        """Raises ChangedCheckpoint or Unreadable, see ``FileWatch``."""
        self.watch.check()

    def bring_in(self, reader: "Reader", offset: int, size: int) -> None:
        """Have these bytes in memory.  Raises DamagedCheckpoint, Unreadable."""
        first = offset // mmap.PAGESIZE * mmap.PAGESIZE
        length = offset + size - first
        ahead = min(length + _AHEAD_BYTES, len(self.memory) - first)
        with suppress(OSError):  # a hint
            self.memory.madvise(mmap.MADV_WILLNEED, first, ahead)
        if sys.platform != "linux":
            _read_through(reader, offset, size)
            return
        try:
            self.memory.madvise(_POPULATE_READ, first, length)
        except OSError as error:
            if error.errno in _LACKING:
                _read_through(reader, offset, size)
                return
            short = os.fstat(self.watch.descriptor).st_size < offset + size
            if short:
                raise DamagedCheckpoint(path=str(self.path), why="ends-early") from error
            raise Unreadable(path=str(self.path), said=error.strerror or str(error)) from error

    def release(self, offset: int, size: int) -> None:
        """These bytes are not needed any more: they no longer count as memory of this process.

        They can be used all the same, and are brought in again then.
        """
        first = -(-offset // mmap.PAGESIZE) * mmap.PAGESIZE
        length = (offset + size - first) // mmap.PAGESIZE * mmap.PAGESIZE
        if length > 0:
            self.memory.madvise(mmap.MADV_DONTNEED, first, length)


def _read_through(reader: "Reader", offset: int, size: int) -> None:
    """Where the system does not fill a map at once: reading fills its cache."""
    block = memoryview(bytearray(min(size, _BLOCK_BYTES)))
    for begin in range(offset, offset + size, _BLOCK_BYTES):
        reader.read_into(begin, block[: offset + size - begin])
