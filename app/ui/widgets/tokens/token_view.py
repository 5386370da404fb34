"""The text of tokens to point at: hovered, chosen, selected, by mouse and keyboard."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
)
from PySide6.QtWidgets import QToolTip

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.state.playground.token_cells import TokenCells

from .token_canvas import TokenCanvas

_BREAK_S = 0.012


class TokenView(TokenCanvas):
    """``tell`` gives what is told of a token while the mouse is on it.

    ``hovered`` carries the token under the mouse (-1: none), ``moved`` the one that the keyboard or
    a click is at, ``chosen`` one that was clicked or entered, ``selected`` first and last token of
    the selection (-1, -1: none).
    """

    hovered = Signal(int)
    moved = Signal(int)
    chosen = Signal(int)
    selected = Signal(int, int)

    def __init__(
        self,
        theme: Theme,
        tint: Callable[[int], str],
        tell: Callable[[int], str] = lambda _: "",
    ) -> None:
        super().__init__(theme, tint)
        self._tell = tell
        self._anchor = -1  # the other end of the selection
        self._pressed: QPoint | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Tokens of the text"))
        self.viewport().setMouseTracking(True)

    def show_cells(self, cells: TokenCells) -> None:
        """See TokenCanvas."""
        self._anchor = -1
        super().show_cells(cells)
        self.selected.emit(-1, -1)

    @property
    def selection(self) -> tuple[int, int] | None:
        """First token of the selection and the one behind it; None where nothing is selected."""
        if self._anchor < 0 or self._anchor == self.current:
            return None
        first, last = sorted((self._anchor, self.current))
        return first, last + 1

    def select(self, first: int, last: int) -> None:
        """Select tokens, the last included."""
        self._go(first)
        self._go(last, keep=True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        place = event.position().toPoint()
        if self._pressed is not None:
            self._drag(place)
            return
        token = self.token_at(place)
        self.viewport().setCursor(
            Qt.CursorShape.PointingHandCursor if token >= 0 else Qt.CursorShape.ArrowCursor
        )
        if token != self._marked:
            self.mark(token)
            self.hovered.emit(token)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802 (Qt's name)
        self.mark(-1)
        self.hovered.emit(-1)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        self._pressed = event.position().toPoint()
        token = self.token_at(self._pressed)
        if token >= 0:
            keep = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._go(token, keep=keep)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        pressed, self._pressed = self._pressed, None
        token = self.token_at(event.position().toPoint())
        if pressed is not None and token >= 0 and token == self.token_at(pressed):
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            if not shift and self.selection is None:
                self.chosen.emit(token)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        keep = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.select(0, len(self._cells) - 1)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            if self.current >= 0:
                self.chosen.emit(self.current)
        elif (token := self._after(event.key())) is not None:
            self._go(token, keep=keep)
            self.reveal(token)
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 (Qt's name)
        tabbed = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self._show_ring(now=event.reason() in tabbed)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 (Qt's name)
        self._show_ring(now=False)
        super().focusOutEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            token = self.token_at(event.pos())
            words = self._tell(token) if token >= 0 else ""
            QToolTip.showText(event.globalPos(), words, self.viewport(), self.place_of(token))
            return True
        return super().viewportEvent(event)

    def _go(self, token: int, *, keep: bool = False) -> None:
        """Make a token the current one; with ``keep`` all from the anchor are selected."""
        before = self.selection
        if not keep or self._anchor < 0:
            self._anchor = self.current if keep and self.current >= 0 else token
        self.current = token
        self.setAccessibleDescription(self._tell(token))
        self.viewport().update()
        self.moved.emit(token)
        if self.selection != before:
            first, after = self.selection or (-1, 0)
            self.selected.emit(first, after - 1)

    def _drag(self, place: QPoint) -> None:
        height = self.viewport().height()
        if not 0 <= place.y() < height:
            step = place.y() if place.y() < 0 else place.y() - height
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + step)
            place = QPoint(place.x(), max(0, min(place.y(), height - 1)))
        token = self.token_at(place)
        if token >= 0 and self._anchor >= 0 and token != self.current:
            self._go(token, keep=True)

    def _after(self, key: int) -> int | None:
        """Where a key goes; None for one that goes nowhere."""
        now, last = self.current, len(self._cells) - 1
        if last < 0:
            return None
        page = max(1, self.viewport().height() // self.line_height - 1)
        steps = {
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
        }
        if key in steps:
            return self._beside(max(now, 0), steps[Qt.Key(key)])
        places = {
            Qt.Key.Key_Left: now - 1,
            Qt.Key.Key_Right: now + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        return max(0, min(places[Qt.Key(key)], last)) if key in places else None

    def _beside(self, token: int, lines: int) -> int:
        """The token so many lines below or above another."""
        begin, _ = self._cells.span_of(token)
        line = self._lines.line_of(begin)
        other = line + lines
        if other >= self._lines.count:
            self._lines.advance(_BREAK_S)
        other = max(0, min(other, self._lines.count - 1))
        boxes = [box for box in self._lines.painted(line).boxes if box.token == token]
        x = (boxes[0].left + boxes[0].right) / 2 if boxes else 0.0
        found = self._lines.painted(other).nearest(x)
        return token if found is None else found

    def _copy(self) -> None:
        first, after = self.selection or (self.current, self.current + 1)
        if first >= 0:
            QGuiApplication.clipboard().setText(self._cells.plain(first, after))

    def _show_ring(self, *, now: bool) -> None:
        if bool(self.property("ring")) != now:
            self.setProperty("ring", now)
            self.style().polish(self)
        self.viewport().update()
