"""Client of one worker process, with ``async for`` over its replies; needs asyncio, not Qt."""

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

import msgspec

from app.errors import Failure, NoModel, RequestRefused, WorkerDied, WorkerOutOfMemory
from app.runtime.planning.machine import Limits, Rates
from app.runtime.protocol import messages
from app.runtime.protocol.adapters import MergedAdapter
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.message_base import Message
from app.runtime.protocol.messages import (
    Cancel,
    Done,
    Event,
    Failed,
    Generate,
    GenerateTogether,
    Load,
    Loaded,
    LoadProgress,
    Measure,
    Measured,
    MeasureRates,
    Piece,
    Prefilled,
    Quit,
    Rated,
    Reply,
    ReplyBegun,
    Work,
    failed,
    failure_of,
)
from app.runtime.protocol.prompts import Prompt
from app.runtime.protocol.scores import Score, Scored
from app.runtime.protocol.states import (
    LoadState,
    Place,
    SaveState,
    StartState,
    StateLoaded,
    StatesTaken,
    TakeStates,
)
from app.system.child_process import End, Process, worker_command
from app.system.frames import LIMIT, GarbledError, decoded
from app.system.log import describe, logger

_REPLIES: dict[type[Message], tuple[type[Message], ...]] = {
    Load: (LoadProgress, Loaded, Failed),
    Generate: (ReplyBegun, Prefilled, Piece, Done, Failed),
    Score: (Scored, Done, Failed),
    Measure: (Measured, Failed),
    MeasureRates: (Rated, Failed),
    LoadState: (StateLoaded, Failed),
    SaveState: (Prefilled, StatesTaken, Failed),
    TakeStates: (Prefilled, StatesTaken, Failed),
}
_ENDINGS = (Loaded, Done, Measured, Rated, StateLoaded, StatesTaken)
_STOP_LIMIT_S = 1.0
_QUIT_LIMIT_S = 1.0
_log, _texts = logger("model"), logger("text")


class Client:
    """Starts a worker at once, from the loop's thread, and owns it until ``close``.

    If the worker ends or sends anything but replies to what it was asked, every request fails.

    ``on_end`` is called in the loop when the process has ended, for whatever cause; ``failure``
    then says why (None where ``close`` or ``kill`` ended it).
    """

    def __init__(
        self, on_end: Callable[[], None] = lambda: None, command: Sequence[str] = ()
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_end = on_end
        self._ids = itertools.count(1)
        self._inboxes: dict[int, asyncio.Queue[Reply]] = {}
        self._running: dict[int, Work] = {}
        self._still = asyncio.Event()
        self._still.set()
        self._ended = asyncio.Event()
        self._leaving = False
        self._strategy = ""
        self.failure: WorkerDied | None = None
        self._process = Process(command or worker_command(), self._receive, self._end)

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether a request can be sent: the process runs and was not asked to quit."""
        return not self._ended.is_set() and not self._leaving

    async def load(
        self,
        path: str,
        strategy: str,
        report: Callable[[LoadProgress], None] = lambda _: None,
        *,
        limits: Limits | None = None,
        rates: Rates | None = None,
        threads: int = 0,
        adapters: Sequence[MergedAdapter] = (),
    ) -> Loaded:
        """Open the model at ``path``; ``threads`` compute, 0 for one a core.  See ``Load``.

        Raises the failures of loading, or WorkerDied.
        """
        path, self._strategy = _absolute(path), strategy
        load = Load(
            id=next(self._ids),
            path=os.fsencode(path),
            strategy=strategy,
            limits=limits or Limits(),
            rates=rates,
            threads=threads,
            adapters=tuple(adapters),
        )
        _log.info("opening %r in worker %d as %s", path, self.pid, strategy or "is usual")
        async with contextlib.aclosing(self._ask(load)) as replies:
            async for reply in replies:
                if isinstance(reply, LoadProgress):
                    report(reply)
                elif isinstance(reply, Loaded):
                    self._strategy = reply.strategy
                    return msgspec.structs.replace(reply, path=path)
        raise self._end_failure()

    async def generate(
        self, prompt: Prompt, options: GenerateOptions, *, start: StartState | None = None
    ) -> AsyncGenerator[Event | Done, None]:
        """Continue ``prompt``: events, then one Done; leaving early stops the text in the worker.

        Leave it inside ``contextlib.aclosing``.  Raises the failure that ended the text:
        WorkerDied where the process ended, NoModel where ``close`` could not wait for the text.
        """
        request = Generate(id=next(self._ids), prompt=prompt, options=options, start=start)
        _texts.debug("request %d: %r", request.id, request)
        async with contextlib.aclosing(self._ask(request)) as replies:
            async for reply in replies:
                if isinstance(reply, Event | Done):
                    _texts.debug("reply %d: %r", request.id, reply)
                    yield reply

    async def score(self, prompt: Prompt, top: int = 0) -> AsyncGenerator[Scored | Done, None]:
        """How likely each token of ``prompt`` is: Scored, then one Done; see Score.

        Leave it inside ``contextlib.aclosing``; leaving early stops it in the worker.  Raises what
        ``generate`` does.
        """
        request = Score(id=next(self._ids), prompt=prompt, top=top)
        async with contextlib.aclosing(self._ask(request)) as replies:
            async for reply in replies:
                if isinstance(reply, Scored | Done):
                    yield reply

    async def measure(self, block_bytes: int) -> Measured:
        """What the worker's threads read memory with now.  Raises OutOfMemory or WorkerDied."""
        measure = Measure(id=next(self._ids), block_bytes=block_bytes)
        async with contextlib.aclosing(self._ask(measure)) as replies:
            async for reply in replies:
                if isinstance(reply, Measured):
                    return reply
        raise self._end_failure()

    async def measure_rates(self) -> Rates:
        """What bounds models on this machine, measured now.  Raises OutOfMemory or WorkerDied."""
        request = MeasureRates(id=next(self._ids))
        async with contextlib.aclosing(self._ask(request)) as replies:
            async for reply in replies:
                if isinstance(reply, Rated):
                    return reply.rates
        raise self._end_failure()

    async def load_state(self, state: StartState) -> StateLoaded:
        """Have the worker read a state, so that it is known.

        Raises RequestRefused for one that is not of the open model, the failures of reading a
        state, and WorkerDied.
        """
        load = LoadState(id=next(self._ids), state=state)
        async with contextlib.aclosing(self._ask(load)) as replies:
            async for reply in replies:
                if isinstance(reply, StateLoaded):
                    return reply
        raise self._end_failure()

    async def save_state(
        self,
        prompt: Prompt,
        path: str,
        *,
        start: StartState | None = None,
        document: bool = False,
        report: Callable[[Prefilled], None] = lambda _: None,
    ) -> StatesTaken:
        """Have ``prompt`` read, and the state after it written to a file; see ``SaveState``.

        Raises as ``load_state`` does, the tokenizer's failures, DiskFull and StoreError.
        """
        to = os.fsencode(_absolute(path))
        save = SaveState(id=next(self._ids), prompt=prompt, path=to, start=start, document=document)
        return await self._taken(save, report)

    async def take_states(
        self,
        prompt: Prompt,
        places: Sequence[Place],
        *,
        start: StartState | None = None,
        document: bool = False,
        report: Callable[[Prefilled], None] = lambda _: None,
    ) -> StatesTaken:
        """Have ``prompt`` read, and states taken on the way; see ``TakeStates``.

        Raises as ``save_state`` does.
        """
        take = TakeStates(
            id=next(self._ids), prompt=prompt, places=tuple(places), start=start, document=document
        )
        return await self._taken(take, report)

    async def _taken(
        self, request: SaveState | TakeStates, report: Callable[[Prefilled], None]
    ) -> StatesTaken:
        async with contextlib.aclosing(self._ask(request)) as replies:
            async for reply in replies:
                if isinstance(reply, Prefilled):
                    report(reply)
                elif isinstance(reply, StatesTaken):
                    return reply
        raise self._end_failure()

    async def generate_together(
        self, asked: Sequence[Generate]
    ) -> AsyncGenerator[tuple[int, Reply], None]:
        """Replies to each of ``asked`` (whose ids are given here), with its place among them.

        All begin in one go.  Leave it inside ``contextlib.aclosing``.  Raises RequestRefused where
        they are too long to be sent; one that fails ends with Failed, as all do with the process.
        """
        if not self.alive:
            raise self._end_failure()
        texts = [msgspec.structs.replace(one, id=next(self._ids)) for one in asked]
        self._send_checked(GenerateTogether(id=0, texts=tuple(texts)))
        inbox: asyncio.Queue[Reply] = asyncio.Queue()
        places = {text.id: place for place, text in enumerate(texts)}
        self._inboxes.update(dict.fromkeys(places, inbox))
        self._running.update((text.id, text) for text in texts)
        self._still.clear()
        going = len(texts)
        try:
            while going:
                reply = await inbox.get()
                going -= isinstance(reply, (*_ENDINGS, Failed))
                yield places[reply.id], reply
        finally:
            for text in texts:
                del self._inboxes[text.id]
                if text.id in self._running:
                    self._send(Cancel(id=text.id))

    async def close(self) -> None:
        """Stop all texts (each ends with its Done) and ask the worker to quit, else kill it.

        A model that is being loaded is not waited for.
        """
        if not any(isinstance(request, Load) for request in self._running.values()):
            for running in self._running:
                self._send(Cancel(id=running))
            await self._wait(self._still, _STOP_LIMIT_S)
        self._leaving = True
        self._send(Quit(id=0))
        if not await self._wait(self._ended, _QUIT_LIMIT_S):
            self.kill()
            await self._ended.wait()

    def kill(self) -> None:
        """Kill the worker; ``ended`` waits until it is gone."""
        self._leaving = True
        self._process.kill()

    async def ended(self) -> None:
        """Wait until the process is gone and its exit code known."""
        await self._ended.wait()

    async def _wait(self, event: asyncio.Event, limit_s: float) -> bool:
        # not asyncio.wait_for: before Python 3.12 it loses a cancellation that comes with the event
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await event.wait()
        return event.is_set()

    async def _ask(self, request: Work) -> AsyncGenerator[Reply, None]:
        """Send; yield what comes back, the ending too; cancel where the reader leaves early."""
        if not self.alive:
            raise self._end_failure()
        inbox = self._inboxes[request.id] = asyncio.Queue()
        self._running[request.id] = request  # before it is sent: _receive compares replies with it
        self._still.clear()
        try:
            self._send_checked(request)
            while True:
                reply = await inbox.get()
                if isinstance(reply, Failed):
                    raise _refused(reply, request)
                yield reply
                if isinstance(reply, _ENDINGS):
                    return
        finally:
            del self._inboxes[request.id]
            if request.id in self._running:
                self._send(Cancel(id=request.id))

    def _send_checked(self, request: Work | GenerateTogether) -> None:
        message = messages.encode(request)
        if len(message) > LIMIT:
            self._settle(request.id)
            raise RequestRefused(why="too-long", limit_bytes=LIMIT)
        self._process.send(message)

    def _send(self, request: Cancel | Quit) -> None:
        self._process.send(messages.encode(request))

    def _receive(self, frame: bytes) -> None:
        """Called in the process's thread."""
        reply = decoded(messages.decode_reply, frame)
        request = self._running.get(reply.id)
        if request is not None and not isinstance(reply, _REPLIES[type(request)]):
            raise GarbledError(f"{type(reply).__name__} in reply to {type(request).__name__}")
        self._call(self._deliver, reply)

    def _end(self, end: End) -> None:
        """Called in the process's thread."""
        self._call(self._note_end, end)

    def _call(self, function: Callable[..., None], argument: Reply | End) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(function, argument)

    def _deliver(self, reply: Reply) -> None:
        if inbox := self._inboxes.get(reply.id):
            inbox.put_nowait(reply)
        if isinstance(reply, (*_ENDINGS, Failed)):
            self._settle(reply.id)

    def _settle(self, request: int) -> None:
        self._running.pop(request, None)
        if not self._running:
            self._still.set()

    def _note_end(self, end: End) -> None:
        if not self._leaving:
            self.failure = _died(end, self._strategy)
            how = end.signal_name or "by itself"
            logger("worker").error("%d ended: %s, %s", self.pid, how, describe(self.failure))
        self._ended.set()
        reason = self._end_failure()
        for request in list(self._running):
            self._deliver(failed(request, reason))
        self._on_end()

    def _end_failure(self) -> Failure:
        return self.failure or NoModel()


def _refused(reply: Failed, request: Work) -> Failure:
    """The failure that ended a request; what ended the whole process is logged once."""
    failure = failure_of(reply)
    if not isinstance(failure, WorkerDied | NoModel):
        words = "%s %d was refused: %s"
        logger("request").warning(words, type(request).__name__, request.id, describe(failure))
    return failure


def _absolute(path: str) -> str:
    """The worker's current folder may be another one."""
    return str(Path(path).absolute())


def _died(end: End, strategy: str) -> WorkerDied:
    known: dict[str, str] = {"why": end.why} if end.why else {}
    known |= {"strategy": strategy} if strategy else {}
    kind = WorkerOutOfMemory if end.why == "no-memory" else WorkerDied
    return kind(exit_code=end.exit_code, stderr=end.stderr, **known)
