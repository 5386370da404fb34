"""Where the person types: grows with the words; Enter sends, Shift+Enter begins a line."""

from PySide6.QtCore import QMimeData, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QInputMethodEvent, QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy, QWidget

_LINES = 10
_LONG = 8000


class PromptEdit(QPlainTextEdit):
    """``sent`` at Enter, ``pasted`` carries a text too long to be typed into, ``up_pressed`` when
    nothing is written yet, ``escaped`` at Escape, ``focus_changed`` as the keyboard comes and
    goes."""

    sent = Signal()
    pasted = Signal(str)
    up_pressed = Signal()
    escaped = Signal()
    focus_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("bare", "true")
        self.setAccessibleName(self.tr("Your message"))
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._composing = False
        self.document().setDocumentMargin(2)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self._fit()

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        shown = max(1, min(self._lines(), _LINES))
        return QSize(200, shown * self.fontMetrics().lineSpacing() + 8)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if shift:
                self.insertPlainText("\n")
            elif not self._composing:
                self.sent.emit()
        elif event.key() == Qt.Key.Key_Up and not self.toPlainText():
            self.up_pressed.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.escaped.emit()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 (Qt's name)
        super().focusInEvent(event)
        self.focus_changed.emit(self.hasFocus())

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 (Qt's name)
        super().focusOutEvent(event)
        self.focus_changed.emit(self.hasFocus())

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:  # noqa: N802 (Qt's name)
        """While an input method composes, Enter belongs to it."""
        self._composing = bool(event.preeditString())
        super().inputMethodEvent(event)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:  # noqa: N802 (Qt's name)
        return source.hasText()

    def insertFromMimeData(self, source: QMimeData) -> None:  # noqa: N802 (Qt's name)
        text = source.text()
        if len(text) > _LONG:
            self.pasted.emit(text)
        elif text:
            self.insertPlainText(text)

    def _lines(self) -> int:
        return int(self.document().size().height())  # a plain text document counts in lines

    def _fit(self) -> None:
        """As high as the words; a scroll bar that came and went would wrap them in other ways."""
        bar = Qt.ScrollBarPolicy
        full = self._lines() > _LINES
        self.setVerticalScrollBarPolicy(bar.ScrollBarAsNeeded if full else bar.ScrollBarAlwaysOff)
        height = self.sizeHint().height()
        if height != self.height():
            self.setFixedHeight(height)
