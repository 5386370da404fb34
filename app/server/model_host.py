"""The model of the server: opened when asked for, shared by all requests, let go when idle."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from app.batch.groups import group_size
from app.errors import NoModel
from app.runtime.planning.machine import this_machine
from app.runtime.planning.strategy import parse
from app.runtime.protocol.messages import Loaded
from app.runtime.protocol.vocabulary_messages import Vocabulary

from .admission import Admission
from .model_runner import ModelRunner
from .offered_models import OfferedModels

_LOOKS = 20  # at the clock within the idle time
_SHORTEST_S, _LONGEST_S = 0.05, 30.0


@dataclass(frozen=True)
class HostOptions:
    """``strategy`` is taken or fails; at most ``max_batch`` texts at once, 0 for what memory holds.

    At most ``waiting`` texts wait.  After ``idle_s`` seconds without a text the model's memory is
    freed, 0 for never.
    """

    strategy: str = ""
    max_batch: int = 0
    waiting: int = 64
    idle_s: float = 0.0


@dataclass(frozen=True)
class OpenModel:
    """The model that a request was let in for, under the name ``id``; ``places`` texts at once."""

    id: str
    loaded: Loaded
    runner: ModelRunner
    places: int
    read_vocabulary: Callable[[], "asyncio.Task[Vocabulary]"]

    async def vocabulary(self) -> Vocabulary:
        """Its tokens, asked for once."""
        return await asyncio.shield(self.read_vocabulary())


class ModelHost:
    """Lets requests in; needs a running loop."""

    def __init__(
        self, runner: ModelRunner, offered: OfferedModels, options: HostOptions | None = None
    ) -> None:
        self.runner, self.offered = runner, offered
        self._options = options or HostOptions()
        self.admission = Admission(self._is_open, self._open, self._options.waiting)
        self._vocabulary: tuple[str, asyncio.Task[Vocabulary]] | None = None
        self._used_s = time.monotonic()
        self._idle: asyncio.Task[None] | None = None
        if self._options.idle_s:
            self._idle = asyncio.create_task(self._rest_when_idle())

    async def open_first(self, path: str) -> Loaded:
        """Open a model before anything is asked.  Raises the failures of loading."""
        await self._open(path)
        loaded = self.runner.loaded
        assert loaded is not None
        return loaded

    @contextlib.asynccontextmanager
    async def admitted(self, name: str, texts: int = 1) -> AsyncIterator[OpenModel]:
        """Wait until ``texts`` texts of the model of this name may run.

        Raises ServerRefused, and the failures of loading.
        """
        offered = await self.offered.find(name)
        ticket = self.admission.enter(offered.path, texts)
        try:
            await ticket.go
            loaded = self.runner.loaded
            if loaded is None:
                raise NoModel
            yield OpenModel(
                offered.id, loaded, self.runner, ticket.places, lambda: self._read(loaded)
            )
        finally:
            self._used_s = time.monotonic()
            self.admission.leave(ticket)

    async def close(self) -> None:
        """Let nobody in any longer; the runner is not the host's to close."""
        await self.admission.close()
        if self._vocabulary is not None:
            self._vocabulary[1].cancel()
        if self._idle is not None:
            self._idle.cancel()
            await asyncio.wait([self._idle])

    def _is_open(self, path: str) -> bool:
        loaded = self.runner.loaded
        return loaded is not None and os.path.realpath(loaded.path) == os.path.realpath(path)

    async def _open(self, path: str) -> None:
        strategy = self._options.strategy
        loaded = await self.runner.open(path, strategy, firm=bool(strategy))
        self.admission.places = self._options.max_batch or await asyncio.to_thread(_places, loaded)

    def _read(self, loaded: Loaded) -> "asyncio.Task[Vocabulary]":
        known = self._vocabulary
        if known is None or known[0] != loaded.vocabulary or _failed(known[1]):
            task = asyncio.create_task(self.runner.vocabulary())
            task.add_done_callback(_note_exception)
            known = self._vocabulary = (loaded.vocabulary, task)
        return known[1]

    async def _rest_when_idle(self) -> None:
        limit = self._options.idle_s
        while True:
            await asyncio.sleep(min(max(limit / _LOOKS, _SHORTEST_S), _LONGEST_S))
            admission = self.admission
            if admission.running or admission.waiting or admission.loading:
                continue
            if time.monotonic() - self._used_s >= limit:
                await self.runner.rest()


def _places(loaded: Loaded) -> int:
    """As many texts as fit into the memory that is free now, each with its state."""
    return group_size(loaded.spec, parse(loaded.strategy), this_machine())


def _failed(task: "asyncio.Task[Vocabulary]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _note_exception(task: "asyncio.Task[Vocabulary]") -> None:
    if not task.cancelled():
        task.exception()
