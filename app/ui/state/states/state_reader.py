"""A text that the open model reads once for a named state: kept on the way, and gone on with."""

import asyncio
import contextlib
import os
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import Failure, NoModel, RequestRefused, TextRefused, WorkerDied
from app.library.states.state_records import NamedState, ReadingJob, StateNote, Unfinished
from app.runtime.protocol.messages import Loaded, Prefilled
from app.runtime.protocol.prompts import Text, Tokens
from app.runtime.protocol.states import Place, StartState, StatesTaken, TakeStates
from app.runtime.protocol.token_spans import unpack
from app.ui.state.notices import Notices
from app.ui.state.session import Session
from app.ui.state.tasks import Tasks

from .named_state_list import PAGE, NamedStateList

KEPT_EVERY_S = 8.0
"""About so long is read between two states that are kept: so much is read anew at most."""

_STEP = 256  # prompts are cut at multiples of it
_FIRST, _MOST = 2 * _STEP, 256 * _STEP
_BYTES_PER_S = 4_000_000  # states of large models are kept less often: that much is written at most
_REPAINT_MS = 100
_ENDING = "\n\n"  # after which a message begins in a chat


@dataclass
class Reading:
    """How far one text is.  ``total`` 0: its tokens are not counted yet."""

    name: str
    id: str = ""
    done: int = 0
    total: int = 0
    tokens_per_s: float = 0.0

    @property
    def left_s(self) -> float:
        """How long the rest takes; -1 where nobody can tell."""
        return (self.total - self.done) / self.tokens_per_s if self.tokens_per_s else -1.0


class StateReader(QObject):
    """One text at a time.  ``changed`` a few times a second while it is read, and when it ends;
    ``finished`` carries the id of the state that it has become.
    """

    changed = Signal()
    finished = Signal(str)

    def __init__(
        self,
        session: Session,
        named: NamedStateList,
        tasks: Tasks,
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._named = session, named
        self._tasks, self._notices = tasks, notices
        self.reading: Reading | None = None
        self.failures: dict[str, Failure] = {}
        self._task: asyncio.Task[None] | None = None
        self._paused = ""
        self._due = QTimer(self, singleShot=True, interval=_REPAINT_MS)
        self._due.timeout.connect(self.changed)
        session.pausing.connect(self._pause)
        session.was_opened.connect(self._unpause)

    def begin(self, text: str, note: StateNote, base: NamedState | None = None) -> None:
        """Read a text, behind the state ``base`` if there is one; not while another one is read.

        A chat that begins from it begins a line of its own: the text ends with a blank line.
        """
        if self.reading is None:
            self._run(Reading(note.name), self._begin(text.rstrip() + _ENDING, note, base))

    def go_on(self, ident: str) -> None:
        """Go on with a text that was begun, from the last state of it that was kept."""
        one = next((one for one in self._named.unfinished if one.id == ident), None)
        if self.reading is None and one is not None:
            self.failures.pop(ident, None)
            reading = Reading(one.job.note.name, ident, one.done, one.job.tokens)
            self._run(reading, self._go_on(ident))

    def stop(self) -> None:
        """Stop reading; what was read is kept, and can be gone on with."""
        self._paused = ""
        if self._task is not None:
            self._task.cancel()

    def discard(self, ident: str) -> None:
        """Forget a text that was begun."""
        if self.reading is not None and self.reading.id == ident:
            self.stop()
        self._tasks.start(self._discard(ident))

    # inside

    def _run(self, reading: Reading, work: Coroutine[Any, Any, None]) -> None:
        self.reading = reading
        self._task = self._tasks.start(work, self._end)
        self.changed.emit()

    def _end(self) -> None:
        self.reading, self._task = None, None
        self._due.stop()
        self.changed.emit()
        self._named.refresh()

    async def _begin(self, text: str, note: StateNote, base: NamedState | None) -> None:
        try:
            self._named.check_room()
            loaded = self._model()
            if not loaded.has_tokenizer:
                raise TextRefused
            encoded = await self._session.encode(Text(text), document=True)
            ids = unpack(encoded.ids)
            if not ids:
                raise RequestRefused(why="source-none", path=note.read)
            job = ReadingJob(
                note=note,
                fingerprint=loaded.fingerprint,
                model=loaded.name,
                vocabulary=loaded.vocabulary,
                tokens=len(ids),
                base=base.id if base else "",
                before=base.facts.tokens if base else 0,
            )
            one = await self._tasks.thread(self._named.jobs.begin, job, ids)
            await self._read(one, ids)
        except Failure as failure:
            self._fail(failure)

    async def _go_on(self, ident: str) -> None:
        try:
            one = await self._tasks.thread(self._named.jobs.take, ident)
            ids = await self._tasks.thread(self._named.jobs.tokens, ident)
            await self._read(one, ids)
        except Failure as failure:
            self._fail(failure)

    async def _read(self, one: Unfinished, ids: Sequence[int]) -> None:
        reading = self.reading
        assert reading is not None
        reading.id, reading.done, reading.total = one.id, one.done, len(ids)
        await self._named.looked()
        piece, died_at = _FIRST, -1
        while reading.done < reading.total:
            self._check_model(one.job)
            first = reading.done
            began = time.monotonic()
            try:
                size = await self._read_piece(one, ids[first : first + piece])
            except WorkerDied:
                if first <= died_at:
                    raise
                died_at, reading.done = first, first
                continue
            piece = _next_piece(reading.done - first, time.monotonic() - began, size)
        ident = await self._tasks.thread(self._named.jobs.finish, one.id)
        await self._named.looked()
        self.finished.emit(ident)

    async def _read_piece(self, one: Unfinished, ids: Sequence[int]) -> int:
        """Read some more, and keep the state after it; the bytes of its file."""
        reading = self.reading
        assert reading is not None
        path, first, began = self._named.jobs.state_path(one.id), reading.done, time.monotonic()
        asked = TakeStates(
            id=0,
            prompt=Tokens(tuple(ids)),
            places=(Place(len(ids), os.fsencode(path)),),
            start=self._start(one, first),
        )
        size = 0
        async with contextlib.aclosing(self._session.look_at_states(asked)) as events:
            async for event in events:
                if isinstance(event, Prefilled):
                    reading.done = first + event.done
                    took = time.monotonic() - began
                    reading.tokens_per_s = event.done / took if took > 0 else 0.0
                    self._show_soon()
                elif isinstance(event, StatesTaken):
                    if event.stopped or not event.states:
                        raise NoModel
                    size = event.states[0].file_bytes
        reading.done = first + len(ids)
        self._show_soon()
        return size

    def _start(self, one: Unfinished, done: int) -> StartState | None:
        if done:
            return StartState(os.fsencode(self._named.jobs.state_path(one.id)), other_format=True)
        if one.job.base:
            return StartState(os.fsencode(self._named.files.path(one.job.base)), other_format=True)
        return None

    def _model(self) -> Loaded:
        if self._session.loaded is None:
            raise NoModel
        return self._session.loaded

    def _check_model(self, job: ReadingJob) -> None:
        if self._model().fingerprint != job.fingerprint:
            raise RequestRefused(why="reading-model", model=job.model)

    def _fail(self, failure: Failure) -> None:
        ident = self.reading.id if self.reading is not None else ""
        if ident:
            self.failures[ident] = failure
        self._notices.failure(failure, about=PAGE)

    async def _discard(self, ident: str) -> None:
        task = self._task
        if task is not None and self.reading is not None and self.reading.id == ident:
            await asyncio.wait([task])
        await self._tasks.thread(partial(self._named.jobs.discard, ident))
        self.failures.pop(ident, None)
        await self._named.looked()

    def _show_soon(self) -> None:
        if not self._due.isActive():
            self._due.start()

    def _pause(self) -> None:
        """The model is to run in another way, and reading goes on then."""
        if self.reading is not None:
            ident = self.reading.id
            self.stop()
            self._paused = ident

    def _unpause(self) -> None:
        ident, self._paused = self._paused, ""
        if ident:
            QTimer.singleShot(0, self, lambda: self.go_on(ident))


def _next_piece(tokens: int, took_s: float, state_bytes: int) -> int:
    """How many tokens are read before the next state is kept."""
    wanted_s = max(KEPT_EVERY_S, state_bytes / _BYTES_PER_S)
    count = int(tokens * wanted_s / max(took_s, 1e-3))
    return min(max(count // _STEP * _STEP, _STEP), _MOST)
