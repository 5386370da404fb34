"""Ctrl+K: type a few letters of a command and press Enter; knows commands, not what they do."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.messages.translate import tr
from app.ui.look.icons import icon, pixmap
from app.ui.look.theme import Theme
from app.ui.state.commands import Command

from .overlay import Overlay
from .painted_line import RIGHT, paint_line

_COMMAND = int(Qt.ItemDataRole.UserRole) + 1
_MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
_ROW, _AROUND = 38, 20  # at the usual text size; above and below the words, together
_MOST_ROWS = 9
_BESIDE_PX = 100  # of the window's height, for the field and the room around the card


class CommandPalette(Overlay):
    """The commands whose words begin with what is typed, the closest first."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, width=560)
        self._theme = theme
        self._commands: Sequence[Command] = ()
        self._search = QLineEdit(clearButtonEnabled=True)
        self._search.setAccessibleName(tr("Search commands"))
        self._search.setPlaceholderText(tr("What would you like to do?"))
        self._search.addAction(
            icon("search", "text-dim", 16), QLineEdit.ActionPosition.LeadingPosition
        )
        self._found = QStandardItemModel(self)
        self._list = QListView()
        self._list.setAccessibleName(tr("Commands"))
        self._list.setModel(self._found)
        self._list.setItemDelegate(_Row(theme, self._list))
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.body.setContentsMargins(12, 12, 12, 8)
        self.body.setSpacing(8)
        self.body.addWidget(self._search)
        self.body.addWidget(self._list)
        self._search.textChanged.connect(self._filter)
        self._search.installEventFilter(self)
        self._list.clicked.connect(lambda index: self._run(index.row()))

    def offer(self, commands: Sequence[Command]) -> None:
        """Open with these commands."""
        self._commands = commands
        self._search.clear()
        self._filter("")
        self.open()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if watched is self._search and isinstance(event, QKeyEvent):
            return event.type() is QEvent.Type.KeyPress and self._key(event)
        return super().eventFilter(watched, event)

    def _key(self, event: QKeyEvent) -> bool:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._run(self._list.currentIndex().row())
            return True
        if event.key() not in _MOVES:
            return False
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()), 0)
        step = step or (_MOST_ROWS if event.key() == Qt.Key.Key_PageDown else -_MOST_ROWS)
        last = self._found.rowCount() - 1
        self._select(max(0, min(last, self._list.currentIndex().row() + step)))
        return True

    def _run(self, row: int) -> None:
        item = self._found.item(row)
        self.close_card()
        if item is not None:
            command: Command = item.data(_COMMAND)
            command.act()

    def _filter(self, typed: str) -> None:
        ranked = [(closeness(typed, each.title), each) for each in self._commands]
        self._found.clear()
        for _, each in sorted((one for one in ranked if one[0]), key=lambda one: -one[0]):
            item = QStandardItem(each.title)
            item.setEditable(False)
            item.setData(each, _COMMAND)
            self._found.appendRow(item)
        self._select(0)
        self._fit()
        if self.isVisible():
            self._place()

    def _fit(self) -> None:
        """As many whole rows as there are, at most nine, at most what the window has room for."""
        high = _row_px(self._theme)
        room = self._window.height() - _BESIDE_PX - self._search.sizeHint().height()
        rows = max(1, min(_MOST_ROWS, self._found.rowCount(), room // high))
        self._list.setFixedHeight(high * rows + 2)

    def _select(self, row: int) -> None:
        self._list.setCurrentIndex(self._found.index(row, 0))


def closeness(typed: str, title: str) -> int:
    """How well ``typed`` names ``title``: 0 not at all, more is better."""
    wanted, offered = typed.casefold().split(), title.casefold()
    if not wanted:
        return 1
    if not all(word in offered for word in wanted):
        return 0
    starts = sum(any(part.startswith(word) for part in offered.split()) for word in wanted)
    return 1 + starts + (2 if offered.startswith(wanted[0]) else 0)


class _Row(QStyledItemDelegate):
    """Picture, title, and the keys at the right."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(  # noqa: N802 (Qt's name)
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(option.rect.width(), _row_px(self._theme))

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        command: Command = index.data(_COMMAND)
        colour, box = self._theme.color, option.rect.adjusted(0, 1, 0, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("accent-soft"))
            painter.drawRoundedRect(box, 6, 6)
        side = 18
        spot = QRect(box.left() + 10, box.center().y() - side // 2 + 1, side, side)
        ratio = painter.device().devicePixelRatioF()
        painter.drawPixmap(spot, pixmap(command.picture, "text-dim", side, ratio))
        keys = QKeySequence(command.keys).toString(QKeySequence.SequenceFormat.NativeText)
        small = self._theme.font("small")
        painter.setFont(small)
        painter.setPen(colour("text-dim"))
        paint_line(painter, box.adjusted(0, 0, -12, 0), keys, RIGHT)
        room = box.adjusted(38, 0, -24 - painter.fontMetrics().horizontalAdvance(keys), 0)
        painter.setFont(self._theme.font())
        painter.setPen(colour("text"))
        paint_line(painter, room, command.title)
        painter.restore()


def _row_px(theme: Theme) -> int:
    return max(_ROW, theme.line_px() + _AROUND)
