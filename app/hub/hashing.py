"""The hash of a file that is still growing, computed while its bytes come; one thread."""

import threading
import time
from pathlib import Path

from app.errors import DiskFull, StoreError
from app.runtime.whole_files import unwritten

from . import sha256
from .parts import PartFile

_CHUNK = 1 << 20
_WAIT_S = 0.1


class Hasher:
    """Follows the part from its first byte on, as far as there is no gap.

    It reads what was just written, which the system still has in memory, so bytes may come in any
    order.  ``kept`` is how far it is and where it stands, for ``PartFile.keep``.
    """

    def __init__(self, part: PartFile, size: int) -> None:
        self._part, self._size = part, size
        self._stopped = threading.Event()
        self._hash = self._taken_up()
        self.kept = (self._hash.count, self._hash.words())
        self.failure: StoreError | DiskFull | None = None
        self._thread = threading.Thread(target=self._run, name="hash", daemon=True)
        self._thread.start()

    @property
    def count(self) -> int:
        """Bytes hashed so far."""
        return self._hash.count

    def stop(self) -> None:
        """End its thread."""
        self._stopped.set()
        self._thread.join()

    def wait(self, limit_s: float) -> bool:
        """Whether all is hashed, or reading failed, within so many seconds."""
        self._thread.join(limit_s)
        return not self._thread.is_alive()

    def settle(self, limit_s: float) -> None:
        """Give it so many seconds to come up to what is there."""
        until = time.monotonic() + limit_s
        ready = self._part.prefix
        while self.count < ready - ready % sha256.BLOCK and self._thread.is_alive():
            if time.monotonic() > until:
                return
            self._thread.join(_WAIT_S / 10)

    def hexdigest(self) -> str:
        """Of all, once ``wait`` said so."""
        return self._hash.hexdigest()

    def _taken_up(self) -> sha256.Sha256:
        record = self._part.record
        if record and record.words and record.hashed <= self._part.prefix:
            resumed = sha256.resume(record.words, record.hashed)
            if resumed:
                return resumed
        return sha256.begin()

    def _run(self) -> None:
        try:
            self._follow(self._part.part)
        except OSError as error:
            self.failure = unwritten(error, str(self._part.path))

    def _follow(self, path: Path) -> None:
        view = memoryview(bytearray(_CHUNK))
        with path.open("rb", buffering=0) as file:
            file.seek(self._hash.count)
            while self._hash.count < self._size and not self._stopped.is_set():
                ready = min(_CHUNK, self._part.prefix - self._hash.count)
                if self._hash.count + ready < self._size:
                    ready -= ready % sha256.BLOCK
                if ready < _CHUNK and self._hash.count + ready < self._size:
                    self._stopped.wait(_WAIT_S)
                if ready:
                    self._take(view[: file.readinto(view[:ready]) or 0])

    def _take(self, piece: memoryview) -> None:
        if not piece:
            raise OSError(0, "it became shorter")
        self._hash.update(piece)
        if self._hash.count % sha256.BLOCK == 0:
            self.kept = (self._hash.count, self._hash.words())
