"""Collects Python's garbage in the window's thread only: a widget must not end in another one."""

import gc

from PySide6.QtCore import QObject, Qt, QTimer

_EVERY_MS = 2000


class Collector(QObject):
    """In place of the interpreter's own collection, which runs in whatever thread allocates."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._limits = gc.get_threshold()
        self._timer = QTimer(self, interval=_EVERY_MS)
        self._timer.setTimerType(Qt.TimerType.VeryCoarseTimer)
        self._timer.timeout.connect(self.collect)

    def start(self) -> None:
        """Take over; what the start of the program has made is looked at no more."""
        gc.disable()
        gc.freeze()
        self._timer.start()

    def stop(self) -> None:
        """Collect what the window has left, and give the work back to the interpreter.

        To be called when nothing holds the window any more, but while its application lives.
        """
        self._timer.stop()
        gc.unfreeze()
        gc.collect()
        gc.enable()

    def collect(self) -> None:
        """Collect the generations that are due, as the interpreter would."""
        due = [at for at, count in enumerate(gc.get_count()) if count > self._limits[at] > 0]
        if due:
            gc.collect(max(due))
