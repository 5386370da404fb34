"""Starts the window and its event loop, and ends both in order; ``application`` builds parts."""

import asyncio
import contextlib
import os
import signal
import sys

from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from app.messages.translate import use_languages
from app.store.paths import Paths, standard_paths
from app.ui.look.icons import icon
from app.ui.state.tasks import end_all

from . import qt_messages
from .application import Application
from .crash_handler import CrashHandler
from .garbage import Collector
from .single_instance import SingleInstance

_GIVE_UP_S = 8.0  # for the worker and the disk to end when the window closes


def run() -> int:
    """Open the window and stay until it is closed; the exit code.

    ``ROOKERY_HOME`` moves all of the program's own files below one folder.
    """
    qt_messages.install()
    app = _application()
    loop = QEventLoop(app)
    asyncio.set_event_loop(loop)
    paths = standard_paths(os.environ.get("ROOKERY_HOME", ""))
    crash_handler, collector = CrashHandler(), Collector()
    crash_handler.install()
    loop.set_exception_handler(crash_handler.take_loop)
    try:
        with loop:
            try:
                loop.run_until_complete(_live(app, paths, crash_handler, collector))
            finally:
                loop.run_until_complete(end_all(crash_handler.take_late))
    finally:
        collector.stop()
        crash_handler.uninstall()
        qt_messages.uninstall()
        asyncio.set_event_loop(None)
    return 0


async def _live(
    app: QApplication, paths: Paths, crash_handler: CrashHandler, collector: Collector
) -> None:
    """From the first pixel to the last: returns when everything has ended."""
    instance = SingleInstance(paths.data)
    if instance.answered() or (not instance.listen() and instance.answered()):
        print("Rookery is open already: its window was asked to the front.", file=sys.stderr)  # noqa: T201
        return
    leave = asyncio.Event()
    application = Application(app, paths)
    crash_handler.show_over(application.window)
    crash_handler.interrupted.connect(leave.set)
    application.window.close_asked.connect(leave.set)
    app.commitDataRequest.connect(lambda _session: leave.set())  # the session of the system ends
    instance.rung.connect(application.window.come_forward)
    _on_signals(leave)
    application.open()
    application.say(instance.trouble)
    collector.start()
    await leave.wait()
    crash_handler.outlive_window()
    instance.close()
    with contextlib.suppress(TimeoutError):  # the worker then ends with this process
        await asyncio.wait_for(application.close(), _GIVE_UP_S)


def _application() -> QApplication:
    use_languages()
    app = QApplication([sys.argv[0] or "rookery"])
    app.setApplicationName("Rookery")
    app.setApplicationDisplayName("Rookery")
    app.setDesktopFileName("rookery")
    app.setWindowIcon(icon("rookery", "accent", 64))
    app.setQuitOnLastWindowClosed(False)  # the loop outlives the window: see _live
    return app


def _on_signals(leave: asyncio.Event) -> None:
    """Ctrl+C and an ordinary kill close the window in order."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, leave.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(leave.set))
