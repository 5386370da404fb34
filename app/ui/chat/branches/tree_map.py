"""A conversation as a picture: a dot for each message, a lane for each branch, walked by keys."""

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from app.messages.translate import tr
from app.runtime.families.thinking import split_thinking
from app.store.records import Message
from app.ui.look.theme import Theme
from app.ui.state.chat.message_tree import Tree
from app.ui.state.chat.tree_layout import Place, places_of_messages
from app.ui.widgets.painted_line import paint_line

_EDGE, _STEP, _DOT, _NAME_PX = 20, 26, 5.0, 180
_TIP = 200  # letters of a message


class TreeMap(QAbstractScrollArea):
    """``moved`` carries the message that the mark is on, ``chosen`` one to be shown.

    Left and Right go along a branch, Up and Down to those beside it; Enter shows it.
    """

    moved = Signal(str)
    chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._tree: Tree | None = None
        self._places: dict[str, Place] = {}
        self._at_place: dict[Place, str] = {}
        self._path: set[str] = set()
        self.at = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName(tr("Map of the conversation"))
        theme.changed.connect(self.viewport().update)

    def show_tree(self, tree: Tree, at: str) -> None:
        """Show these messages, with the mark on one."""
        self._tree = tree
        self._places = places_of_messages(tree)
        self._at_place = {place: ident for ident, place in self._places.items()}
        self._path = {one.id for one in tree.path()}
        self._fit()
        self.go_to(at)

    def go_to(self, ident: str) -> None:
        """Put the mark on a message, and bring it into sight."""
        if ident not in self._places or self._tree is None:
            return
        self.at = ident
        place, room = self._place_of(ident), self.viewport().rect()
        for bar, value, size in (
            (self.horizontalScrollBar(), place.x(), room.width()),
            (self.verticalScrollBar(), place.y(), room.height()),
        ):
            if not bar.value() + 2 * _EDGE <= value <= bar.value() + size - 2 * _EDGE:
                bar.setValue(value - size // 2)
        self.setAccessibleDescription(_beginning(self._tree[ident]))
        self.viewport().update()
        self.moved.emit(ident)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.at:
            self.chosen.emit(self.at)
        elif to := self._beside(Qt.Key(event.key())):
            self.go_to(to)
        else:
            event.ignore()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        if ident := self._under(event.position().toPoint()):
            self.go_to(ident)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        if ident := self._under(event.position().toPoint()):
            self.chosen.emit(ident)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        over = self._under(event.position().toPoint())
        hand, arrow = Qt.CursorShape.PointingHandCursor, Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(hand if over else arrow)

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            ident = self._under(event.pos())
            words = _beginning(self._tree[ident]) if ident and self._tree else ""
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().viewportEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        self._fit()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 (Qt's name)
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 (Qt's name)
        super().focusOutEvent(event)
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(-self._shift())
        seen = self._in_sight(event.rect())
        for ident in seen:
            self._line(painter, ident)
        for ident in seen:
            self._dot(painter, ident)
        for ident in seen:
            self._name(painter, ident)
        painter.end()

    def _in_sight(self, rect: QRect) -> list[str]:
        """The messages in a part of the viewport, and those whose lines or names reach into it."""
        left = (rect.left() + self._shift().x() - _EDGE) // _STEP
        first, last = max(left - _NAME_PX // _STEP - 1, 0), left + rect.width() // _STEP + 3
        top = (rect.top() + self._shift().y() - _EDGE) // self._lane_px()
        lanes = range(max(top - 1, 0), top + rect.height() // self._lane_px() + 3)
        columns = range(first, last)
        if len(columns) * len(lanes) > len(self._places):
            return [
                one
                for one, (column, lane) in self._places.items()
                if column in columns and (lane in lanes or self._comes_from(one) in lanes)
            ]
        places = ((column, lane) for column in columns for lane in lanes)
        return [self._at_place[place] for place in places if place in self._at_place]

    def _comes_from(self, ident: str) -> int:
        """The lane of what a message answers."""
        above = self._tree[ident].parent if self._tree else None
        return self._places[above][1] if above in self._places else -1

    def _line(self, painter: QPainter, ident: str) -> None:
        above = self._tree[ident].parent if self._tree else None
        if above is None or above not in self._places:
            return
        on_way = ident in self._path
        painter.setPen(QPen(self._theme.color("accent" if on_way else "edge"), 1.5))
        start, end = QPointF(self._place_of(above)), QPointF(self._place_of(ident))
        corner = QPointF(start.x() + _STEP / 2, end.y())
        if start.y() != end.y():
            turn = QPointF(corner.x(), start.y())
            painter.drawLine(start, turn)
            painter.drawLine(turn, corner)
            start = corner
        painter.drawLine(start, end)

    def _dot(self, painter: QPainter, ident: str) -> None:
        """A ring for what the person said, full for a reply; the mark is around one of them."""
        theme, place = self._theme, QPointF(self._place_of(ident))
        colour = theme.color("accent" if ident in self._path else "edge")
        reply = self._tree is not None and self._tree[ident].role == "assistant"
        painter.setPen(QPen(colour, 1.5))
        painter.setBrush(colour if reply else theme.color("surface"))
        painter.drawEllipse(place, _DOT, _DOT)
        if ident == self.at:
            side = _DOT + 4
            painter.setPen(QPen(theme.color("accent"), 2.0 if self.hasFocus() else 1.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            square = QRectF(place.x() - side, place.y() - side, 2 * side, 2 * side)
            painter.drawRoundedRect(square, 5, 5)

    def _name(self, painter: QPainter, ident: str) -> None:
        name = self._tree[ident].name if self._tree else ""
        if not name:
            return
        place, high = self._place_of(ident), self._theme.line_px("small")
        box = QRect(place.x() - 4, place.y() + round(_DOT) + 3, _NAME_PX, high)
        painter.setFont(self._theme.font("small"))
        painter.setPen(self._theme.color("text"))
        paint_line(painter, box, name)

    def _lane_px(self) -> int:
        return self._theme.line_px("small") + 22

    def _place_of(self, ident: str) -> QPoint:
        column, lane = self._places[ident]
        return QPoint(_EDGE + column * _STEP, _EDGE + lane * self._lane_px())

    def _shift(self) -> QPoint:
        return QPoint(self.horizontalScrollBar().value(), self.verticalScrollBar().value())

    def _under(self, point: QPoint) -> str:
        at = point + self._shift()
        column, lane = round((at.x() - _EDGE) / _STEP), round((at.y() - _EDGE) / self._lane_px())
        ident = self._at_place.get((column, lane), "")
        near = ident and (self._place_of(ident) - at).manhattanLength() <= _STEP // 2 + 4
        return ident if near else ""

    def _beside(self, key: Qt.Key) -> str:
        tree, at = self._tree, self.at
        if tree is None or at not in tree:
            return ""
        if key == Qt.Key.Key_Left:
            return tree[at].parent or ""
        if key == Qt.Key.Key_Right:
            below = tree.answers(at)
            return next((one for one in below if one in self._path), below[0] if below else "")
        if key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            path = tree.path(at)
            return path[0].id if key == Qt.Key.Key_Home else tree.end_of(at)
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            return self._in_next_lane(1 if key == Qt.Key.Key_Down else -1)
        return ""

    def _in_next_lane(self, by: int) -> str:
        """The nearest message above or below the mark, in its column or the last one before it."""
        column, lane = self._places[self.at]
        lanes = 1 + max(lane for _, lane in self._places.values())
        while 0 <= (lane := lane + by) < lanes:
            if (column, lane) in self._at_place:
                return self._at_place[column, lane]
        return ""

    def _fit(self) -> None:
        columns = 1 + max((column for column, _ in self._places.values()), default=0)
        lanes = 1 + max((lane for _, lane in self._places.values()), default=0)
        room = self.viewport().size()
        wide = 2 * _EDGE + columns * _STEP + _NAME_PX
        high = 2 * _EDGE + lanes * self._lane_px()
        for bar, whole, page in (
            (self.horizontalScrollBar(), wide, room.width()),
            (self.verticalScrollBar(), high, room.height()),
        ):
            bar.setPageStep(page)
            bar.setSingleStep(_STEP)
            bar.setRange(0, max(whole - page, 0))


def _beginning(message: Message) -> str:
    text = split_thinking(message.text)[1] if message.role == "assistant" else message.text
    said = " ".join(text[: 2 * _TIP].split())[:_TIP]
    words = tr("You: {}") if message.role == "user" else tr("Reply: {}")
    named = f"{message.name}\n" if message.name else ""
    return named + words.format(said or tr("nothing"))
