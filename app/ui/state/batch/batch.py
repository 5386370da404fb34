"""One batch in the window: what it is to do, how far it is, and its verbs; shows nothing.

It runs in the worker that the chat uses.  Where the model is taken away it waits, and goes on once
that one is open again; what had been finished by then is on the disk.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from enum import Enum, auto
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from app.batch.batch_run import BatchRun, Numbered, Progress
from app.batch.group_writer import SharedWriter
from app.batch.output_file import OutputFile
from app.batch.prompt_template import PromptTemplate, template_for
from app.batch.row_files import RowFile, Summary
from app.errors import Failure, NoModel, RequestRefused
from app.runtime.protocol.prompts import Sampling
from app.store.documents.document_records import WritingSettings
from app.store.kept_batches import KeptBatch
from app.ui.state.services import Services

from .batch_places import output_beside
from .batch_requests import open_output, prepared, requests_of
from .batch_rows import ShownRow, shown_line, shown_waiting, stored_row

Work = Callable[[], Coroutine[Any, Any, None]]

_REPAINT_MS = 120
TRIED = 3
"""Rows of a trial."""


class Stage(Enum):
    """READING the file; a DRAFT that is set up, TRYING some rows; QUEUED behind another one;
    RUNNING; PAUSED by the person, a failure or the model; DONE."""

    READING = auto()
    DRAFT = auto()
    TRYING = auto()
    QUEUED = auto()
    RUNNING = auto()
    PAUSED = auto()
    DONE = auto()


class Batch(QObject):
    """``changed`` at most eight times a second; ``configured`` when the person has changed what it
    is to do; ``ended`` when nothing of it runs any more, ``typed_wanted`` as in the playground.

    ``kept`` is what outlives the window.  ``found`` tells of the rows once they were read,
    ``failure`` why it stands still.  ``wanted`` are model and strategy that it goes on with, where
    another one is open.
    """

    changed = Signal()
    configured = Signal()
    ended = Signal()
    typed_wanted = Signal()

    def __init__(self, services: Services, kept: KeptBatch, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services, self._session = services, services.session
        self.kept, self.stage = kept, Stage.READING
        self.found: Summary | None = None
        self.failure: Failure | None = None
        self.wanted: tuple[str, str] | None = None
        self.progress: Progress | None = None
        self.tried: dict[int, dict[str, Any]] = {}
        self._trial: list[Numbered] = []
        self._asked: PromptTemplate | None = None  # the template of the rows that are written
        self._rows: RowFile | None = None
        self._output: OutputFile | None = None
        self._run: BatchRun | None = None
        self._task: asyncio.Task[None] | None = None
        self._goes_on = False  # once the model is open again
        self._starts = False  # once the rows are read
        self._retries = self._gone = False
        self._repaint = QTimer(self, singleShot=True, interval=_REPAINT_MS)
        self._repaint.timeout.connect(self.changed)
        self._session.pausing.connect(self._wait_for_model)

    # what is

    @property
    def settings(self) -> WritingSettings:
        """How a row is written."""
        return self.kept.settings

    @property
    def sampling(self) -> Sampling:
        """How the next token is chosen: as the person or else as the model's makers say."""
        loaded = self._session.loaded
        return self.settings.sampling or (loaded.sampling if loaded else Sampling())

    @property
    def busy(self) -> bool:
        """Whether something of it runs, or is about to."""
        return self.stage in (Stage.READING, Stage.TRYING, Stage.QUEUED, Stage.RUNNING)

    @property
    def waits_for_model(self) -> bool:
        """Whether it goes on by itself once its model is open."""
        return self._goes_on

    @property
    def failed(self) -> int:
        """How many rows that have a line failed."""
        return self._output.failed if self._output else 0

    @property
    def template(self) -> PromptTemplate:
        """Raises RequestRefused for one that does not fit the columns."""
        assert self.found is not None
        return template_for(self.kept.template, self.kept.column, self.found)

    @property
    def row_count(self) -> int:
        """How many rows can be shown."""
        if self.stage in (Stage.DRAFT, Stage.TRYING):
            return len(self._trial)
        going = len(self._run.group) if self._run and not self._retries else 0
        return self.stored_count + going

    @property
    def stored_count(self) -> int:
        """How many of them lie in the output, and stay."""
        trying = self.stage in (Stage.DRAFT, Stage.TRYING)
        return 0 if trying or self._output is None else self._output.lines

    def row(self, at: int) -> ShownRow:
        """One of them, for a list."""
        stored = self.stored_count
        if self._output and at < stored:
            return stored_row(self._output, at, self._column)
        if self.stage in (Stage.DRAFT, Stage.TRYING):
            rows, ended = self._trial, self.tried
        else:
            assert self._run is not None
            rows, ended = self._run.group, self._run.ended
        numbered = rows[at - stored]
        line = ended.get(numbered[0])
        return shown_line(line) if line else shown_waiting(numbered, self._asked)

    @property
    def _column(self) -> str:
        """The one that {{text}} means, where the rows are known."""
        if self._asked is None and self.found is not None:
            with contextlib.suppress(RequestRefused):
                self._asked = self.template
        return self._asked.column or "" if self._asked else ""

    # verbs

    def look(self) -> None:
        """Read the rows, and the output as far as there is one."""
        if self._task is None:
            self._begin(Stage.READING, self._look)

    def configure(self, **values: Any) -> None:
        """Change what it is to do: its own fields, or those of its settings."""
        own = {name: value for name, value in values.items() if name in KeptBatch.__struct_fields__}
        others = {name: value for name, value in values.items() if name not in own}
        self._asked = None
        if others:
            own["settings"] = msgspec.structs.replace(self.settings, **others)
        self._keep(**own)
        if self.stage is Stage.DRAFT:
            self.failure = None
        self.configured.emit()
        self.changed.emit()

    def try_some(self) -> None:
        """Run the first rows, and show what comes of them; nothing is written."""
        if self.stage is Stage.DRAFT and self._task is None:
            self.typed_wanted.emit()
            self.tried, self._trial = {}, []
            self._begin(Stage.TRYING, self._try)

    def queue(self, *, retry: bool = False) -> None:
        """It is to run, once none runs before it: what is missing, or the rows that failed."""
        able = (Stage.PAUSED, Stage.DONE) if retry else (Stage.DRAFT, Stage.PAUSED)
        if self._task is None and self.stage in able:
            self.typed_wanted.emit()
            self._goes_on, self._retries, self.failure = False, retry, None
            self._enter(Stage.QUEUED)

    def start(self) -> None:
        """Run what was queued."""
        if self._task is None:
            self._goes_on = False
            self._begin(Stage.RUNNING, self._write)

    def go_on_when_read(self) -> None:
        """It was interrupted: go on once its rows are read and its model is open."""
        self._starts = True
        if self._task is None:
            self._begin(Stage.READING, self._look)

    def pause(self) -> None:
        """Stop at once; the rows of the group that is being written begin anew later."""
        self._goes_on = False
        if self.stage is Stage.QUEUED and not self._gone:
            self._enter(Stage.PAUSED if self.kept.begun else Stage.DRAFT)
        elif self._task is not None:
            self._task.cancel()

    def adopt(self) -> None:
        """The output that is there already is this one's: go on with it."""
        self.configure(begun=True)
        self.failure = None
        self.look()

    def close(self) -> None:
        """Nothing of it is wanted any more; its files stay."""
        self._gone = True
        self.pause()
        if self._output is not None:
            self._output.close()

    # inside

    async def _look(self) -> None:
        thread = self._services.tasks.thread
        self._rows = rows = await thread(RowFile, self.kept.input)
        self.found = found = await thread(rows.summary)
        if not found.rows:
            raise RequestRefused(why="rows-none", path=self.kept.input)
        if self.kept.begun:
            self._output = await thread(open_output, self.kept, found)
            await thread(self._output.close)
        elif not self.kept.output:
            output = await thread(output_beside, Path(self.kept.input))
            self._keep(output=str(output))
        self._keep(rows=found.rows, done=self._output.lines if self._output else 0)

    async def _try(self) -> None:
        assert self._rows is not None
        requests = await requests_of(self._services, self.kept, self.template, None)
        self._asked = requests.template
        self._trial = first = await self._services.tasks.thread(_first, self._rows)
        self._note()
        await requests.lines(first, SharedWriter(self._session.generate_together), self._note_tried)

    def _note_tried(self, line: dict[str, Any]) -> None:
        self.tried[line["row"]] = line
        self._note()

    async def _write(self) -> None:
        rows = self._rows = await self._services.tasks.thread(RowFile, self.kept.input)
        self.found = await self._services.tasks.thread(rows.summary)  # it may have changed since
        made = await prepared(self._services, self.kept, self.found, self.template)
        self._output = output = made.output
        self.wanted, self._asked = None, made.requests.template
        self._keep(begun=True, running=True, model=made.model, strategy=made.job.strategy)
        self._keep(chat_template=made.chat_template, rows=self.found.rows)
        run = self._run = BatchRun(made.requests, output, self.found.rows, self._note)
        self.progress = run.progress
        writer = SharedWriter(self._session.generate_together)
        if self._retries:
            await run.retry(rows, writer, made.job.group)
        else:
            await run.run(rows, writer, made.job.group)

    def _note(self, progress: Progress | None = None) -> None:
        if progress is not None:
            self.progress = progress
        if not self._repaint.isActive():
            self._repaint.start()

    def _begin(self, stage: Stage, work: Work) -> None:
        self.failure = None
        self._enter(stage)
        task = self._services.tasks.start(self._guarded(work))
        self._task = task
        task.add_done_callback(self._end)

    async def _guarded(self, work: Work) -> None:
        """The task may be cancelled before its first step: then the work never begins."""
        try:
            await work()
        except Failure as failure:
            self.failure = failure

    def _end(self, _task: "asyncio.Task[None]") -> None:
        """However it ended, also where it never began."""
        before, self._task, self._run = self.stage, None, None
        if self._output is not None:
            self._output.close()
        if self._gone:
            return
        if isinstance(self.failure, NoModel) and before is Stage.RUNNING:
            self._goes_on = True
        if isinstance(self.failure, RequestRefused):
            self.wanted = _wanted(self.failure, self.kept)
            self._goes_on = self.wanted is not None
        stage, starts = self._stage_after(before), False
        if self._starts and before is Stage.READING and self.failure is None:
            self._starts, starts = False, self._session.loaded is not None
            self._goes_on = not starts
        if not self._services.tasks.ended:  # else it is offered at the next start
            self._keep(running=self._goes_on, done=self._output.lines if self._output else 0)
        self._enter(stage)
        if starts:
            self.queue()
        self.ended.emit()

    def _stage_after(self, before: Stage) -> Stage:
        if not self.kept.begun:
            return Stage.DRAFT
        whole = self.found is not None and self._output is not None
        if whole and self._output and self.found and self._output.lines == self.found.rows:
            return Stage.DONE
        return Stage.PAUSED

    def _wait_for_model(self) -> None:
        """The model is to run in another way: stop, and go on when it does."""
        if self.stage is Stage.RUNNING and self._task is not None:
            self._task.cancel()
            self._goes_on = True

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        self.changed.emit()

    def _keep(self, **values: Any) -> None:
        """In the settings, which write it soon."""
        now = msgspec.structs.replace(self.kept, **values)
        if now != self.kept:
            self.kept = now
            batches = {**self._services.settings.now.batches, now.id: now}
            self._services.settings.change(batches=batches)


def _first(rows: RowFile) -> list[Numbered]:
    return list(islice(enumerate(rows.rows()), TRIED))


def _wanted(failure: RequestRefused, kept: KeptBatch) -> tuple[str, str] | None:
    other = failure.facts.get("why") in ("batch-model", "batch-way")
    return (kept.model, kept.strategy) if other and kept.model else None
