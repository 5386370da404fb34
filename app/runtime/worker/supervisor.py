"""Keeps one open model: opens, replaces and unloads it, and restarts its worker if it has died."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

import msgspec

from app.errors import Failure, MovedCheckpoint, NoModel, NotFound, WorkerDied
from app.runtime.checkpoint.file_names import name_of
from app.runtime.planning.machine import Limits, Rates
from app.runtime.protocol.adapters import MergedAdapter
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Event, Loaded, LoadProgress, ReplyBegun
from app.runtime.protocol.prompts import Prompt
from app.runtime.protocol.states import StartState, StateLoaded

from .client import Client

_DYING_S = 0.5


class Phase(Enum):
    """Where the worker is.

    DEAD: it ended by itself.  RESTING: it was ended by ``rest``.  In both the next request starts
    it again.
    """

    EMPTY = auto()
    LOADING = auto()
    READY = auto()
    DEAD = auto()
    RESTING = auto()
    CLOSING = auto()


class _Model(NamedTuple):
    """What is to be opened, and how."""

    path: str = ""
    strategy: str = ""
    adapters: tuple[MergedAdapter, ...] = ()


class Supervisor:
    """Needs a running loop.  ``on_change`` is called, in the loop, when a property has changed.

    ``threads`` compute in models that are opened from now on, 0 for one a core; one that comes
    again keeps its own.  Without a strategy a model keeps to ``limits``, and is planned for with
    what this machine was measured to do (``rates``).
    """

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self._on_change = on_change
        self.threads = self._threads = 0
        self.limits = Limits()
        self.rates: Rates | None = None
        self._phase = Phase.EMPTY
        self._loaded: Loaded | None = None
        self._progress: LoadProgress | None = None
        self._failure: Failure | None = None
        self._asked = _Model()  # for last, if its turn has not come
        self._wanted: _Model | None = None
        self._client: Client | None = None
        self._opening: asyncio.Task[Loaded] | None = None
        self._clients: set[Client] = set()
        self._one_at_a_time = asyncio.Lock()

    @property
    def phase(self) -> Phase:
        """EMPTY, LOADING, READY, DEAD, RESTING or CLOSING."""
        return self._phase

    @property
    def loaded(self) -> Loaded | None:
        """The model that answers; in DEAD and RESTING the one that will again; else None."""
        return self._loaded

    @property
    def progress(self) -> LoadProgress | None:
        """How many layers are in memory, while LOADING."""
        return self._progress

    @property
    def failure(self) -> Failure | None:
        """Why the worker ended or the model did not open, until the next one is opened."""
        return self._failure

    @property
    def worker_pid(self) -> int | None:
        """The process id of the worker that runs, if one does."""
        return self._client.pid if self._client and self._client.alive else None

    async def open(
        self, path: str, strategy: str = "", adapters: Sequence[MergedAdapter] = ()
    ) -> Loaded:
        """Open a model in place of the one before, whose worker ends first.

        The ``adapters`` are merged into it, also where it is opened again after its worker died.
        Raises the failures of loading; asyncio.CancelledError where a later ``open``, ``unload``
        or ``close`` overtook it; NoModel after ``close``.
        """
        if self._phase is Phase.CLOSING:
            raise NoModel
        return await self._begin(_Model(path, strategy, tuple(adapters)))

    def follow(self, before: str, now: str) -> None:
        """Note that a file was renamed or moved: if it is the model's, use the new path.

        The worker keeps the file that it has open.  This holds for a model that waits to be opened
        as well.
        """
        if _same(self._asked.path, before):
            self._asked = self._asked._replace(path=now)
        if self._wanted is None or not _same(self._wanted.path, before):
            return
        self._wanted = self._wanted._replace(path=now)
        if self._loaded is not None:
            self._loaded = _at(self._loaded, now)
        self._on_change()

    async def generate(
        self, prompt: Prompt, options: GenerateOptions, *, start: StartState | None = None
    ) -> AsyncGenerator[Event | Done, None]:
        """Continue ``prompt``: events, then one Done; leave it inside ``contextlib.aclosing``.

        Waits for a model that is being opened, and starts the worker again where it died.  Raises
        NoModel where none is open, MovedCheckpoint where its file is not there to be opened again,
        and the failure that ended the text.  A worker that was dying when the request was sent
        costs nothing but time: the next one gets it.
        """
        for last_try in (False, True):
            client = await self._ready()
            sent_s, answered = time.perf_counter(), False
            events = client.generate(prompt, options, start=start)
            try:
                async with contextlib.aclosing(events):
                    async for event in events:
                        answered = answered or not isinstance(event, ReplyBegun)
                        yield event
                return
            except WorkerDied:
                if last_try or answered or time.perf_counter() - sent_s > _DYING_S:
                    raise

    async def load_state(self, state: StartState) -> StateLoaded:
        """Have the worker read a state.  Raises as ``generate`` and ``Client.load_state`` do."""
        client = await self._ready()
        return await client.load_state(state)

    async def measure_rates(self) -> Rates:
        """Have the worker of the open model measure this machine, and remember what it finds.

        Raises NoModel, OutOfMemory and WorkerDied.
        """
        self.rates = await (await self._ready()).measure_rates()
        return self.rates

    async def unload(self) -> None:
        """End the worker: all of the model's memory is free when this returns."""
        await self._empty(Phase.EMPTY)

    async def rest(self) -> None:
        """End the worker of the open model until it is asked again; its memory is free then.

        Nothing happens unless one is READY.  The caller makes sure that no text is running.
        """
        if self._phase is not Phase.READY:
            return
        self._enter(Phase.RESTING)
        async with self._one_at_a_time:
            if self.phase is Phase.RESTING:  # no request has come meanwhile
                await self._let_go()

    async def close(self) -> None:
        """End everything; nothing can be opened afterwards.  May be called again."""
        await self._empty(Phase.CLOSING)

    def _begin(self, model: _Model, *, again: bool = False) -> "asyncio.Task[Loaded]":
        self._overtake()
        self._asked = model
        self._opening = asyncio.create_task(self._bring_up(again=again))
        self._opening.add_done_callback(_note_exception)
        return self._opening

    def _overtake(self) -> None:
        if self._opening:
            self._opening.cancel()
            self._opening = None

    async def _bring_up(self, *, again: bool) -> Loaded:
        try:
            async with self._one_at_a_time:
                self._wanted = self._asked
                self._threads = self._threads if again else self.threads
                self._enter(Phase.LOADING)
                await self._let_go()
                self._loaded = await self._load_in_new_worker(again=again)
                self._enter(Phase.READY)
                return self._loaded
        except BaseException as error:
            self._give_up(error)
            if self._is_overtaken() and isinstance(error, Failure):
                raise asyncio.CancelledError from error
            raise

    async def _load_in_new_worker(self, *, again: bool) -> Loaded:
        client = self._client = Client(lambda: self._note_end(client))
        self._clients.add(client)
        try:
            return await self._load(client, again=again)
        except BaseException:
            client.kill()
            raise

    def _is_overtaken(self) -> bool:
        """Whether the task that asks, which opens a model, is not the last one to do so."""
        return self._opening is not asyncio.current_task()

    async def _load(self, client: Client, *, again: bool) -> Loaded:
        """What was asked for, by the name that it has in the end."""
        while True:
            model = self._asked
            try:
                loaded = await client.load(
                    model.path,
                    model.strategy,
                    self._note_progress,
                    limits=self.limits,
                    rates=self.rates,
                    threads=self._threads,
                    adapters=model.adapters,
                )
            except NotFound as error:
                if self._asked.path != model.path:
                    continue  # renamed before the worker looked for it
                if again:
                    raise MovedCheckpoint(str(error), path=model.path) from error
                raise
            now = self._asked.path
            return _at(loaded, now) if now != model.path else loaded

    def _give_up(self, error: BaseException) -> None:
        """The model did not open: no worker stays.  A call that overtook this one does the rest."""
        if self._is_overtaken():
            return
        for client in self._clients:
            client.kill()
        may_come_back = isinstance(error, WorkerDied | MovedCheckpoint)
        self._wanted = self._wanted if may_come_back else None
        self._enter(Phase.DEAD if may_come_back else Phase.EMPTY, error)

    async def _ready(self) -> Client:
        """The client of an open model; opens it again where its worker died."""
        await self._opened()
        if self._phase in (Phase.DEAD, Phase.RESTING) and self._wanted:
            self._begin(self._wanted, again=True)
            await self._opened()
            if self._failure:
                raise self._failure
        if self._phase is not Phase.READY or not self._client:
            raise NoModel
        return self._client

    async def _opened(self) -> None:
        """Wait for the model that is being opened, and for the one that overtook it."""
        while (opening := self._opening) and not opening.done():
            await asyncio.wait([opening])

    async def _empty(self, phase: Phase) -> None:
        if self._phase is Phase.CLOSING:
            phase = Phase.CLOSING
        self._wanted = None
        self._overtake()
        self._enter(phase)
        async with self._one_at_a_time:
            await self._let_go()

    async def _let_go(self) -> None:
        """End all workers that were started before."""
        self._client = None
        for client in list(self._clients):
            await client.close()

    def _note_progress(self, progress: LoadProgress) -> None:
        self._progress = progress
        self._on_change()

    def _note_end(self, client: Client) -> None:
        self._clients.discard(client)
        if client is self._client and client.failure and self._phase is Phase.READY:
            self._enter(Phase.DEAD, client.failure)

    def _enter(self, phase: Phase, failure: BaseException | None = None) -> None:
        if self._phase is Phase.CLOSING:
            return
        self._phase = phase
        self._failure = failure if isinstance(failure, Failure) else None
        self._progress = None
        if phase not in (Phase.READY, Phase.DEAD, Phase.RESTING):
            self._loaded = None
        self._on_change()


def _same(path: str, other: str) -> bool:
    return Path(path).absolute() == Path(other).absolute()


def _at(loaded: Loaded, path: str) -> Loaded:
    """The same model under another name."""
    return msgspec.structs.replace(loaded, path=path, name=name_of(Path(path)))


def _note_exception(opening: "asyncio.Task[Loaded]") -> None:
    """Retrieve the exception: ``failure`` has it too, so nobody needs to await the task."""
    if not opening.cancelled():
        opening.exception()
