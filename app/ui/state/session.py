"""The one open model, as state and a signal; no widget in sight."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import Failure
from app.runtime.planning.machine import Limits, Rates
from app.runtime.planning.stepping_down import Preferences
from app.runtime.protocol.adapters import MergedAdapter
from app.runtime.protocol.encodings import Encoded
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import (
    Done,
    Event,
    Generate,
    Loaded,
    LoadProgress,
    Piece,
    Prefilled,
    Reply,
)
from app.runtime.protocol.prompts import Prompt
from app.runtime.protocol.scores import Scored
from app.runtime.protocol.states import StartState, StateCache, StateSeen, StatesTaken, TakeStates
from app.runtime.protocol.vocabulary_messages import Vocabulary
from app.runtime.worker.phase import Phase

from .tasks import Tasks

if TYPE_CHECKING:
    from app.runtime.worker.supervisor import Supervisor

_PAUSE_S = 2.0
_LEAST = 16  # tokens of a reply whose speed is worth telling


class Session(QObject):
    """The supervisor with a signal; ``changed`` comes once a turn of the event loop at most.

    ``asked`` is the strategy asked for last ("" for the usual one), ``merged`` the adapters of the
    open model; ``adapters_for`` tells which ones a model is opened with.  ``speeds`` are the tokens
    a second of the last reply by path and strategy.  ``died`` carries why the worker ended while
    nobody waited for it: whoever waits is told by the failure that is raised.  ``moved`` carries
    the paths of a file before and after it was renamed.  ``pausing``: what is being written shall
    stop now and go on when a model is open again.  ``was_opened`` when a model is open that was
    asked for by ``opened``.
    """

    changed = Signal()
    writing_changed = Signal()
    died = Signal(object)
    moved = Signal(object, object)
    pausing = Signal()
    was_opened = Signal()

    def __init__(self, supervisor: "Supervisor", tasks: Tasks, parent: QObject | None = None):
        super().__init__(parent)
        self._supervisor = supervisor
        self.tasks = tasks
        self._opening: Path | None = None
        self._last: Path | None = None
        self.asked = ""
        self.adapters_for: Callable[[Path], Sequence[MergedAdapter]] = lambda _path: ()
        self.merged: tuple[MergedAdapter, ...] = ()
        self._openings = 0
        self._told: Failure | None = None
        self.writing = 0
        self.tokens_written = 0
        self.speeds: dict[tuple[str, str], float] = {}
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._due = QTimer(self, singleShot=True, interval=0)
        self._due.timeout.connect(self.changed)

    @property
    def phase(self) -> Phase:
        """Where the worker is: EMPTY, LOADING, READY, DEAD, RESTING or CLOSING."""
        return self._supervisor.phase

    @property
    def opening(self) -> Path | None:
        """The model that is being opened, if one is; also where a message opens it again."""
        return self._last if self.returning else self._opening

    @property
    def returning(self) -> bool:
        """Whether a message has the model opened again that had stopped or was let go."""
        return self._opening is None and self._supervisor.phase is Phase.LOADING

    @property
    def waits(self) -> bool:
        """Whether the model has stopped or was let go, and the next message opens it again."""
        return self._supervisor.phase in (Phase.DEAD, Phase.RESTING)

    @property
    def parked(self) -> bool:
        """Whether the model was let go, and its weights are still in the memory of its worker."""
        return self._supervisor.parked

    @property
    def loaded(self) -> Loaded | None:
        """The model that answers now, if one is open."""
        return self._supervisor.loaded

    @property
    def held(self) -> Loaded | None:
        """The model that has memory of the cards now: not one that has stopped or was let go."""
        return None if self.waits else self.loaded

    @property
    def progress(self) -> LoadProgress | None:
        """How many layers are in memory, while one is being opened."""
        return self._supervisor.progress

    @property
    def failure(self) -> Failure | None:
        """Why the worker ended or the model did not open, if so."""
        return self._supervisor.failure

    @property
    def worker_pid(self) -> int | None:
        """The process that holds the model, while there is one."""
        return self._supervisor.worker_pid

    @property
    def rates(self) -> Rates | None:
        """What this machine was measured to do, once that is known."""
        return self._supervisor.rates

    def note_change(self) -> None:
        """The supervisor's callback: something of the above is different now."""
        self._due.start()
        if self.loaded is not None:
            self._last = Path(self.loaded.path)
        failure = self.failure
        if failure is not None and failure is not self._told:
            waited_for = self.writing > 0 or self.opening is not None
            if not waited_for:
                self.died.emit(failure)
        self._told = failure

    def open(self, path: Path, strategy: str = "") -> None:
        """Open a model beside the window; failures go to the notices."""
        self.tasks.start(self.opened(path, strategy))

    async def opened(self, path: Path, strategy: str = "", *, firm: bool = False) -> Loaded:
        """Open a model and wait for it; raises a Failure if it cannot be.

        A ``firm`` strategy is taken or fails.
        """
        self._opening, self.asked = path, strategy
        self._openings += 1
        mine = self._openings
        self.note_change()
        merged = tuple(self.adapters_for(path))
        try:
            asked = (str(path), strategy, merged) if merged else (str(path), strategy)
            loaded = await self._supervisor.open(*asked, firm=firm)
            self.merged = merged
            self.was_opened.emit()
            return loaded
        finally:
            if self._openings == mine:
                self._opening = None
            self.note_change()

    def follow(self, before: Path, now: Path) -> None:
        """A file has another name or place: if it is the model's, it is known by that from now on.

        While it is being opened as well.
        """
        self._opening = now if self._opening == before else self._opening
        self._last = now if self._last == before else self._last
        self._supervisor.follow(str(before), str(now))
        self.note_change()
        self.moved.emit(before, now)

    def unload(self) -> None:
        """Give all of the model's memory back."""
        self.tasks.start(self._supervisor.unload())

    def rest(self, *, park: bool = False) -> "asyncio.Task[None]":
        """Give the memory back until the next message, which opens the model again.

        Where it is to be parked, what brings it back sooner stays in memory.
        """
        return self.tasks.start(self._supervisor.rest(park=park))

    async def pause(self) -> None:
        """Have every text that is written stop, to go on in the model that is opened next.

        Waits until they have, but not for ever: opening a model ends them in any case.
        """
        self.pausing.emit()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), _PAUSE_S)
        await asyncio.sleep(0)  # so that their ends are noted

    def use(self, threads: int, limits: Limits, preferences: Preferences) -> None:
        """So many compute in models that are opened from now on (0 is one for each core), and they
        keep to these limits; preferences decide where there is no strategy, or no room for it.
        """
        self._supervisor.threads, self._supervisor.limits = threads, limits
        self._supervisor.preferences = preferences

    def keep_states(self, cache: StateCache | None) -> None:
        """Keep what the model remembers there from now on, or in its worker's memory only."""
        self._supervisor.keep_states(cache)

    def know(self, rates: Rates) -> None:
        """This machine was measured before: models that are opened are planned for with that."""
        self._supervisor.rates = rates
        self.note_change()

    async def generate(
        self, prompt: Prompt, options: GenerateOptions, start: StartState | None = None
    ) -> AsyncGenerator[Event | Done, None]:
        """Continue ``prompt``: events, then one Done; leave it inside ``contextlib.aclosing``.

        The text goes on from the state ``start``, if one is given.  ``writing`` counts the texts
        that run, ``tokens_written`` all tokens so far.
        """
        events = self._supervisor.generate(prompt, options, start=start)
        way: str | None = None  # in which its first tokens were written
        self._write(+1)
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    if isinstance(event, Piece):
                        self.tokens_written += len(event.tokens)
                        way = self._way if way is None else way
                    elif isinstance(event, Done) and way == self._way:
                        self._measure(event)
                    yield event
        finally:
            self._write(-1)

    async def generate_together(
        self, asked: Sequence[Generate]
    ) -> AsyncGenerator[tuple[int, Reply], None]:
        """Texts that begin in one go, in the ways of ``generate``: replies with their places.

        They do not go on by themselves where the model is opened anew: all end then.
        """
        self._write(+1)
        try:
            async with contextlib.aclosing(self._supervisor.generate_together(asked)) as replies:
                async for place, reply in replies:
                    if isinstance(reply, Piece):
                        self.tokens_written += len(reply.tokens)
                    yield place, reply
        finally:
            self._write(-1)

    async def encode(self, prompt: Prompt, *, document: bool = True) -> Encoded:
        """The token ids of ``prompt`` in the open model's vocabulary; raises as ``generate``."""
        return await self._supervisor.encode(prompt, document=document)

    async def vocabulary(self) -> Vocabulary:
        """The bytes of every token of the open model."""
        return await self._supervisor.vocabulary()

    async def score(self, prompt: Prompt, top: int = 0) -> AsyncGenerator[Scored | Done, None]:
        """How likely each token of ``prompt`` is; leave it inside ``contextlib.aclosing``.

        It counts as ``writing``, so that the model is not let go meanwhile.
        """
        self._write(+1)
        try:
            async with contextlib.aclosing(self._supervisor.score(prompt, top)) as events:
                async for event in events:
                    yield event
        finally:
            self._write(-1)

    async def look_at_states(
        self, asked: TakeStates
    ) -> AsyncGenerator[Prefilled | StateSeen | StatesTaken, None]:
        """States on the way through a text, in the ways of ``score``."""
        self._write(+1)
        try:
            async with contextlib.aclosing(self._supervisor.look_at_states(asked)) as events:
                async for event in events:
                    yield event
        finally:
            self._write(-1)

    async def close(self) -> None:
        """End the worker; nothing can be asked afterwards."""
        await self._supervisor.close()

    @property
    def _way(self) -> str:
        return self.loaded.strategy if self.loaded is not None else ""

    def _measure(self, done: Done) -> None:
        """Note how fast the model wrote, if that was long enough and it wrote nothing else."""
        loaded = self.loaded
        if loaded is not None and self.writing == 1 and done.tokens >= _LEAST and done.decode_s > 0:
            self.speeds[loaded.path, loaded.strategy] = (done.tokens - 1) / done.decode_s

    def _write(self, more: int) -> None:
        self.writing += more
        if self.writing:
            self._quiet.clear()
        else:
            self._quiet.set()
        self.writing_changed.emit()
