"""What another window chose holds in this one too: noticed within seconds, and put in force."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from .tasks import Tasks

if TYPE_CHECKING:
    from app.store.settings import Settings


_EACH_MS = 2000


class SharedSettings(QObject):
    """Looks at the settings file every two seconds, in a thread.

    ``changed`` carries the Values before and after another window has chosen something.
    """

    changed = Signal(object, object)

    def __init__(self, settings: "Settings", tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings, self._tasks = settings, tasks
        self._looking = False
        self._clock = QTimer(self, interval=_EACH_MS)
        self._clock.timeout.connect(self.look)

    def watch(self) -> None:
        """Begin to look."""
        self._clock.start()

    def close(self) -> None:
        """Look no more."""
        self._clock.stop()

    def look(self) -> None:
        """Look now, unless that is under way."""
        if not self._looking and not self._tasks.ended:
            self._looking = True
            task = self._tasks.start(self._look())
            task.add_done_callback(self._looked)

    def _looked(self, _task: object) -> None:
        self._looking = False

    async def _look(self) -> None:
        before = self._settings.now
        if await self._tasks.thread(self._settings.look_again):
            self.changed.emit(before, self._settings.now)
