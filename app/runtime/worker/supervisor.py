"""Keeps one open model: opens, replaces and unloads it, and restarts its worker if it has died."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from weakref import WeakSet

import msgspec

from app.errors import (
    Failure,
    MovedCheckpoint,
    NoModel,
    NotFound,
    OutOfMemory,
    WorkerDied,
    WorkerOutOfMemory,
)
from app.runtime.planning.machine import Limits
from app.runtime.planning.stepping_down import Preferences
from app.runtime.protocol.adapters import MergedAdapter
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Event, Loaded, LoadProgress, ReplyBegun
from app.runtime.protocol.prompts import Prompt
from app.runtime.protocol.states import StartState, StateCache

from .client import Client
from .endings import is_stop, note_exception
from .handed_over_states import HandedOverStates
from .interrupted import Interruptible
from .model_files import AskedModel, same_file, under
from .model_questions import ModelQuestions
from .parking import Parking
from .phase import Phase
from .ran_out import Shortages, helps, room_of

_DYING_S = 0.5


class Supervisor(ModelQuestions):
    """Needs a running loop.  ``on_change`` is called, in the loop, when a property has changed.

    ``threads`` compute in models that are opened from now on, 0 for one a core; one that comes
    again keeps its own.  All keep to ``limits``; ``preferences`` decide where no strategy is asked
    for, with what this machine was measured to do (``rates``).  ``on_unkept`` is called, in the
    loop, where states cannot be kept on the disk: once for each worker.

    Where memory runs out, the next smaller way is taken, and what is being written goes on in it;
    ``shortages`` keeps for the next start in which ways it did.  What a worker remembers is handed
    over to the next one of the same model; ``parked``: the one that rests still has its weights.
    ``command`` starts a worker, if not the usual one does.
    """

    def __init__(
        self, on_change: Callable[[], None] = lambda: None, command: Sequence[str] = ()
    ) -> None:
        self._on_change, self._command = on_change, command
        self.on_unkept: Callable[[Failure], None] = lambda _: None
        self._cache: StateCache | None = None
        self.threads = self._threads = 0
        self.limits = Limits()
        self.preferences = Preferences()
        self.shortages, self._kept, self._parking = Shortages(), HandedOverStates(), Parking()
        self._phase, self.parked = Phase.EMPTY, False
        self._loaded: Loaded | None = None
        self._progress: LoadProgress | None = None
        self._failure: Failure | None = None
        self._asked = AskedModel()  # for last, if its turn has not come
        self._wanted: AskedModel | None = None
        self._client: Client | None = None
        self._opening: asyncio.Task[Loaded] | None = None
        self._clients: set[Client] = set()
        self._left = WeakSet[Client]()  # whose texts go on in another one
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
        self,
        path: str,
        strategy: str = "",
        adapters: Sequence[MergedAdapter] = (),
        *,
        firm: bool = False,
    ) -> Loaded:
        """Open a model in place of the one before, whose worker ends first.

        A ``firm`` strategy is taken or fails; else one that has no room gives way to a smaller one.
        The ``adapters`` are merged into it, also where it is opened again after its worker died.
        Raises the failures of loading; asyncio.CancelledError where a later ``open``, ``unload``
        or ``close`` overtook it; NoModel after ``close``.
        """
        if self._phase is Phase.CLOSING:
            raise NoModel
        return await self._begin(AskedModel(path, strategy, tuple(adapters), firm))

    def keep_states(self, cache: StateCache | None) -> None:
        """Keep the states of texts there from now on, in every worker, or in memory only."""
        self._cache = cache
        if self._client is not None and self._phase is Phase.READY:
            self._client.keep_states(cache)

    def follow(self, before: str, now: str) -> None:
        """Note that a file was renamed or moved: if it is the model's, use the new path.

        The worker keeps the file that it has open.  This holds for a model that waits to be opened
        as well.
        """
        if same_file(self._asked.path, before):
            self._asked = self._asked._replace(path=now)
        if self._wanted is None or not same_file(self._wanted.path, before):
            return
        self._wanted = self._wanted._replace(path=now)
        if self._loaded is not None:
            self._loaded = under(self._loaded, now)
        self._on_change()

    async def generate(
        self,
        prompt: Prompt,
        options: GenerateOptions,
        *,
        start: StartState | None = None,
        afresh: bool = False,
    ) -> AsyncGenerator[Event | Done, None]:
        """Continue ``prompt``: events, then one Done; leave it inside ``contextlib.aclosing``.

        Waits for a model that is being opened, and starts the worker again where it died.  Raises
        NoModel where none is open, MovedCheckpoint where its file is gone, and the failure that
        ended the text.  A worker that was dying when the request was sent costs only time: the next
        one gets it.  Where memory runs out, the text goes on in a smaller way, from its last token.
        """
        client, last_try = await self._ready(), False
        text = Interruptible(options, self._loaded)
        while True:
            sent_s, answered, told = time.perf_counter(), False, text.before
            events = client.generate(prompt, text.options, start=start, before=told, afresh=afresh)
            try:
                async with contextlib.aclosing(events):
                    async for event in events:
                        if client in self._left and is_stop(event):
                            break  # it was stopped to go on elsewhere
                        answered = answered or not isinstance(event, ReplyBegun)
                        for news in text.note(event):
                            yield news
                    else:
                        return
            except (OutOfMemory, NoModel) as failure:
                if not self._step_down(client, failure):
                    raise
            except WorkerDied:
                if last_try or answered or time.perf_counter() - sent_s > _DYING_S:
                    raise
                client, last_try = await self._ready(), True
                continue
            text.interrupt()
            start = start and msgspec.structs.replace(start, other_format=True)
            client = await self._next_for(text)

    async def _next_for(self, text: Interruptible) -> Client:
        """The worker in which a text goes on."""
        await self._opened()
        if self._failure is not None:
            raise self._failure
        client = await self._ready()
        if self._loaded is None or self._loaded.fingerprint != text.fingerprint:
            raise NoModel  # another one was opened meanwhile
        return client

    def _step_down(self, client: Client, failure: OutOfMemory | NoModel) -> bool:
        """Open the model in the next smaller way, once for a worker; False where it is no help."""
        loaded, wanted = self._loaded, self._wanted
        if client in self._left or client is not self._client or isinstance(failure, NoModel):
            return client in self._left
        if loaded is None or wanted is None or not helps(failure, loaded):
            return False
        if not self.shortages.note(wanted.path, loaded.strategy, room_of(loaded)):
            return False
        self._left.add(client)
        self._begin(wanted._replace(firm=False), again=True)
        return True

    async def unload(self) -> None:
        """End the worker: all of the model's memory is free when this returns."""
        await self._empty(Phase.EMPTY)

    async def rest(self, *, park: bool = False) -> None:
        """End the worker of the open model until it is asked again; its memory is free then.

        Where it is to be parked, some of it stays: see ``Parking``.  Nothing happens unless one is
        READY.  The caller makes sure that no text is running.
        """
        if self._phase is not Phase.READY:
            return
        self._enter(Phase.RESTING)
        async with self._one_at_a_time:
            if self.phase is Phase.RESTING:  # no request has come meanwhile
                await self._kept.keep(self._client, self._wanted.path if self._wanted else "")
                self.parked = park and await self._parking.park(self._client, self._loaded)
                if not self.parked:
                    await self._let_go()
                self._on_change()

    async def _wake(self) -> None:
        """Have a worker that was parked go on, if one was and is still there."""
        async with self._one_at_a_time:
            client, wanted = self._client, self._wanted
            if self._phase is Phase.RESTING and client and client.alive and wanted:
                client.keep_states(self._cache)
                await self._kept.give(client, wanted.path)
                if client.alive:
                    self._enter(Phase.READY)

    async def close(self) -> None:
        """End everything; nothing can be opened afterwards.  May be called again."""
        await self._empty(Phase.CLOSING)

    def _begin(self, model: AskedModel, *, again: bool = False) -> "asyncio.Task[Loaded]":
        self._overtake()
        self._asked = model
        if not again:
            self.shortages.begin()
        self._opening = asyncio.create_task(self._bring_up(again=again))
        self._opening.add_done_callback(note_exception)
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
                before = self._loaded if self._phase is Phase.READY else None
                self._enter(Phase.LOADING)
                if before is not None and same_file(before.path, self._asked.path):
                    await self._kept.keep(self._client, before.path)
                await self._let_go()
                self._loaded = loaded = await self._load_with_memory(again=again)
                self._enter(Phase.READY)
                return loaded
        except BaseException as error:
            self._give_up(error, again=again)
            if self._is_overtaken() and isinstance(error, Failure):
                raise asyncio.CancelledError from error
            raise

    async def _load_with_memory(self, *, again: bool) -> Loaded:
        """In a smaller way where the system ended the worker because memory ran out."""
        while True:
            try:
                return await self._load_in_new_worker(again=again)
            except WorkerOutOfMemory as failure:
                if self._asked.firm or not self.shortages.note_end(self._asked.path, failure):
                    raise

    async def _load_in_new_worker(self, *, again: bool) -> Loaded:
        client = self._client = Client(lambda: self._note_end(client), self._command)
        client.on_unkept = lambda failure: self.on_unkept(failure)
        self._clients.add(client)
        try:
            loaded = await self._load(client, again=again)
            await self.shortages.note_opened(loaded.path, self._asked.strategy, loaded)
            await self._kept.give(client, loaded.path)
            return loaded
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
                cache = self._cache
                loaded = await client.load(
                    model.path,
                    model.strategy,
                    self._note_progress,
                    limits=self.limits,
                    rates=self.rates,
                    threads=self._threads,
                    cache=cache,
                    preferences=await self.shortages.with_known(
                        self.preferences, model.path, firm=self._asked.firm
                    ),
                    adapters=model.adapters,
                )
                if self._cache != cache:
                    client.keep_states(self._cache)
            except NotFound as error:
                if self._asked.path != model.path:
                    continue  # renamed before the worker looked for it
                if again:
                    raise MovedCheckpoint(str(error), path=model.path) from error
                raise
            now = self._asked.path
            return under(loaded, now) if now != model.path else loaded

    def _give_up(self, error: BaseException, *, again: bool) -> None:
        """The model did not open: no worker stays.  A call that overtook this one does the rest."""
        if self._is_overtaken():
            return
        for client in self._clients:
            client.kill()
        may_come_back = isinstance(error, WorkerDied | MovedCheckpoint)
        if isinstance(error, OutOfMemory):
            self.shortages.begin()  # with the next request it begins anew
            may_come_back = may_come_back or again
        self._wanted = self._wanted if may_come_back else None
        self._enter(Phase.DEAD if may_come_back else Phase.EMPTY, error)

    async def _ready(self) -> Client:
        """The client of an open model; opens it again where its worker died."""
        await self._opened()
        if self._phase is Phase.RESTING:
            await self._wake()
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
            await self._kept.drop()

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
        elif client is self._client and self.parked:
            self._enter(Phase.RESTING)

    def _enter(self, phase: Phase, failure: BaseException | None = None) -> None:
        if self._phase is Phase.CLOSING:
            return
        self._phase, self.parked = phase, False
        self._parking.end()
        self._failure = failure if isinstance(failure, Failure) else None
        self._progress = None
        if phase not in (Phase.READY, Phase.DEAD, Phase.RESTING):
            self._loaded = None
        self._on_change()
