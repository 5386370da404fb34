"""The worker process of a batch: opened, asked for a group of texts, and opened again if it dies.

It needs asyncio.
"""

from collections.abc import AsyncGenerator, Callable, Sequence

from app.errors import NoModel
from app.runtime.planning.machine import Limits
from app.runtime.protocol.adapters import MergedAdapter
from app.runtime.protocol.messages import Generate, Loaded, LoadProgress, Reply
from app.runtime.protocol.states import StartState, StateLoaded
from app.runtime.worker.client import Client

from .group_writer import GroupWriter

_NO_LIMITS = Limits()


class BatchWorker(GroupWriter):
    """Runs groups of texts in a worker of its own; ``close`` it in the end."""

    def __init__(
        self,
        path: str,
        strategy: str,
        limits: Limits = _NO_LIMITS,
        adapters: Sequence[MergedAdapter] = (),
    ) -> None:
        self._path, self._strategy = path, strategy
        self._limits, self._adapters = limits, adapters
        self._client: Client | None = None

    async def open(self, report: Callable[[LoadProgress], None] = lambda _: None) -> Loaded:
        """Start a process and load the model there.  Raises the failures of loading."""
        await self.close()
        client = self._client = Client()
        loaded = await client.load(
            self._path, self._strategy, report, limits=self._limits, adapters=self._adapters
        )
        self._strategy = loaded.strategy  # another process must not choose another one
        return loaded

    async def load_state(self, start: StartState) -> StateLoaded:
        """Have it read a state.  Raises as ``Client.load_state`` does."""
        return await self._open_client.load_state(start)

    async def close(self) -> None:
        """End the process."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _replies(self, texts: Sequence[Generate]) -> AsyncGenerator[tuple[int, Reply], None]:
        return self._open_client.generate_together(texts)

    async def _open_again(self) -> None:
        await self.open()

    @property
    def _open_client(self) -> Client:
        if self._client is None:
            raise NoModel
        return self._client
