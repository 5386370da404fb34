"""Whether an open file still is what it was when it was opened; knows no format and no torch.

Asked before each use of weights that lie in a file: by size and time, and where only the time is
another, by a sample of the bytes (``likeness``).
"""

import hashlib
import os
import sys
import weakref
from pathlib import Path

from app.errors import ChangedCheckpoint, Unreadable

_WHOLE_BYTES = 16 << 20
_SAMPLES = 4096
_SAMPLE_BYTES = 1024
_END_BYTES = 64 << 10


class FileWatch:
    """One open file; ``descriptor`` is the watch's own."""

    def __init__(self, path: Path, descriptor: int, stamp: tuple[int, int]) -> None:
        """``stamp`` is (bytes, time) when it was opened.  Raises OSError."""
        self.path = path
        self._stamp = stamp
        self._likeness: bytes | None = None
        self.descriptor = _own(path, descriptor)
        weakref.finalize(self, os.close, self.descriptor)

    def check(self) -> None:
        """Raises ChangedCheckpoint where the file is no longer what it was when it was opened.

        One that got another time alone, as by ``touch`` or a backup, is used on; so is one over
        16 MiB that was written over in place between the samples of ``likeness``.  And Unreadable
        where the system no longer says: a server may have lost it.
        """
        try:
            now = stamp_of(self.descriptor)
            if now == self._stamp and self._likeness is not None:
                return
            like = likeness(self.descriptor, now[0]) if now[0] == self._stamp[0] else None
            settled = stamp_of(self.descriptor) == now
        except OSError as error:
            raise Unreadable(path=str(self.path), said=error.strerror or str(error)) from error
        if not settled or like is None or (now != self._stamp and like != self._likeness):
            raise ChangedCheckpoint(path=str(self.path))
        self._stamp, self._likeness = now, like


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
        digest.update(_bytes_at(descriptor, count, begin))
    return digest.digest()


def stamp_of(descriptor: int) -> tuple[int, int]:
    """Size and time of the last change of an open file."""
    status = os.fstat(descriptor)
    return status.st_size, status.st_mtime_ns


def _own(path: Path, descriptor: int) -> int:
    """One that shares no position with ``descriptor``, or none that is used."""
    if sys.platform == "win32":  # an open file keeps its name there
        return os.open(path, os.O_RDONLY | os.O_BINARY)
    return os.dup(descriptor)


def _bytes_at(descriptor: int, count: int, begin: int) -> bytes:
    if sys.platform != "win32":
        return os.pread(descriptor, count, begin)
    os.lseek(descriptor, begin, os.SEEK_SET)
    return os.read(descriptor, count)
