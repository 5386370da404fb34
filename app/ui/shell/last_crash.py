"""At a start: logs what the program runs on, and offers what crashed the last time."""

import platform
from collections.abc import Sequence

from PySide6.QtCore import QObject, Qt

from app.messages.translate import tr
from app.store.paths import Paths
from app.system.crash_log import Crash, unreported
from app.system.gpus import Gpu
from app.system.log import logger
from app.system.memory import available_bytes, total_bytes
from app.system.processor import processor_name
from app.system.threads import physical_cores
from app.ui.state.services import Services

from .window import Window


class LastCrash(QObject):
    """Looks once, in a thread, when the window is there; the offer waits for a free notice bar."""

    def __init__(self, services: Services, window: Window, paths: Paths) -> None:
        super().__init__(window)
        self._services, self._window, self._paths = services, window, paths
        self._words = ""

    def look(self) -> None:
        """Begin to look."""
        self._services.tasks.start(self._look())
        once = Qt.ConnectionType.SingleShotConnection
        self._services.gpus.changed.connect(self._note_machine, once)

    async def _look(self) -> None:
        thread = self._services.tasks.thread
        found = await thread(unreported, self._paths.logs)
        if found:
            self._words = self._in_words(found)
            self._offer()

    def _note_machine(self) -> None:
        """Once it is known which graphics cards there are."""
        services = self._services
        services.tasks.start(services.tasks.thread(_log_machine, services.gpus.found))

    def _offer(self) -> None:
        bar = self._window.notices
        if bar.notice is not None:  # what is said there is news of now
            bar.closed.connect(self._offer, Qt.ConnectionType.SingleShotConnection)
            return
        show, notices = tr("Show report"), self._services.notices
        notices.offer(self._words, show, self._show, lasts_s=0.0)

    def _show(self) -> None:
        from app.ui.settings.help_dialog import show_report  # seldom needed

        services = self._services
        services.tasks.start(show_report(services, self._paths, self._window))

    def _in_words(self, found: Sequence[Crash]) -> str:
        kinds = {crash.kind for crash in found}
        if kinds <= {"worker"}:
            return tr("The engine crashed last time. Your conversations are kept.")
        if kinds <= {"downloader"}:
            return tr("The process that downloads crashed last time; downloads go on.")
        return tr("Rookery ended unexpectedly last time. Your conversations are kept.")


def _log_machine(gpus: Sequence[Gpu]) -> None:
    log, cores = logger("start"), physical_cores()
    words = "%s; %s with %d cores; %d MB of memory, %d MB free"
    memory = total_bytes() // 10**6, available_bytes() // 10**6
    log.info(words, platform.platform(), processor_name() or platform.machine(), cores, *memory)
    for gpu in gpus:
        words = f"{gpu.device}: {gpu.name}, {gpu.total_bytes // 10**6} MB, driver {gpu.driver}"
        log.info("%s", words)
