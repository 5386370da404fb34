"""The comparison that is shown, what is written of it, and what would be begun next."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from app.comparison.grid_export import export
from app.comparison.grid_run import Ended, Grew, GridRun, Opening, failed_answer
from app.comparison.way_room import Side, check_room
from app.errors import Failure, OutOfMemory, OverLimit
from app.messages.translate import tr
from app.runtime.worker.client import Client
from app.store.comparisons.comparison_records import (
    MOST_ROWS,
    Answer,
    Comparison,
    Divergence,
    Grid,
    OpenedComparison,
    Place,
)
from app.store.records import Reply, new_id
from app.ui.state.playground.open_document import title_of
from app.ui.state.playground.token_words import options_of
from app.ui.state.services import Services

_REPAINT_MS = 34  # at most 30 times a second
_REPAINT_CELL_MS = 6  # for each cell that grows: many of them take long to be laid out
_STOPPED = "stopped"
_MOST_KEPT = 100_000  # letters of what is not begun: it lies among the settings


class Stage(Enum):
    """IDLE; LOOKING whether there is room; OPENING a model; WRITING its answers."""

    IDLE = auto()
    LOOKING = auto()
    OPENING = auto()
    WRITING = auto()


class Position(NamedTuple):
    """Which way is at work, from 0, and how many of its layers are in memory."""

    way: int = 0
    done: int = 0
    total: int = 0


class GridController(QObject):
    """``draft`` is what the person has set, ``shown`` the comparison whose answers are there.

    ``opened`` when another one is shown, ``configured`` when the draft is another one, ``changed``
    for all else but words, ``grew`` at most 30 times a second while these come.  ``typed_wanted``
    asks for what is typed and not handed in.  ``failures`` tell
    by way why nothing can be written there, ``unkept`` why something is lost when the window
    closes.  ``start_worker`` starts the process in which a model writes.
    """

    opened = Signal()
    configured = Signal()
    changed = Signal()
    grew = Signal()
    typed_wanted = Signal()

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._store = services.conversations.comparisons
        self.start_worker: Callable[[], Client] = Client
        self.draft = services.settings.now.comparison
        self.shown: Comparison | None = None
        self.answers: dict[Place, Answer] = {}
        self.divergences: list[Divergence] = []
        self.stage = Stage.IDLE
        self.position = Position()
        self.failures: dict[int, Failure] = {}
        self.unkept: Failure | None = None
        self._growing: dict[Place, list[str]] = {}
        self.touched: set[Place] = set()
        self._task: asyncio.Task[None] | None = None
        self._repaint = QTimer(self, singleShot=True)
        self._repaint.timeout.connect(self._show_growth)

    # what is

    @property
    def running(self) -> bool:
        """Whether something is written, or will be."""
        return self.stage is not Stage.IDLE

    @property
    def grid(self) -> Grid:
        """That of the answers that are there; without any that which is set."""
        return self.shown.grid if self.shown is not None else self.draft

    @property
    def missing(self) -> tuple[Place, ...]:
        """The cells of the grid that have no whole answer yet."""
        return tuple(place for place in self.grid.places if self._is_missing(place))

    @property
    def goes_on(self) -> bool:
        """Whether the next start writes what is missing of what is shown, and begins nothing."""
        return self.shown is not None and self.draft == self.shown.grid and bool(self.missing)

    @property
    def can_begin(self) -> bool:
        """Whether there is something to be written, and a model to write it."""
        rows = len(self.draft.rows)
        return not self.running and bool(self.draft.ways) and 0 < rows <= MOST_ROWS

    def text_at(self, place: Place) -> str:
        """What is written in a cell so far."""
        words = self._growing.get(place)
        if words is not None:
            return "".join(words)
        answer = self.answers.get(place)
        return answer.text if answer else ""

    def is_growing(self, place: Place) -> bool:
        """Whether a cell is being written."""
        return place in self._growing

    def divergence(self, first: Place, second: Place) -> Divergence | None:
        """How the ways of two cells differ on the text of the first, if that was looked at."""
        wanted = first, second
        found = (one for one in reversed(self.divergences) if (one.first, one.second) == wanted)
        return next(found, None)

    # verbs

    def configure(self, **values: object) -> None:
        """Change parts of what is set; what is shown stays until the next start."""
        draft = msgspec.structs.replace(self.draft, **values)
        if draft != self.draft:
            self.draft = draft
            self.failures = {}
            self.configured.emit()

    def begin(self) -> None:
        """Write the grid that is set, or what is missing of it."""
        self.typed_wanted.emit()
        if self.can_begin:
            self._begin(self._write)

    def begin_in_room_of_chat(self) -> None:
        """The same after the chat's model has given its memory back, which a message ends.

        Nothing happens while it writes.
        """
        if self.can_begin and self.could_make_room:
            self._begin(self._write_in_room)

    @property
    def could_make_room(self) -> bool:
        """Whether there was no room for a way, and the chat's model could give way."""
        session = self._services.session
        short = any(isinstance(one, OutOfMemory | OverLimit) for one in self.failures.values())
        return short and session.loaded is not None and not session.waits and not session.writing

    def cancel(self) -> None:
        """Write no more: the worker ends, what is there stays."""
        if self._task is not None:
            self._task.cancel()

    def keep_draft(self) -> None:
        """What is set and not begun is there again at the next start; a book is not."""
        self.typed_wanted.emit()
        draft = self.draft
        if sum(map(len, (draft.start, *draft.prompts))) > _MOST_KEPT:
            draft = msgspec.structs.replace(draft, start="", prompts=())
        if draft != self._services.settings.now.comparison:
            self._services.settings.change(comparison=draft)

    def begin_anew(self) -> None:
        """Show no answers; what is set stays."""
        if not self.running:
            self._show(None)

    async def open(self, comparison: str) -> None:
        """Show a stored comparison; nothing happens while another one is written."""
        if self.running:
            return
        found = await asyncio.wrap_future(self._store.open(comparison))
        if found is not None and not self.running:
            self._show(found)

    def drop(self, comparison: str) -> None:
        """It was deleted: show no more of it."""
        if self.shown is not None and self.shown.id == comparison:
            self.cancel()
            self._show(None)

    def put_divergence(self, comparison: str, one: Divergence) -> None:
        """Keep how two ways of a comparison differ, which may be shown no more."""
        self._keep(self._store.put_divergence(comparison, one))
        if self.shown is not None and self.shown.id == comparison:
            pair = one.first, one.second
            others = [old for old in self.divergences if (old.first, old.second) != pair]
            self.divergences = [*others, one]
            self.changed.emit()

    def settle(self) -> None:
        """Show a comparison of what is set, without answers, unless that is shown already."""
        self.typed_wanted.emit()
        if not self.running and (self.shown is None or self.draft != self.shown.grid):
            self._show(self._new(self.draft))
            assert self.shown is not None
            self._keep(self._store.save(self.shown))

    def save(self, place: Path) -> None:
        """Write all of it into a file; a failure goes to the notices."""
        if self.shown is not None:
            told = OpenedComparison(self.shown, dict(self.answers), tuple(self.divergences))
            self._services.tasks.start(self._save(place, told))

    async def _save(self, place: Path, told: OpenedComparison) -> None:
        await self._services.tasks.thread(export, place, told)
        self._services.notices.news(tr("The comparison is in {}.").format(place.name))

    # writing

    def _begin(self, write: Callable[[Sequence[Place]], Awaitable[None]]) -> None:
        if not self.goes_on:
            self._show(self._new(self.draft))
        self.failures, self.unkept = {}, None
        missing = self.missing
        self._enter(Stage.LOOKING, Position(missing[0].way))
        self._task = self._services.tasks.start(self._run(write, missing), self._end)

    def _new(self, grid: Grid) -> OpenedComparison:
        now, title = time.time(), title_of(grid.text_of(grid.rows[0]))
        made = Comparison(id=new_id(), title=title, created=now, updated=now, grid=grid)
        return OpenedComparison(made, {}, ())

    async def _run(
        self, write: Callable[[Sequence[Place]], Awaitable[None]], missing: Sequence[Place]
    ) -> None:
        assert self.shown is not None
        self._keep(self._store.save(self.shown))
        await write(missing)

    async def _write_in_room(self, missing: Sequence[Place]) -> None:
        if not self._services.session.writing:
            await self._services.session.rest()
        await self._write(missing)

    async def _write(self, missing: Sequence[Place]) -> None:
        """Nothing is opened unless there is room for every way, each by itself."""
        ways = sorted({place.way for place in missing})
        for way in ways:
            await self._look(way)
        if self.failures:
            return
        for way in ways:
            rows = [place.row for place in missing if place.way == way]
            try:
                await self._look(way)
                if way not in self.failures:
                    await self._grid_run().write(way, rows)
            except Failure as failure:
                self._note_failure(way, rows, failure)

    async def _look(self, way: int) -> None:
        """Whether there is room for a way now."""
        asked = self.grid.ways[way]
        wishes = self._services.planning.wishes
        machine = await self._services.planning.machine_beside()
        side = Side(Path(asked.path), asked.strategy)
        try:
            await self._services.tasks.thread(check_room, side, machine, wishes.limits)
        except Failure as failure:
            self.failures[way] = failure
            self.changed.emit()

    def _grid_run(self) -> GridRun:
        wishes = self._services.planning.wishes
        return GridRun(
            self.grid,
            options_of,
            self._note,
            limits=wishes.limits,
            threads=wishes.threads,
            start=self.start_worker,
        )

    def _note(self, step: Opening | Grew | Ended) -> None:
        if isinstance(step, Opening):
            self._enter(Stage.OPENING, Position(*step))
        elif isinstance(step, Grew):
            if self.stage is not Stage.WRITING:
                self._enter(Stage.WRITING, Position(step.place.way))
            self._growing.setdefault(step.place, []).append(step.words)
            self._touch(step.place)
        else:
            self._put(step.place, step.answer)

    def _put(self, place: Place, answer: Answer) -> None:
        self._growing.pop(place, None)
        self.answers[place] = answer
        self._touch(place)
        if self.shown is not None:
            self._keep(self._store.put_answers(self.shown.id, {place: answer}))

    def _note_failure(self, way: int, rows: Sequence[int], failure: Failure) -> None:
        """Cells that have no word of their own on it get this one."""
        self.failures[way] = failure
        for row in rows:
            if self._is_missing(Place(row, way)) and Place(row, way) not in self.answers:
                self._put(Place(row, way), failed_answer(failure))
        self.changed.emit()

    def _end(self) -> None:
        """However it ended: what was being written stays as far as it came."""
        self._task = None
        for place in tuple(self._growing):
            text = self.text_at(place)
            self._put(place, Answer(text=text, reply=Reply(reason=_STOPPED)))
        self._show_growth()
        self._enter(Stage.IDLE, Position())

    def _is_missing(self, place: Place) -> bool:
        answer = self.answers.get(place)
        return answer is None or answer.failed or answer.reply.reason == _STOPPED

    # inside

    def _show(self, found: OpenedComparison | None) -> None:
        self.typed_wanted.emit()
        self.shown = found.comparison if found else None
        self.answers = dict(found.answers) if found else {}
        self.divergences = list(found.divergences) if found else []
        self._growing, self.touched = {}, set()
        self.failures, self.unkept = {}, None
        if found is not None and found.comparison.grid != self.draft:
            self.draft = found.comparison.grid
            self.configured.emit()
        self.opened.emit()
        self.changed.emit()

    def _enter(self, stage: Stage, position: Position) -> None:
        self.stage, self.position = stage, position
        self.changed.emit()

    def _touch(self, place: Place) -> None:
        self.touched.add(place)
        if not self._repaint.isActive():
            self._repaint.start(max(_REPAINT_MS, _REPAINT_CELL_MS * len(self._growing)))

    def _show_growth(self) -> None:
        self._repaint.stop()
        if self.touched:
            self.grew.emit()
            self.touched = set()

    def _keep(self, written: "Future[None]") -> None:
        if not self._services.tasks.ended:
            self._services.tasks.start(self._kept(written))

    async def _kept(self, written: "Future[None]") -> None:
        """The first thing that cannot be stored is told; what is shown is not lost by it."""
        try:
            await asyncio.shield(asyncio.wrap_future(written))
        except Failure as failure:
            if self.unkept is None:
                self.unkept = failure
                self.changed.emit()
