"""The text itself: an editor first, in which the words of a model have a tone of their own."""

from PySide6.QtCore import QEvent, QMimeData, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QInputMethodEvent,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
    QTextCursor,
)
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from app.ui.look.theme import Theme
from app.ui.state.playground.document_text import changed

from .shown_text import Units, as_shown, from_qt

_LEAST_EDGE = 24  # beside the column, where the page is narrow
_UNDO, _REDO = QKeySequence.StandardKey.Undo, QKeySequence.StandardKey.Redo
_NEAR_END_PX = 4


class TextEditor(QPlainTextEdit):
    """``edited`` tells what a person changed: from where, to where, the words, the caret's place.

    Places are in characters.  Undo and redo are asked for, not done here: versions go with them.
    ``menu_wanted`` carries the place on the screen for a menu; ``composing_begun`` when an input
    method begins a word.
    """

    edited = Signal(int, int, str, int)
    undo_wanted = Signal()
    redo_wanted = Signal()
    caret_moved = Signal()
    composing_begun = Signal()
    menu_wanted = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._shown, self.units = "", Units("")
        self._showing = False
        self._composing = False
        self.setProperty("bare", "true")
        self.setObjectName("playgroundText")
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)  # who has no mouse gets out again
        self.setCenterOnScroll(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(0)
        self.document().contentsChange.connect(self._note_change)
        self.cursorPositionChanged.connect(self.caret_moved)
        theme.changed.connect(self._dress)
        self._dress()

    @property
    def shown(self) -> str:
        """The characters that are shown, one for each of the text."""
        return self._shown

    @property
    def caret(self) -> int:
        """Where the caret stands."""
        return self.units.place(self.textCursor().position())

    @property
    def selection(self) -> tuple[int, int]:
        """From where to where text is chosen."""
        cursor = self.textCursor()
        return self.units.place(cursor.selectionStart()), self.units.place(cursor.selectionEnd())

    @property
    def composing(self) -> bool:
        """Whether an input method is at work on a word."""
        return self._composing

    def show_text(self, text: str, caret: int | None = None) -> None:
        """Show this: only what is different is touched, so caret and scroll bar stay.

        Who reads the end goes on reading it while it grows.  ``caret`` is where it goes, if it
        shall.
        """
        if self._showing:
            return
        now, at_end = as_shown(text), self._at_end
        start, old, new = changed(self._shown, now)
        if old > start or new > start:
            self._showing = True
            cursor = QTextCursor(self.document())
            cursor.setPosition(self.units.of(start))
            cursor.setPosition(self.units.of(old), QTextCursor.MoveMode.KeepAnchor)
            self._shown, self.units = now, Units(now)
            cursor.insertText(now[start:new])
            self._showing = False
            if at_end:
                self._to_end()
        if caret is not None and caret != self.caret:
            self.place_caret(caret)

    def place_caret(self, place: int) -> None:
        """Put the caret there and show it."""
        cursor = self.textCursor()
        cursor.setPosition(self.units.of(min(place, len(self._shown))))
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    def edge_for(self, width: int) -> int:
        """What stays free at each side of the lines where it is so wide."""
        room = width - self.verticalScrollBar().sizeHint().width()
        return max((room - self._theme.column) // 2, _LEAST_EDGE)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.matches(_UNDO):
            self.undo_wanted.emit()
        elif event.matches(_REDO):
            self.redo_wanted.emit()
        elif enter and event.modifiers() == Qt.KeyboardModifier.ShiftModifier:
            self.insertPlainText("\n")  # a line as any other
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Undo and redo belong to the text while the keyboard is here."""
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.ShortcutOverride:
            mine = event.matches(_UNDO) or event.matches(_REDO)
            event.setAccepted(mine)
            if mine:
                return True
        return super().event(event)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:  # noqa: N802 (Qt's name)
        before, self._composing = self._composing, bool(event.preeditString())
        if self._composing and not before:
            self.composing_begun.emit()
        super().inputMethodEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802 (Qt's name)
        """Where nothing is chosen the caret goes along: the menu speaks of its place."""
        if (
            event.reason() is QContextMenuEvent.Reason.Mouse
            and not self.textCursor().hasSelection()
        ):
            self.setTextCursor(self.cursorForPosition(event.pos()))
        self.menu_wanted.emit(event.globalPos())

    def canInsertFromMimeData(self, source: QMimeData) -> bool:  # noqa: N802 (Qt's name)
        return source.hasText()

    def insertFromMimeData(self, source: QMimeData) -> None:  # noqa: N802 (Qt's name)
        self.insertPlainText(source.text().replace("\r\n", "\n"))
        self.ensureCursorVisible()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        super().resizeEvent(event)
        self._make_column()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return QSize(240, 120)

    def _note_change(self, _at: int, _removed: int, _added: int) -> None:
        """Before the tones are painted: these are asked of the text as it is then."""
        if self._showing:
            return
        now = from_qt(self.document().toRawText())
        start, old, new = changed(self._shown, now)
        if start == old == new:
            return
        self._shown, self.units = now, Units(now)
        self._showing = True  # what is told of meanwhile is shown after it
        self.edited.emit(start, old, now[start:new], new)
        self._showing = False

    @property
    def _at_end(self) -> bool:
        bar = self.verticalScrollBar()
        return bar.value() >= bar.maximum() - 1

    def _to_end(self) -> None:
        bar = self.verticalScrollBar()
        bar.setValue(bar.maximum())

    def _make_column(self) -> None:
        """No wider than reads well, in the middle of the page."""
        beside = self.edge_for(self.width())
        top = self._theme.space("l")
        self.setViewportMargins(beside, top, beside, top)

    def _dress(self) -> None:
        font = self._theme.font("body")
        font.setPointSizeF(font.pointSizeF() * 1.08)
        self.setFont(font)
        self._make_column()
