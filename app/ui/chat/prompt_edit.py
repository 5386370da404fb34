"""Where the person types: grows with the words; Enter sends, Shift+Enter begins a line."""

import math

from PySide6.QtCore import QEvent, QMimeData, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QInputMethodEvent, QKeyEvent, QResizeEvent, QTextBlock
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy, QWidget

from app.messages.translate import tr

_LINES = 10
_LONG = 8000
_SPARE_PX = 4  # Qt calls the last line hidden where nothing is left below it


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
        self.setAccessibleName(tr("Your message"))
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._composing = False
        self._most_px = 0
        self._in_layout = False
        self.document().setDocumentMargin(2)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self.document().contentsChanged.connect(self._fit)
        self._fit()

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return QSize(200, min(self._words_px(), self._most_px or self._words_px()))

    def limit_height(self, most_px: int) -> None:
        """Grow to ``most_px`` at most, where the window has no room for ten lines."""
        self._most_px = max(most_px, self._line_px() + self._around_px())
        self._fit()

    def show_hint(self, words: str) -> None:
        """What stands in the empty field; all of it, over several lines if need be."""
        self.setPlaceholderText(words)
        self.viewport().update()  # Qt paints only where the words appear or go
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """A height set while a layout is at work would be lost to it: it comes right after."""
        self._in_layout = True
        super().resizeEvent(event)
        self._in_layout = False
        QTimer.singleShot(0, self, self._fit)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 (Qt's name)
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._fit()

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

    def _words_px(self) -> int:
        """The first ten lines as high as they lie: letters from other fonts make a line higher."""
        if self.document().isEmpty():
            return max(self._line_px(), self._hint_px()) + self._around_px()
        left, high = _LINES, 0.0
        block = self.document().firstBlock()
        while block.isValid() and left > 0:
            heights = self._heights(block)[:left]
            left -= len(heights)
            high += sum(heights)
            block = block.next()
        return math.ceil(high) + self._around_px()

    def _heights(self, block: QTextBlock) -> list[float]:
        self.document().documentLayout().blockBoundingRect(block)  # lays it out if it is not yet
        layout = block.layout()
        return [layout.lineAt(at).height() for at in range(layout.lineCount())]

    def _line_px(self) -> int:
        return math.ceil(self._heights(self.document().firstBlock())[0])

    def _hint_px(self) -> int:
        room = QRect(0, 0, self.viewport().width() - 2 * self._margin_px(), 10_000)
        wraps = Qt.TextFlag.TextWordWrap
        lines = self.fontMetrics().boundingRect(room, wraps, self.placeholderText())
        return min(lines.height(), _LINES * self._line_px())

    def _margin_px(self) -> int:
        return math.ceil(self.document().documentMargin())

    def _around_px(self) -> int:
        return 2 * self._margin_px() + _SPARE_PX

    def _fit(self) -> None:
        """As high as the words; a scroll bar that came and went would wrap them in other ways."""
        if self._in_layout:
            return
        bar = Qt.ScrollBarPolicy
        full = self._lines() > _LINES or self._words_px() > (self._most_px or self._words_px())
        self.setVerticalScrollBarPolicy(bar.ScrollBarAsNeeded if full else bar.ScrollBarAlwaysOff)
        height = self.sizeHint().height()
        if height != self.height():
            self.setFixedHeight(height)
