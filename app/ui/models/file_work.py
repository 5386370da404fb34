"""Long work on single files: how far it is, and how it is stopped; touches no file itself."""

import threading
from collections.abc import Awaitable, Callable

from PySide6.QtCore import QObject, QTimer

from app.ui.state.tasks import Tasks

_EACH_MS = 200


class FileTask:
    """One piece of work; ``note`` and ``cancelled`` may be called in any thread."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence
        self._share = 0.0
        self._stopped = threading.Event()

    @property
    def words(self) -> str:
        """What is done and how far: ``Moving: 34 %``."""
        return self._sentence.format(f"{self._share * 100:.0f} %")

    def note(self, done: int, total: int) -> None:
        """So many of so many bytes are done."""
        self._share = done / total if total else 0.0

    def cancelled(self) -> bool:
        """Whether the person wants it no more."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End it soon."""
        self._stopped.set()


class FileTasks(QObject):
    """At most one piece of work a file; ``on_change`` is called a few times a second meanwhile."""

    def __init__(self, tasks: Tasks, on_change: Callable[[], None]) -> None:
        super().__init__()
        self._tasks, self._on_change = tasks, on_change
        self._running: dict[str, FileTask] = {}
        self._clock = QTimer(self, interval=_EACH_MS)
        self._clock.timeout.connect(on_change)

    def of(self, key: str) -> FileTask | None:
        """What is being done with a file, if anything is."""
        return self._running.get(key)

    def begin(self, key: str, sentence: str, act: Callable[[FileTask], Awaitable[None]]) -> None:
        """Do ``act`` beside the window; ``sentence`` says what, with {} for how far."""
        if key not in self._running:
            work = self._running[key] = FileTask(sentence)
            self._tasks.start(self._run(work, act), lambda: self._ended(key, work))

    def stop(self, key: str) -> None:
        """End what is being done with a file."""
        if key in self._running:
            self._running[key].stop()

    async def _run(self, work: FileTask, act: Callable[[FileTask], Awaitable[None]]) -> None:
        self._clock.start()
        self._on_change()
        await act(work)

    def _ended(self, key: str, work: FileTask) -> None:
        work.stop()  # a thread that is left behind ends as well
        del self._running[key]
        if not self._running:
            self._clock.stop()
        self._on_change()
