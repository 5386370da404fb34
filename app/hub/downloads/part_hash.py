"""The SHA-256 of a file while it is being downloaded, computed in one thread."""

import hashlib
import threading
from collections import deque
from pathlib import Path

from app.errors import DiskFull, StoreError
from app.system.atomic_file import unwritten

from .part_file import PartFile

_CHUNK = 1 << 20
_WAIT_S = 0.1
_OFFERS = 8


class Hasher:
    """Hashes the part from byte 0 on, as far as there is no gap.

    Bytes may arrive in any order.  Those that are offered when they are next are hashed from
    memory, others are read back from the file, as are those of an earlier run, whose hash is not
    trusted.  It runs beside the transfer, and ends later than that only if little was missing.
    """

    def __init__(self, part: PartFile, size: int) -> None:
        self._part, self._size = part, size
        self._stopped = threading.Event()
        self._news = threading.Event()
        self._offered: deque[tuple[int, bytes]] = deque()
        self._hash = hashlib.sha256()
        self.count = 0
        """Bytes hashed so far."""
        self.failure: StoreError | DiskFull | None = None
        self._thread = threading.Thread(target=self._run, name="hash", daemon=True)
        self._thread.start()

    def offer(self, data: bytes, at: int) -> None:
        """These bytes were just written; may be called from any thread."""
        if len(self._offered) < _OFFERS:
            self._offered.append((at, data))
        self._news.set()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._news.set()
        self._thread.join()

    def wait(self, limit_s: float) -> bool:
        """Wait up to ``limit_s`` seconds; True if everything is hashed or reading failed."""
        self._thread.join(limit_s)
        return not self._thread.is_alive()

    def hexdigest(self) -> str:
        """The hash of the whole file, after ``wait`` returned True."""
        return self._hash.hexdigest()

    def _run(self) -> None:
        try:
            self._follow(self._part.part)
        except OSError as error:
            self.failure = unwritten(error, str(self._part.path))

    def _follow(self, path: Path) -> None:
        view, least = memoryview(bytearray(_CHUNK)), _CHUNK
        with path.open("rb", buffering=0) as file:
            while self.count < self._size and not self._stopped.is_set():
                self._news.clear()
                ready = min(_CHUNK, self._part.prefix - self.count)
                if data := self._at_hand():
                    self._take(data)
                elif ready and (ready >= least or self.count + ready == self._size):
                    file.seek(self.count)
                    self._take(view[: file.readinto(view[:ready]) or 0])
                else:  # what was just written is about to be offered; if not, it is read
                    least = _CHUNK if self._news.wait(_WAIT_S) else 1

    def _at_hand(self) -> bytes:
        """The next bytes, if they were offered; else b""."""
        count, offered = self.count, self._offered
        while offered and offered[0][0] + len(offered[0][1]) <= count:
            offered.popleft()
        if not offered or offered[0][0] > count:
            return b""
        at, data = offered.popleft()
        return data[count - at :] if at < count else data

    def _take(self, piece: memoryview | bytes) -> None:
        if not piece:
            raise OSError(0, "it became shorter")
        self._hash.update(piece)
        self.count += len(piece)
