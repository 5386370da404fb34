"""What can be asked of one worker process, with ``async for`` over its replies."""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import cast

import msgspec

from app.runtime.planning.machine import Limits, Rates
from app.runtime.planning.stepping_down import Preferences
from app.runtime.protocol.adapters import MergedAdapter
from app.runtime.protocol.encodings import Encode, Encoded
from app.runtime.protocol.generate_options import GenerateOptions
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
    Prefilled,
    Rated,
    Reply,
)
from app.runtime.protocol.prompts import Prompt
from app.runtime.protocol.reply_kinds import ENDINGS
from app.runtime.protocol.scores import Score, Scored
from app.runtime.protocol.states import (
    HandOver,
    KeepStates,
    LoadState,
    Park,
    Parked,
    Place,
    SaveState,
    StartState,
    StateCache,
    StateLoaded,
    StateSeen,
    StatesHandedOver,
    StatesTaken,
    TakeOver,
    TakeStates,
)
from app.runtime.protocol.vocabulary_messages import ReadVocabulary, Vocabulary
from app.runtime.protocol.written_before import WrittenBefore
from app.system.log import logger

from .worker_connection import Connection

_log, _texts = logger("model"), logger("text")


class Client(Connection):
    """A worker's verbs; see Connection for when they fail."""

    async def load(
        self,
        path: str,
        strategy: str,
        report: Callable[[LoadProgress], None] = lambda _: None,
        *,
        limits: Limits | None = None,
        rates: Rates | None = None,
        threads: int = 0,
        preferences: Preferences | None = None,
        cache: StateCache | None = None,
        adapters: Sequence[MergedAdapter] = (),
    ) -> Loaded:
        """Open the model at ``path``; ``threads`` compute, 0 for one a core.  See ``Load``.

        Without ``preferences`` a strategy is taken or fails.  ``cache`` is where the states of its
        texts are kept for the next worker.  Raises the failures of loading, or WorkerDied.
        """
        path, self._strategy = _absolute(path), strategy
        load = Load(
            id=next(self._ids),
            path=os.fsencode(path),
            strategy=strategy,
            limits=limits or Limits(),
            rates=rates,
            threads=threads,
            cache=cache,
            preferences=preferences or Preferences(firm=True),
            adapters=tuple(adapters),
        )
        _log.info("opening %r in worker %d as %s", path, self.pid, strategy or "is usual")
        async with contextlib.aclosing(self._ask(load)) as replies:
            async for reply in replies:
                if isinstance(reply, LoadProgress):
                    self._strategy, self._room = reply.strategy or strategy, reply.room_bytes
                    report(reply)
                elif isinstance(reply, Loaded):
                    self._strategy = reply.strategy
                    return msgspec.structs.replace(reply, path=path)
        raise self._end_failure()

    def keep_states(self, cache: StateCache | None) -> None:
        """Keep states there from now on, or in the worker's memory only."""
        if self.alive:
            self._send(KeepStates(id=0, cache=cache))

    async def generate(
        self,
        prompt: Prompt,
        options: GenerateOptions,
        *,
        start: StartState | None = None,
        before: WrittenBefore | None = None,
        afresh: bool = False,
    ) -> AsyncGenerator[Event | Done, None]:
        """Continue ``prompt``: events, then one Done; leaving early stops the text in the worker.

        ``before`` was written of it in another one.  Leave it inside ``contextlib.aclosing``.
        Raises the failure that ended the text: WorkerDied where the process ended, NoModel where
        ``close`` could not wait for the text.
        """
        request = Generate(
            id=next(self._ids),
            prompt=prompt,
            options=options,
            start=start,
            before=before,
            afresh=afresh,
        )
        _texts.debug("request %d: %r", request.id, request)
        async with contextlib.aclosing(self._ask(request)) as replies:
            async for reply in replies:
                if isinstance(reply, Event | Done):
                    _texts.debug("reply %d: %r", request.id, reply)
                    yield reply

    def score(self, prompt: Prompt, top: int = 0) -> AsyncGenerator[Scored | Done, None]:
        """How likely each token of ``prompt`` is: Scored, then one Done; see Score.

        Leave it inside ``contextlib.aclosing``; leaving early stops it in the worker.  Raises what
        ``generate`` does.
        """
        request = Score(id=next(self._ids), prompt=prompt, top=top)
        return cast("AsyncGenerator[Scored | Done, None]", self._ask(request))

    async def measure(self, block_bytes: int) -> Measured:
        """What the worker's threads read memory with now.  Raises OutOfMemory or WorkerDied."""
        measure = Measure(id=next(self._ids), block_bytes=block_bytes)
        return await self._answer(measure, Measured)

    async def measure_rates(self) -> Rates:
        """What bounds models on this machine, measured now.  Raises OutOfMemory or WorkerDied."""
        return (await self._answer(MeasureRates(id=next(self._ids)), Rated)).rates

    async def load_state(self, state: StartState) -> StateLoaded:
        """Have the worker read a state, so that it is known.

        Raises RequestRefused for one that is not of the open model, the failures of reading a
        state, and WorkerDied.
        """
        return await self._answer(LoadState(id=next(self._ids), state=state), StateLoaded)

    async def hand_over_states(self, folder: str, most_bytes: int) -> int:
        """Have what is remembered written to a folder; see ``HandOver``.  How many states.

        Raises DiskFull, StoreError, OutOfMemory and WorkerDied.
        """
        where = os.fsencode(_absolute(folder))
        keep = HandOver(id=next(self._ids), folder=where, most_bytes=most_bytes)
        return (await self._answer(keep, StatesHandedOver)).count

    async def take_over(self, folder: str) -> int:
        """Have what another worker has kept there remembered.  How many states.

        Raises as ``load_state`` does.
        """
        take = TakeOver(id=next(self._ids), folder=os.fsencode(_absolute(folder)))
        return (await self._answer(take, StatesHandedOver)).count

    async def park(self) -> int:
        """Have the weights alone kept in memory; see ``Park``.  The bytes that are left.

        Raises OutOfMemory and WorkerDied.
        """
        return (await self._answer(Park(id=next(self._ids)), Parked)).resident_bytes

    async def encode(self, prompt: Prompt, *, document: bool = True) -> Encoded:
        """The token ids of ``prompt``; see ``Encode``.

        Raises RequestRefused, the tokenizer's failures, and WorkerDied.
        """
        request = Encode(id=next(self._ids), prompt=prompt, document=document)
        return await self._answer(request, Encoded)

    async def vocabulary(self) -> Vocabulary:
        """The bytes of every token of the open model.  Raises WorkerDied."""
        return await self._answer(ReadVocabulary(id=next(self._ids)), Vocabulary)

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
        return await self._answer(save, StatesTaken, report)

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
        return await self._answer(take, StatesTaken, report)

    def look_at_states(
        self, asked: TakeStates
    ) -> AsyncGenerator[Prefilled | StateSeen | StatesTaken, None]:
        """As ``take_states``, with what is told on the way; ``asked`` gets its id here.

        Leave it inside ``contextlib.aclosing``; leaving early stops it in the worker.
        """
        request = msgspec.structs.replace(asked, id=next(self._ids))
        return cast("AsyncGenerator[Prefilled | StateSeen | StatesTaken, None]", self._ask(request))

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
                going -= isinstance(reply, (*ENDINGS, Failed))
                yield places[reply.id], reply
        finally:
            for text in texts:
                del self._inboxes[text.id]
                if text.id in self._running:
                    self._send(Cancel(id=text.id))


def _absolute(path: str) -> str:
    return str(Path(path).absolute())  # the worker's current folder may be another one
