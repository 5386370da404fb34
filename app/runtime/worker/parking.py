"""What stays in memory of a model that is let go, so that it comes back sooner."""

import asyncio
import threading
from pathlib import Path

from app.errors import Failure
from app.runtime.planning.strategy import understood
from app.runtime.protocol.messages import Loaded
from app.system.file_cache import cached_bytes, read_through
from app.system.log import describe, logger
from app.system.memory import available_bytes

from .client import Client

_LIMIT_S = 10.0
_SPARE_BYTES = 1 << 30  # for other programs, beside a file that is kept


class Parking:
    """One parked model at most.

    On the processor its worker stays, with the weights and nothing else.  A card is freed wholly,
    so the worker has to end; what stays is the file, in the memory that the system uses for files,
    which it takes back by itself where another program needs it.
    """

    def __init__(self) -> None:
        self._stop: threading.Event | None = None

    async def park(self, client: Client | None, loaded: Loaded | None) -> bool:
        """Whether the worker stays; texts do not run, and what it remembers was handed over."""
        if client is None or loaded is None or not client.alive:
            return False
        way = understood(loaded.strategy)
        if way is None or way.on_gpu:
            self._keep_file(loaded.path)
            return False
        try:
            async with asyncio.timeout(_LIMIT_S):
                left = await client.park()
        except (Failure, TimeoutError) as failure:
            said = describe(failure) if isinstance(failure, Failure) else "no answer"
            logger("model").warning("not parked: %s", said)
            return False
        logger("model").info("parked with %d MB", left // 1_000_000)
        return True

    def end(self) -> None:
        """Nothing is parked any more: a file is read no further."""
        if self._stop is not None:
            self._stop.set()
            self._stop = None

    def _keep_file(self, path: str) -> None:
        self.end()
        self._stop = threading.Event()
        read = threading.Thread(
            target=_read, args=(path, self._stop), name="parked file", daemon=True
        )
        read.start()


def _read(path: str, stop: threading.Event) -> None:
    """All files of a model, unless they take more than there is room for."""
    from app.runtime.checkpoint import open_checkpoint

    try:
        with open_checkpoint(Path(path)) as checkpoint:
            files = checkpoint.files
    except Failure as failure:
        logger("model").warning("its file is not kept: %s", describe(failure))
        return
    log, needed = logger("model"), sum(size for _, size in files)
    if needed + _SPARE_BYTES > available_bytes():
        log.info("its file is not kept: there is no room for %d MB", needed // 1_000_000)
        return
    done = read_through([file for file, size in files if not _is_there(file, size)], stop)
    log.info("%d MB of its file were brought back into memory", done // 1_000_000)


def _is_there(file: Path, size: int) -> bool:
    """Whether all of a file is in the system's memory; False where it does not tell."""
    try:
        return cached_bytes(file) >= size
    except OSError:
        return False
