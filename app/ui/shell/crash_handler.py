"""Where every unforeseen error ends up: printed, and shown once; nothing is swallowed."""

import sys
import threading
import traceback
from types import TracebackType
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QWidget

from app.errors import Failure
from app.system import crash_log
from app.system.log import describe, logger
from app.ui.widgets.bug_report import BugReport, report_of

_TOLD = "rookery_told"


class CrashHandler(QObject):
    """Takes the hooks of the interpreter, its threads and the event loop.

    One dialog at a time; what happens while it is open is appended to it.  ``interrupted`` on
    Ctrl+C in the terminal.
    """

    interrupted = Signal()
    _came = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._over: QWidget | None = None
        self.dialog: BugReport | None = None
        self._window_lives = True
        self._came.connect(self._show, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        """From now on errors nobody caught come here, from whatever thread."""
        sys.excepthook = self.take
        threading.excepthook = self._take_thread

    def uninstall(self) -> None:
        """Give the interpreter its own hooks back."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__

    def show_over(self, window: QWidget) -> None:
        """Show dialogs on top of ``window``."""
        self._over = window

    def outlive_window(self) -> None:
        """The window is closing: from now on errors are printed only."""
        self._window_lives, self._over = False, None

    def take_late(self, error: BaseException) -> None:
        """Print what went wrong while the program ended: a failure in its words, else the trace."""
        self.outlive_window()
        self.take(type(error), error, error.__traceback__)

    def take(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Print and show one error; the program goes on."""
        if issubclass(kind, KeyboardInterrupt):
            self.interrupted.emit()
            return
        if not vars(error).get(_TOLD):
            _log(error)
        if self._window_lives:
            self._came.emit(report_of(kind, error, trace))
            traceback.print_exception(kind, error, trace, file=sys.stderr)
        elif not vars(error).get(_TOLD):  # by whoever began it
            vars(error)[_TOLD] = True  # kept there: its frames, kept here, would hold the window
            _print_late(error, trace)

    def take_loop(self, _loop: object, context: dict[str, Any]) -> None:
        """The event loop's exception handler."""
        error = context.get("exception")
        if isinstance(error, BaseException):
            self.take(type(error), error, error.__traceback__)
        else:
            print(context.get("message", "event loop"), file=sys.stderr)  # noqa: T201

    def _take_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            self.take(args.exc_type, args.exc_value, args.exc_traceback)

    def _show(self, report: str) -> None:
        if self.dialog is not None:
            self.dialog.append(report)
            return
        self.dialog = BugReport(report, self._over)
        self.dialog.finished.connect(self._closed)
        self.dialog.open()

    def _closed(self) -> None:
        self.dialog = None


def _log(error: BaseException) -> None:
    if isinstance(error, Failure):
        logger("notice").warning("%s", describe(error))
    else:
        crash_log.record(error)


def _print_late(error: BaseException, trace: TracebackType | None) -> None:
    """A failure in its words, else the trace."""
    if isinstance(error, Failure):
        from app.messages.failures import one_line  # seldom needed

        print(one_line(error), file=sys.stderr)  # noqa: T201
    else:
        traceback.print_exception(type(error), error, trace, file=sys.stderr)
