"""F1: all keys on one sheet, by group; knows commands and habits, not what they do."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QScrollArea, QWidget

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.state.commands import Command, Habit

from .overlay import Overlay
from .parts import icon_button, label


class ShortcutsSheet(Overlay):
    """Lists every command that has a key, and the keys that pages answer themselves."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, width=560)
        self._theme = theme
        close = icon_button("close", tr("Close the shortcuts sheet"), 16)
        close.clicked.connect(self.close_card)
        head = QHBoxLayout()
        head.addWidget(label(tr("Keyboard shortcuts"), "section"), 1)
        head.addWidget(close)
        self._scroll = QScrollArea(widgetResizable=True)
        self._scroll.setAccessibleName(tr("Keyboard shortcuts"))
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        edge = theme.space("xl")
        self.body.setContentsMargins(edge, theme.space("l"), theme.space("l"), edge)
        self.body.setSpacing(theme.space("m"))
        self.body.addLayout(head)
        self.body.addWidget(self._scroll)

    def offer(self, entries: Sequence[Command | Habit]) -> None:
        """Open with these entries; those without keys are left out."""
        sheet = QWidget()
        grid = QGridLayout(sheet)
        grid.setContentsMargins(0, 0, self._theme.space("m"), 0)
        grid.setVerticalSpacing(self._theme.space("s"))
        grid.setColumnStretch(0, 1)
        group = ""
        for entry in sorted((one for one in entries if one.keys), key=lambda one: one.group):
            if entry.group != group:
                group = entry.group
                heading = label(group, "strong")
                heading.setContentsMargins(0, self._theme.space("s"), 0, 0)
                grid.addWidget(heading, grid.rowCount(), 0, 1, 2)
            row = grid.rowCount()
            grid.addWidget(label(entry.title, "dim"), row, 0)
            grid.addWidget(_keys(entry.keys), row, 1, Qt.AlignmentFlag.AlignRight)
        self._scroll.setWidget(sheet)
        room = self._window.height() - 200
        self._scroll.setMinimumHeight(min(sheet.sizeHint().height() + 4, room))
        self.open()


def _keys(keys: str) -> QLabel:
    native = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
    return label(native or keys, "key")
