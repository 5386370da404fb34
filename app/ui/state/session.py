"""The one open model, as state and a signal; no widget in sight."""

import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import Failure
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Event, Loaded, LoadProgress, Piece
from app.runtime.protocol.prompts import Prompt
from app.runtime.worker.supervisor import Phase

from .tasks import Tasks

if TYPE_CHECKING:
    from app.runtime.worker.supervisor import Supervisor


class Session(QObject):
    """The supervisor with a signal; ``changed`` comes once a turn of the event loop at most.

    ``opening`` is the model that is being opened, ``asked`` the strategy asked for last ("" for
    the usual one).  ``died`` carries why the worker ended while nobody waited for it: whoever
    waits is told by the failure that is raised.
    """

    changed = Signal()
    writing_changed = Signal()
    died = Signal(object)

    def __init__(self, supervisor: "Supervisor", tasks: Tasks, parent: QObject | None = None):
        super().__init__(parent)
        self._supervisor = supervisor
        self._tasks = tasks
        self.opening: Path | None = None
        self.asked = ""
        self._openings = 0
        self._told: Failure | None = None
        self.writing = 0
        self.tokens_written = 0
        self._due = QTimer(self, singleShot=True, interval=0)
        self._due.timeout.connect(self.changed)

    @property
    def phase(self) -> Phase:
        """Where the worker is: EMPTY, LOADING, READY, DEAD or CLOSING."""
        return self._supervisor.phase

    @property
    def waits(self) -> bool:
        """Whether the model has stopped and the next message opens it again."""
        return self._supervisor.phase is Phase.DEAD

    @property
    def loaded(self) -> Loaded | None:
        """The model that answers now, if one is open."""
        return self._supervisor.loaded

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

    def note_change(self) -> None:
        """The supervisor's callback: something of the above is different now."""
        self._due.start()
        failure = self.failure
        if failure is not None and failure is not self._told:
            waited_for = self.writing > 0 or self.opening is not None
            if not waited_for:
                self.died.emit(failure)
        self._told = failure

    def open(self, path: Path, strategy: str = "") -> None:
        """Open a model beside the window; failures go to the notices."""
        self._tasks.start(self.opened(path, strategy))

    async def opened(self, path: Path, strategy: str = "") -> Loaded:
        """Open a model and wait for it; raises a Failure if it cannot be."""
        self.opening, self.asked = path, strategy
        self._openings += 1
        mine = self._openings
        self.note_change()
        try:
            return await self._supervisor.open(str(path), strategy)
        finally:
            if self._openings == mine:
                self.opening = None
            self.note_change()

    def follow(self, before: Path, now: Path) -> None:
        """A file has another name or place: if it is the model's, it is known by that from now on.

        While it is being opened as well.
        """
        if self.opening == before:
            self.opening = now
        self._supervisor.follow(str(before), str(now))
        self.note_change()

    def unload(self) -> None:
        """Give all of the model's memory back."""
        self._tasks.start(self._supervisor.unload())

    async def generate(
        self, prompt: Prompt, options: GenerateOptions
    ) -> AsyncGenerator[Event | Done, None]:
        """Continue ``prompt``: events, then one Done; leave it inside ``contextlib.aclosing``.

        ``writing`` counts the texts that run, ``tokens_written`` all tokens so far.
        """
        events = self._supervisor.generate(prompt, options)
        self._write(+1)
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    if isinstance(event, Piece):
                        self.tokens_written += len(event.tokens)
                    yield event
        finally:
            self._write(-1)

    async def close(self) -> None:
        """End the worker; nothing can be asked afterwards."""
        await self._supervisor.close()

    def _write(self, more: int) -> None:
        self.writing += more
        self.writing_changed.emit()
