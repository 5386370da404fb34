"""A file as memory: its bytes are used where the system keeps them; knows no format, no torch.

The pages are the system's file cache.  They cost no copy, are shared by all who read the file, and
go first when memory is short.  What is given up is that a file can change after it was opened: one
that is cut short ends the process when a lost page is touched (SIGBUS), one that is written over
gives other numbers.  So all of it is brought in before it is used, which turns what cannot be read
into a failure, and ``check`` asks before each use whether it still is the file that was opened:
by its size and time, and where only the time is another, by a sample of its bytes (``likeness``).
"""

import errno
import hashlib
import mmap
import os
import sys
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from app.errors import ChangedCheckpoint, DamagedCheckpoint, Unreadable

_POPULATE_READ = 22  # of Linux 5.14 and later; Python does not name it
_AHEAD_BYTES = 64 << 20
_BLOCK_BYTES = 1 << 20
_LACKING = (errno.EINVAL, errno.ENOSYS)
_WHOLE_BYTES = 16 << 20
_SAMPLES = 4096
_SAMPLE_BYTES = 1024
_END_BYTES = 64 << 10

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
        self._stamp = stamp
        self._likeness: bytes | None = None
        self._descriptor = os.dup(descriptor)
        weakref.finalize(self, os.close, self._descriptor)
        self.memory = mmap.mmap(self._descriptor, stamp[0], mmap.MAP_PRIVATE, mmap.PROT_READ)
        with suppress(AttributeError, OSError):  # what is not in the cache yet comes in huge pages
            self.memory.madvise(mmap.MADV_HUGEPAGE)

    def check(self) -> None:
        """Raises ChangedCheckpoint where the file is no longer what it was when it was opened.

        One that got another time alone, as by ``touch`` or a backup, is used on; so is one over
        16 MiB that was written over in place between the samples of ``likeness``.  And Unreadable
        where the system no longer says: a server may have lost it.
        """
        try:
            now = stamp_of(self._descriptor)
            if now == self._stamp and self._likeness is not None:
                return
            like = likeness(self._descriptor, now[0]) if now[0] == self._stamp[0] else None
            settled = stamp_of(self._descriptor) == now
        except OSError as error:
            raise Unreadable(path=str(self.path), said=error.strerror or str(error)) from error
        if not settled or like is None or (now != self._stamp and like != self._likeness):
            raise ChangedCheckpoint(path=str(self.path))
        self._stamp, self._likeness = now, like

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
            short = os.fstat(self._descriptor).st_size < offset + size
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


def likeness(descriptor: int, size: int) -> bytes:
    """A digest by which a file of this size that was written anew is told from the one before.

    Up to 16 MiB it is of every byte.  Of more, it is of both ends, 64 KiB each, and of 1 KiB at
    each of 4096 places between them: whatever is written in one piece of a 4096th of the file or
    more is noticed.  A change in place that is smaller than the distance of two samples (0.73 MB
    in a file of 3 GB) can go unnoticed.
    """
    digest = hashlib.blake2b(digest_size=16)
    if size <= _WHOLE_BYTES:
        pieces = [(begin, _END_BYTES) for begin in range(0, size, _END_BYTES)]
    else:
        pieces = [(begin, _SAMPLE_BYTES) for begin in range(0, size, size // _SAMPLES)]
        pieces += [(0, _END_BYTES), (size - _END_BYTES, _END_BYTES)]
    for begin, count in pieces:
        digest.update(os.pread(descriptor, count, begin))
    return digest.digest()


def stamp_of(descriptor: int) -> tuple[int, int]:
    """Size and time of the last change of an open file."""
    status = os.fstat(descriptor)
    return status.st_size, status.st_mtime_ns


def _read_through(reader: "Reader", offset: int, size: int) -> None:
    """Where the system does not fill a map at once: reading fills its cache."""
    block = memoryview(bytearray(min(size, _BLOCK_BYTES)))
    for begin in range(offset, offset + size, _BLOCK_BYTES):
        reader.read_into(begin, block[: offset + size - begin])
