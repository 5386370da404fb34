"""Lets a model go that nobody has asked anything for a while; the next message opens it again."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.messages.translate import tr
from app.runtime.planning.strategy import understood
from app.runtime.protocol.messages import Loaded
from app.runtime.worker.phase import Phase
from app.store.changes import Change, Changes
from app.ui.state.session import Session

if TYPE_CHECKING:
    from app.store.settings import Settings

MINUTE_MS = 60_000


class IdleRelease(QObject):
    """Counts from the last text, the opening or a change of the settings, whatever came last.

    ``released`` carries the Loaded that was let go, ``returned`` the same when it is opened again,
    or goes on where it was parked.
    """

    released = Signal(object)
    returned = Signal(object)
    _settings_changed = Signal()

    def __init__(
        self,
        session: Session,
        settings: "Settings",
        changes: Changes,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._settings = session, settings
        self._left: Loaded | None = None
        self._phase, self._minutes = session.phase, settings.now.keep_minutes
        self._timer = QTimer(self, singleShot=True)
        self._timer.setTimerType(Qt.TimerType.CoarseTimer)
        self._timer.timeout.connect(self._release)
        session.changed.connect(self._note_phase)
        session.writing_changed.connect(self._count)
        self._settings_changed.connect(self._note_minutes)
        self.destroyed.connect(changes.listen(self._note_settings))

    def _note_phase(self) -> None:
        before, self._phase = self._phase, self._session.phase
        if before is self._phase:
            return
        woken = self._phase is Phase.READY
        known = before is Phase.RESTING and self._left is not None
        if known and (self._session.returning or woken):
            self.returned.emit(self._left)
        self._count()

    def _note_settings(self, change: Change) -> None:
        """From any thread."""
        if change.what == "settings":
            self._settings_changed.emit()

    def _note_minutes(self) -> None:
        if self._minutes != self._settings.now.keep_minutes:
            self._minutes = self._settings.now.keep_minutes
            self._count()

    def _count(self) -> None:
        """From the beginning."""
        self._timer.stop()
        if self._minutes and self._idle:
            self._timer.start(self._minutes * MINUTE_MS)

    @property
    def _idle(self) -> bool:
        return self._session.phase is Phase.READY and not self._session.writing

    def _release(self) -> None:
        loaded = self._session.loaded
        if self._idle and loaded is not None:
            self._left = loaded
            self._session.rest(park=self._settings.now.park_model)
            self.released.emit(loaded)


def let_go_words(strategy: str, *, park: bool) -> str:
    """What became of a model, with places for its name and for how long nobody asked it."""
    way = understood(strategy)
    if not park or way is None:
        return tr(
            "{} was let go after {} without a message, and its memory is free. Your next message "
            "opens it again."
        )
    if way.on_gpu:
        return tr(
            "{} was let go after {} without a message. The graphics card is free, and the file "
            "stays in memory while there is room. Your next message opens it again."
        )
    return tr(
        "{} was parked after {} without a message: its weights stay in memory, and it goes on with "
        "your next message."
    )
