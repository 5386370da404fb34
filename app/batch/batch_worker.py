"""The worker process of a batch: opened, asked for a group of texts, and opened again if it dies.

It needs asyncio.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.errors import Failure, NoModel, RequestRefused, WorkerDied
from app.runtime.planning.machine import Limits
from app.runtime.protocol.adapters import MergedAdapter
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import (
    Done,
    Failed,
    Generate,
    Loaded,
    LoadProgress,
    Piece,
    failure_of,
)
from app.runtime.protocol.prompts import Prompt
from app.runtime.protocol.states import StartState, StateLoaded
from app.runtime.worker.client import Client

Asked = tuple[Prompt, GenerateOptions]


@dataclass
class WrittenText:
    """What was written for one prompt; ``reason`` is that of its Done."""

    text: str = ""
    tokens: list[int] = field(default_factory=list)
    reason: str = ""


Result = WrittenText | Failure

_NO_LIMITS = Limits()


class BatchWorker:
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

    async def write(
        self, asked: Sequence[Asked], start: StartState | None, on_text: Callable[[], None]
    ) -> list[Result]:
        """What comes of each prompt, in order; ``on_text`` is called whenever a text has ended.

        All are computed together.  Where the process dies of them they are tried once more, then
        each by itself, so that one row which kills it costs no other.  Raises WorkerDied where
        none survives that.
        """
        if not asked:
            return []
        for _ in range(2):
            try:
                return await self._together(asked, start, on_text)
            except WorkerDied:
                await self.open()
            except RequestRefused:  # all together are too long to be sent
                break
        return await self._one_by_one(asked, start, on_text)

    async def close(self) -> None:
        """End the process."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    @property
    def _open_client(self) -> Client:
        if self._client is None:
            raise NoModel
        return self._client

    async def _together(
        self, asked: Sequence[Asked], start: StartState | None, on_text: Callable[[], None]
    ) -> list[Result]:
        written = [WrittenText() for _ in asked]
        results: list[Result] = list(written)
        texts = [Generate(id=0, prompt=p, options=o, start=start, afresh=True) for p, o in asked]
        replies = self._open_client.generate_together(texts)
        async with contextlib.aclosing(replies):
            async for place, event in replies:
                if isinstance(event, Piece):
                    written[place].text += event.text
                    written[place].tokens += (fact.token for fact in event.tokens)
                elif isinstance(event, Done):
                    written[place].reason = event.reason
                elif isinstance(event, Failed):
                    results[place] = _failure_of_one(event)
                if isinstance(event, Done | Failed):
                    on_text()
        return results

    async def _one_by_one(
        self, asked: Sequence[Asked], start: StartState | None, on_text: Callable[[], None]
    ) -> list[Result]:
        results: list[Result] = []
        for one in asked:
            try:
                results += await self._together([one], start, on_text)
            except RequestRefused as failure:
                results.append(failure)
            except WorkerDied as failure:
                results.append(failure)
                await self.open()
        died = [result for result in results if isinstance(result, WorkerDied)]
        if len(died) == len(results):
            raise died[-1]
        return results


def _failure_of_one(reply: Failed) -> Failure:
    """Raises what ended the process instead, with which all texts ended."""
    failure = failure_of(reply)
    if isinstance(failure, WorkerDied | NoModel):
        raise failure
    return failure
