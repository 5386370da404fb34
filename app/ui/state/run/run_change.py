"""From one way of running to another; where that fails, what ran before runs again."""

import asyncio
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.errors import Failure
from app.runtime.loading.preflight import look_at
from app.ui.state.session import Session
from app.ui.state.tasks import Tasks


class RunChange(QObject):
    """One change at a time.  ``changed`` when it begins and however it ends; ``done`` carries the
    path and the strategy that run now.

    ``failure`` is why it did not come about, ``restored`` whether what ran before runs again.
    """

    changed = Signal()
    done = Signal(object, str)

    def __init__(self, session: Session, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._tasks = session, tasks
        self._task: asyncio.Task[None] | None = None
        self.running = False
        self.failure: Failure | None = None
        self.restored = False

    def begin(self, path: Path, strategy: str) -> None:
        """Run the model at ``path`` like this; nothing happens while a change is under way."""
        if self.running:
            return
        self.running, self.failure, self.restored = True, None, False
        self._task = self._tasks.start(self._change(path, strategy))
        self._task.add_done_callback(self._end)
        self.changed.emit()

    def forget(self) -> None:
        """What went wrong was read."""
        self.failure, self.restored = None, False

    async def _change(self, path: Path, strategy: str) -> None:
        loaded = self._session.loaded
        before = (Path(loaded.path), self._session.asked) if loaded is not None else None
        try:
            await self._tasks.thread(look_at, path, strategy)
            await self._session.pause()
            await self._session.opened(path, strategy, firm=True)
        except Failure as failure:
            self.failure = failure
            if before is not None and self._session.loaded is None:
                await self._session.opened(*before)
            self.restored = before is not None
        else:
            self.done.emit(path, strategy)

    def _end(self, _task: "asyncio.Task[None]") -> None:
        self.running, self._task = False, None
        self.changed.emit()
