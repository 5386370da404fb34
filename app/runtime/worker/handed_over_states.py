"""What one worker remembers, in files, until the next worker of the same model takes it over."""

import asyncio
import contextlib
import tempfile
from collections.abc import Coroutine

from app.errors import Failure
from app.system.log import describe, logger

from .client import Client
from .model_files import same_file

_MOST_BYTES = 256 << 20
_LIMIT_S = 10.0  # then the conversations are read again: the model is what is waited for


class HandedOverStates:
    """A folder of this process alone, which is there only while it holds something."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._path = ""

    async def keep(self, client: Client | None, path: str) -> None:
        """Have a worker write what it remembers of the model at ``path``, as far as it can."""
        if client is None or not client.alive:
            return
        await self.drop()
        self._folder, self._path = await asyncio.to_thread(_made), path
        if self._folder is None:
            return
        await client.stop()
        await self._try(client.hand_over_states(self._folder.name, _MOST_BYTES))

    async def give(self, client: Client, path: str) -> None:
        """Have the worker that has opened the model at ``path`` remember it."""
        if self._folder is not None and same_file(path, self._path):
            await self._try(client.take_over(self._folder.name))
            if not client.alive:
                return  # the next one may take them
        await self.drop()

    async def drop(self) -> None:
        """Nothing is kept any more."""
        folder, self._folder = self._folder, None
        if folder is not None:
            await asyncio.to_thread(folder.cleanup)

    async def _try(self, asked: Coroutine[None, None, int]) -> None:
        """Without it the model reads again what it has read before: no more is lost."""
        try:
            async with asyncio.timeout(_LIMIT_S):
                count = await asked
            logger("model").info("%d states handed over", count)
        except Failure as failure:
            logger("model").warning("states not handed over: %s", describe(failure))
        except TimeoutError:
            logger("model").warning("states not handed over within %d s", _LIMIT_S)


def _made() -> "tempfile.TemporaryDirectory[str] | None":
    with contextlib.suppress(OSError):
        return tempfile.TemporaryDirectory(prefix="rookery-states-", ignore_cleanup_errors=True)
    return None
