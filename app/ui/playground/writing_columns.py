"""Documents, text and settings beside each other; where room is scarce, the text comes first."""

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLayout, QWidget

from app.store.settings import Settings

_TWO_COLUMNS, _THREE_COLUMNS = 780, 620  # so much room is needed, beside the panel
_LEAST_TEXT = 460  # beside the panel


class WritingColumns(QWidget):
    """Which columns are shown is kept in the settings, unless there was no room for a choice."""

    def __init__(self, settings: Settings, pane: QWidget, middle: QLayout, panel: QWidget) -> None:
        super().__init__()
        self._settings, self._pane, self._panel = settings, pane, panel
        self._room = self._beside = True
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(pane)
        row.addLayout(middle, 1)
        row.addWidget(panel)
        pane.setVisible(settings.now.documents_shown)
        panel.setVisible(settings.now.writing_settings_shown)

    def toggle_pane(self) -> None:
        """Show or hide the documents."""
        shown = self._pane.isHidden()
        self._pane.setVisible(shown)
        if self._room:
            self._settings.change(documents_shown=shown)
        elif shown:
            self._panel.hide()

    def toggle_panel(self) -> None:
        """Show or hide the settings of the text."""
        shown = self._panel.isHidden()
        self._panel.setVisible(shown)
        if self._beside:
            self._settings.change(writing_settings_shown=shown)
        if shown and not self._room:
            self._pane.hide()
        self._make_room()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        shown = self._settings.now
        beside = self.width() >= _LEAST_TEXT + self._panel.minimumWidth()
        if beside != self._beside:
            self._beside = beside
            self._panel.setVisible(beside and shown.writing_settings_shown)
        panel = 0 if self._panel.isHidden() else self._panel.minimumWidth()
        needed = _THREE_COLUMNS + panel if panel else _TWO_COLUMNS
        room = self.width() >= needed
        if room != self._room:
            self._room = room
            self._pane.setVisible(room and shown.documents_shown)
