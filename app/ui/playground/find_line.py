"""Finding words in the text: all places are marked, Enter goes from one to the next."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QTextEdit, QWidget

from app.messages.translate import tr
from app.messages.units import whole
from app.store.folding import fold, places_of
from app.ui.look.theme import Theme
from app.ui.widgets.parts import icon_button, label

from .text_editor import TextEditor

_SOON_MS = 120
_WIDEST = 360
_MOST_MARKS = 1000  # of those that are painted; the others are found all the same


class FindLine(QWidget):
    """Enter and F3 go on, Shift goes back, Escape closes; the text keeps what was found chosen.

    ``closed`` when it has gone, and the text shall have the keyboard.
    """

    closed = Signal()

    def __init__(self, theme: Theme, editor: TextEditor) -> None:
        super().__init__()
        self._theme, self._editor = theme, editor
        self._places: list[tuple[int, int]] = []
        self.field = _Field()
        self.field.setPlaceholderText(tr("Find in the text"))
        self.field.setAccessibleName(tr("Find in the text"))
        self._count = label("", "small")
        above = icon_button("chevron-up", tr("The one before (Shift+Enter)"), 16)
        below = icon_button("chevron-down", tr("The next one (Enter)"), 16)
        close = icon_button("close", tr("Close (Esc)"), 16)
        for step in (above, below):
            step.setProperty("steps", "true")
        self._soon = QTimer(self, singleShot=True, interval=_SOON_MS)
        self._soon.timeout.connect(self._look)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.space("m"), theme.space("xs"), theme.space("m"), 0)
        row.setSpacing(theme.space("xs"))
        self.field.setMaximumWidth(_WIDEST)
        row.addStretch(1)
        row.addWidget(self.field, 1000)
        row.addWidget(self._count)
        for part in (above, below, close):
            row.addWidget(part)
        self.field.textChanged.connect(self._soon.start)
        self.field.next_wanted.connect(lambda: self.step(+1))
        self.field.back_wanted.connect(lambda: self.step(-1))
        self.field.left.connect(self.close_line)
        above.clicked.connect(lambda: self.step(-1))
        below.clicked.connect(lambda: self.step(+1))
        close.clicked.connect(self.close_line)
        theme.changed.connect(self._mark)
        self.hide()

    def open_line(self) -> None:
        """Show it, with what is chosen in the text as the words to be found."""
        chosen = self._editor.textCursor().selectedText()
        if chosen and "\u2029" not in chosen:
            self.field.setText(chosen)
        self.show()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()
        self._look()

    def close_line(self) -> None:
        """Take the marks away."""
        if self.isHidden():
            return
        self.hide()
        self._places = []
        self._mark()
        self.closed.emit()

    def note_text(self) -> None:
        """The text is another one."""
        if self.isVisible():
            self._soon.start()

    def step(self, by: int) -> None:
        """Choose the place after the caret, or before it; behind the last comes the first."""
        if self._soon.isActive():
            self._look()
        if not self._places:
            return
        start, end = self._editor.selection
        after = [place for place in self._places if place[0] >= max(end, start + 1)]
        before = [place for place in self._places if place[0] < start]
        here = (start, end) in self._places
        first_here = [place for place in self._places if place[0] >= start]
        if by > 0:
            place = ((after if here else first_here) or self._places)[0]
        else:
            place = (before or self._places)[-1]
        self._choose(place)

    def _choose(self, place: tuple[int, int]) -> None:
        cursor = self._editor.textCursor()
        units = self._editor.units
        cursor.setPosition(units.of(place[0]))
        cursor.setPosition(units.of(place[1]), QTextCursor.MoveMode.KeepAnchor)
        self._editor.setTextCursor(cursor)
        self._editor.ensureCursorVisible()
        self._tell(self._places.index(place) + 1)

    def _look(self) -> None:
        self._soon.stop()
        term = fold(self.field.text())
        self._places = list(places_of(self._editor.shown, term)) if term.strip() else []
        self._mark()
        self._tell()

    def _tell(self, number: int = 0) -> None:
        found = len(self._places)
        if not self.field.text().strip():
            said = ""
        elif number:
            said = tr("{} of {}").format(whole(number), whole(found))
        else:
            said = whole(found) if found else tr("Not found")
        self._count.setText(said)

    def _mark(self) -> None:
        marks = []
        ground: QColor = self._theme.color("found")
        units = self._editor.units
        for start, end in self._places[:_MOST_MARKS]:
            mark = QTextEdit.ExtraSelection()
            cursor = QTextCursor(self._editor.document())
            cursor.setPosition(units.of(start))
            cursor.setPosition(units.of(end), QTextCursor.MoveMode.KeepAnchor)
            mark.cursor = cursor
            mark.format.setBackground(ground)
            marks.append(mark)
        self._editor.setExtraSelections(marks)


class _Field(QLineEdit):
    """Enter, F3 and Escape are for the line; the window's keys are not taken."""

    next_wanted = Signal()
    back_wanted = Signal()
    left = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        steps = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F3)
        if event.key() in steps and not control:
            (self.back_wanted if shift else self.next_wanted).emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)
