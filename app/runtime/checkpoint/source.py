"""One open file and reads at given places that never pass its end unnoticed; knows no format.

What is used as it lies in the file is mapped (mapping.py), all else is read by position straight
into the tensor's own memory, without a second copy.  Two threads share a long piece: one alone
copies from the file cache at a third of what memory can do.
"""

import os
import stat
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import CheckpointError, DamagedCheckpoint, NotFound, Unreadable

from .file_watch import FileWatch, stamp_of
from .mapping import CAN_MAP, MappedFile

if TYPE_CHECKING:
    from torch import Tensor

    from .direct_reads import DirectReads

_BLOCK_BYTES = 64 << 20
_SHARED_BYTES = 4 << 20  # from here on two threads read: mostly they copy from the file cache
_PAGE_BYTES = 4096


class Source:
    """An open regular file.  ``size`` in bytes as it was when opened."""

    def __init__(self, path: Path) -> None:
        """Raises NotFound and Unreadable."""
        self.path = path
        try:
            status = os.stat(path)
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable(path=str(path), why="not-ordinary")
            self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed by close()
            self.stamp = stamp_of(self._file.fileno())
        except (OSError, ValueError) as error:
            raise failure_of(error, path) from error
        self.size, _ = self.stamp
        self._lock = threading.Lock()
        self.mapped: MappedFile | None = None
        self._watch: FileWatch | None = None
        self._direct: DirectReads | None = None
        self._reads_directly = True
        self._mappable = CAN_MAP and self.size > 0

    @property
    def descriptor(self) -> int:
        """The open file's.  Raises ValueError once it is closed."""
        return self._file.fileno()

    def mapping(self) -> MappedFile | None:
        """The file as memory; None where the system does not give that."""
        if self._mappable and self.mapped is None:
            try:
                self.mapped = MappedFile(self.path, self.descriptor, self.stamp)
            except (OSError, ValueError):
                self._mappable = False
        return self.mapped

    def watched(self) -> FileWatch:
        """What asks whether the file still is what it was; for those who read it on and on.

        Raises Unreadable.
        """
        if self._watch is None:
            try:
                self._watch = FileWatch(self.path, self.descriptor, self.stamp)
            except (OSError, ValueError) as error:
                raise failure_of(error, self.path) from error
        return self._watch

    @property
    def watch(self) -> FileWatch | None:
        """The watch of a file that is used where it lies, or read on and on."""
        return self.mapped.watch if self.mapped is not None else self._watch

    def release(self, offset: int, size: int) -> None:
        """Bytes of the map that nobody uses any more."""
        if self.mapped is not None:
            self.mapped.release(offset, size)

    def read(self, offset: int, size: int) -> bytes:
        """``size`` bytes from ``offset``.  Raises DamagedCheckpoint where the file is too short."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise DamagedCheckpoint(path=str(self.path), why="ends-early")
        block = bytearray(size)
        self.read_into(offset, memoryview(block))
        return bytes(block)

    def read_into(self, offset: int, out: memoryview) -> None:
        """Fill ``out`` from ``offset`` on.  Raises DamagedCheckpoint, Unreadable."""
        if len(out) < _SHARED_BYTES or not hasattr(os, "preadv"):
            self.read_alone(offset, out)
            return
        half = len(out) // 2 // _PAGE_BYTES * _PAGE_BYTES
        later: Future[None] = Future()
        rest = (later, offset + half, out[half:])
        try:
            thread = threading.Thread(target=self._fill_for, args=rest)
            thread.start()
        except RuntimeError:  # the system gives no more threads
            self.read_alone(offset, out)
            return
        try:
            self.read_alone(offset, out[:half])
        finally:
            thread.join()
        later.result()

    def _fill_for(self, later: "Future[None]", offset: int, out: memoryview) -> None:
        try:
            self.read_alone(offset, out)
        except CheckpointError as failure:
            later.set_exception(failure)
        else:
            later.set_result(None)

    def read_alone(self, offset: int, out: memoryview) -> None:
        """``read_into`` by the calling thread alone, any number of which may read at once."""
        done = 0
        try:
            while done < len(out):
                got = self._read_some(offset + done, out[done : done + _BLOCK_BYTES])
                if not got:
                    raise DamagedCheckpoint(path=str(self.path), why="ends-early")
                done += got
        except (OSError, ValueError) as error:
            raise failure_of(error, self.path) from error

    def read_past_cache(self, offset: int, out: "Tensor") -> bool:
        """``read_alone`` past the system's file cache; False, and nothing is read, if it cannot be.

        ``out`` are bytes, at most as many as ``direct_reads`` reads at once.
        """
        direct = self._direct_reads()
        if direct is None:
            return False
        try:
            direct.read(offset, out)
        except EOFError as error:
            raise DamagedCheckpoint(path=str(self.path), why="ends-early") from error
        except OSError as error:
            raise failure_of(error, self.path) from error
        return True

    def _direct_reads(self) -> "DirectReads | None":
        with self._lock:
            if self._direct is None and self._reads_directly:
                from .direct_reads import DirectReads

                try:
                    self._direct = DirectReads(self.path, self.descriptor)
                except (OSError, EOFError, ValueError):
                    self._reads_directly = False
            return self._direct

    def _read_some(self, offset: int, out: memoryview) -> int:
        """How many bytes came, 0 at the end."""
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), [out], offset)
        with self._lock:
            self._file.seek(offset)
            return self._file.readinto(out) or 0

    def close(self) -> None:
        """Let the file go; reading afterwards raises Unreadable."""
        self._file.close()
        self._direct, self._reads_directly = None, False


def failure_of(error: OSError | ValueError, path: Path) -> CheckpointError:
    """The failure that an error of the operating system means for ``path``."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return NotFound(path=str(path))
    why = error.strerror if isinstance(error, OSError) else None
    return Unreadable(path=str(path), why=why or str(error))
