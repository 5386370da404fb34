"""A titled card of settings: words at the left, the control at the right, a line between rows."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.ui.look.theme import Theme
from app.ui.widgets.parts import label, rule

_FIELDS = (QComboBox, QAbstractSpinBox, QLineEdit, QCheckBox)


class _About(QLabel):
    """A dim line or more, which keep the height of their words: Qt's boxes may give a line less."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setProperty("kind", "small")

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Other words come with another size, too."""
        super().resizeEvent(event)
        self.setMinimumHeight(max(0, self.heightForWidth(self.width())))


class Section(QWidget):
    """Rows are added from the top; what is added belongs to the card."""

    def __init__(self, theme: Theme, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        card = QFrame()
        card.setProperty("card", "true")
        self._rows = QVBoxLayout(card)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space("s"))
        column.addWidget(label(title, "section"))
        column.addWidget(card)

    def add(self, name: str, words: str = "", *controls: QWidget) -> QLabel:
        """One setting: its name, a dim line about it, its controls; gives the dim line back."""
        self._line()
        self._rows.addLayout(self.row(name, words, *controls))
        return self._about

    def row(self, name: str, words: str, *controls: QWidget) -> QHBoxLayout:
        """The layout of one setting."""
        space = self._theme.space
        said = QVBoxLayout()
        said.setSpacing(2)
        said.addWidget(label(name, wrap=True))
        self._about = about = _About(words)
        if not words:
            about.hide()
        said.addWidget(about)
        row = QHBoxLayout()
        row.setContentsMargins(space("l"), space("m"), space("m"), space("m"))
        row.setSpacing(space("s"))
        row.addLayout(said, 1)
        for control in controls:
            if isinstance(control, _FIELDS):  # a screen reader says what is read beside it
                control.setAccessibleName(name)
                control.setAccessibleDescription(words.strip())
            row.addWidget(control, 0, Qt.AlignmentFlag.AlignVCenter)
        return row

    def part(self, name: str, words: str, *controls: QWidget) -> QWidget:
        """One setting, with its line, as a widget that can be hidden."""
        part = QWidget()
        column = QVBoxLayout(part)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(rule())
        column.addLayout(self.row(name, words, *controls))
        self.add_wide(part, line=False)
        return part

    def add_wide(self, widget: QWidget, *, line: bool = True) -> None:
        """One row that is all its own; ``line`` False where it brings its own."""
        if line:
            self._line()
        self._rows.addWidget(widget)

    def _line(self) -> None:
        if self._rows.count():
            self._rows.addWidget(rule())
