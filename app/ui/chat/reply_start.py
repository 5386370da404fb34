"""The field in which the person begins the model's reply."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QWidget

from app.messages.translate import tr
from app.ui.widgets.parts import button, label


class ReplyStart(QWidget):
    """One line, shown by ``pill``; ``sent`` with Enter, ``changed`` with every letter."""

    changed = Signal()
    sent = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pill: QPushButton = button(tr("Begin the reply"), "continue", role="toggle")
        self.pill.setCheckable(True)
        self.pill.setToolTip(tr("Write the first words of the reply yourself"))
        self.field = _Field()
        self.field.setPlaceholderText(tr("First words of the reply; the model goes on"))
        self.field.setAccessibleName(tr("First words of the reply"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 8, 0)
        row.addWidget(label(tr("Reply:"), "small"))
        row.addWidget(self.field, 1)
        self.pill.clicked.connect(self._toggle)
        self.field.textChanged.connect(self.changed)
        self.field.returnPressed.connect(self.sent)
        self.field.given_up.connect(self._leave)
        self.hide()

    def text(self) -> str:
        """The words, if any."""
        return self.field.text()

    def show_text(self, text: str) -> None:
        """Show these words, and the field where there are any."""
        self.field.setText(text)
        self.setVisible(bool(text))
        self.pill.setChecked(bool(text))

    def _toggle(self) -> None:
        self.setVisible(self.pill.isChecked())
        if self.pill.isChecked():
            self.field.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self.field.clear()

    def _leave(self) -> None:
        self.show_text("")


class _Field(QLineEdit):
    """``given_up`` with Escape."""

    given_up = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.key() == Qt.Key.Key_Escape:
            self.given_up.emit()
        else:
            super().keyPressEvent(event)
