"""The one open model, as state and a signal; no widget in sight."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import Failure
from app.runtime.protocol import Done, Event, Loaded, LoadProgress, Prompt, Sampling

from .tasks import Tasks

if TYPE_CHECKING:
    from app.runtime.supervisor import Phase, Supervisor


class Session(QObject):
    """The supervisor with a signal; ``changed`` comes once a turn of the event loop at most."""

    changed = Signal()

    def __init__(self, supervisor: "Supervisor", tasks: Tasks, parent: QObject | None = None):
        super().__init__(parent)
        self._supervisor = supervisor
        self._tasks = tasks
        self.opening: Path | None = None
        self._due = QTimer(self, singleShot=True, interval=0)
        self._due.timeout.connect(self.changed)

    @property
    def phase(self) -> "Phase":
        """Where the worker is: EMPTY, LOADING, READY, DEAD or CLOSING."""
        return self._supervisor.phase

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

    def note_change(self) -> None:
        """The supervisor's callback: something of the above is different now."""
        self._due.start()

    def open(self, path: Path, strategy: str = "") -> None:
        """Open a model beside the window; failures go to the notices."""
        self._tasks.start(self.opened(path, strategy))

    async def opened(self, path: Path, strategy: str = "") -> Loaded:
        """Open a model and wait for it; raises a Failure if it cannot be."""
        self.opening = path
        self.note_change()
        try:
            return await self._supervisor.open(str(path), strategy)
        finally:
            if self.opening == path:
                self.opening = None
            self.note_change()

    def unload(self) -> None:
        """Give all of the model's memory back."""
        self._tasks.start(self._supervisor.unload())

    def generate(
        self,
        prompt: Prompt,
        *,
        limit: int,
        sampling: Sampling,
        stops: tuple[str, ...] = (),
        top_logprobs: int = 0,
    ) -> AsyncIterator[Event | Done]:
        """Continue ``prompt``: events, then one Done; leave it inside ``contextlib.aclosing``."""
        return self._supervisor.generate(
            prompt, limit=limit, sampling=sampling, stops=stops, top_logprobs=top_logprobs
        )

    async def close(self) -> None:
        """End the worker; nothing can be asked afterwards."""
        await self._supervisor.close()
