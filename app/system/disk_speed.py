"""How fast a disk gives a file, past what the system keeps of it in memory."""

import mmap
import os
import threading
import time
from pathlib import Path

from .file_cache import open_uncached

_BLOCK_BYTES = 4 << 20
_READERS = 4  # a disk is fastest when several reads are waiting
_LEAST_BYTES = 64 << 20
_LEAST_READ = 4 * _BLOCK_BYTES  # from the disk, that tell its speed
_LIMIT_S = 1.0


def file_bytes_per_s(path: Path, limit_s: float = _LIMIT_S) -> float | None:
    """Bytes a second of reading a file from its disk, measured for ``limit_s`` seconds at most.

    None where the system's memory cannot be passed by, where the file is smaller than 64 MiB,
    where nearly all of it is in memory and would have to be read from there, and where it cannot
    be read.
    """
    try:
        size = os.stat(path).st_size // _BLOCK_BYTES * _BLOCK_BYTES
        return _Reading(path, size).bytes_per_s(limit_s) if size >= _LEAST_BYTES else None
    except OSError:
        return None


def disk_of(path: Path) -> str:
    """Where the disk is mounted on which a file lies."""
    folder = Path(os.path.realpath(path))
    while not os.path.ismount(folder) and folder != folder.parent:
        folder = folder.parent
    return str(folder)


class _Reading:
    """Some threads read a file block by block, from its beginning on."""

    def __init__(self, path: Path, size: int) -> None:
        self._path, self._size = path, size
        self._lock = threading.Lock()
        self._next = self._done = 0
        self._failure: OSError | None = None
        self._end = 0.0

    def bytes_per_s(self, limit_s: float) -> float | None:
        """None where too little came from the disk.  Raises OSError where it cannot be read."""
        open_uncached(self._path).close()  # or none of it can
        threads = [threading.Thread(target=self._read) for _ in range(_READERS)]
        begun = time.perf_counter()
        self._end = begun + limit_s
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._failure is not None:
            raise self._failure
        took_s = time.perf_counter() - begun
        return self._done / took_s if self._done >= _LEAST_READ else None

    def _read(self) -> None:
        try:
            file = open_uncached(self._path)
            try:
                with mmap.mmap(-1, _BLOCK_BYTES) as block, memoryview(block) as out:
                    while (place := self._take()) is not None:
                        got = file.read(out, place)
                        with self._lock:
                            self._done += got
            finally:
                file.close()
        except OSError as failure:
            self._failure = failure

    def _take(self) -> int | None:
        """Where the next block begins; None at the end of the file or of the time."""
        with self._lock:
            place, self._next = self._next, self._next + _BLOCK_BYTES
        late = time.perf_counter() > self._end
        return None if late or place >= self._size or self._failure else place
