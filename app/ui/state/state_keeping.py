"""Tells the worker where and how much it keeps of what it has read, as the settings say."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.store.changes import Change, Changes
from app.store.states.kept_states import cache_of

from .session import Session

if TYPE_CHECKING:
    from app.store.settings import Settings


class StateKeeping(QObject):
    """Follows the settings, from any window."""

    _settings_changed = Signal()

    def __init__(
        self,
        session: Session,
        settings: "Settings",
        changes: Changes,
        folder: Path,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._settings, self._folder = session, settings, folder
        self._told = cache_of(settings.now, folder)
        session.keep_states(self._told)
        self._settings_changed.connect(self._follow)
        self.destroyed.connect(changes.listen(self._note))

    def _note(self, change: Change) -> None:
        """From any thread."""
        if change.what == "settings":
            self._settings_changed.emit()

    def _follow(self) -> None:
        cache = cache_of(self._settings.now, self._folder)
        if cache != self._told:
            self._told = cache
            self._session.keep_states(cache)
