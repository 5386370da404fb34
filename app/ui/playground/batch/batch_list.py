"""The batches at the left: what each runs, and how far it is."""

from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr
from app.ui.look.icons import icon
from app.ui.look.theme import Theme
from app.ui.state.batch.batch import Batch
from app.ui.state.batch.batch_words import name_of, share_done, short_state
from app.ui.state.batch.batches import Batches
from app.ui.widgets.painted_line import paint_line
from app.ui.widgets.parts import button

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
_WIDTH, _LETTERS = 216, 24
_PAD, _AROUND, _BAR = 10, 20, 3
_BELOW, _SHARE = Qt.ItemDataRole.UserRole + 1, Qt.ItemDataRole.UserRole + 2


class BatchList(QWidget):
    """``new_wanted`` asks for a file, ``remove_wanted`` carries a batch to be taken out."""

    new_wanted = Signal()
    remove_wanted = Signal(object)

    def __init__(self, theme: Theme, batches: Batches) -> None:
        super().__init__()
        self.setObjectName("conversations")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._theme, self._batches = theme, batches
        self.rows = _Rows(batches)
        self.new = button(tr("New batch…"), "plus", role="quiet")
        self.new.clicked.connect(self.new_wanted)
        self.list = _List()
        self.list.setModel(self.rows)
        self.list.setItemDelegate(_Delegate(theme, self.list))
        self.list.setAccessibleName(tr("Batches"))
        self.list.clicked.connect(self._choose)
        self.list.activated.connect(self._choose)
        self.list.delete_pressed.connect(self._remove_current)
        self.list.customContextMenuRequested.connect(self._menu)
        space = theme.space
        column = QVBoxLayout(self)
        column.setContentsMargins(space("m"), space("m"), space("s"), space("s"))
        column.setSpacing(space("s"))
        column.addWidget(self.new, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.list, 1)
        batches.listed.connect(self._note_list)
        batches.chosen_changed.connect(self._mark)
        batches.moved_on.connect(self.rows.note_change)
        theme.changed.connect(self._widen)
        self._widen()
        self._mark()

    def _note_list(self) -> None:
        self.rows.note_list()
        self._mark()

    def _mark(self) -> None:
        chosen = self._batches.chosen
        shown = self.rows.shown
        index = self.rows.index(shown.index(chosen)) if chosen in shown else QModelIndex()
        self.list.setCurrentIndex(index)

    def _choose(self, index: QModelIndex) -> None:
        self._batches.choose(self.rows.shown[index.row()])

    def _remove_current(self) -> None:
        index = self.list.currentIndex()
        if index.isValid():
            self.remove_wanted.emit(self.rows.shown[index.row()])

    def _menu(self, point: QPoint) -> None:
        index = self.list.indexAt(point)
        if not index.isValid():
            return
        batch = self.rows.shown[index.row()]
        menu = QMenu(self)
        entry = menu.addAction(icon("trash", "bad"), tr("Take it off the list"))
        entry.triggered.connect(lambda: self.remove_wanted.emit(batch))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.list.viewport().mapToGlobal(point))

    def _widen(self) -> None:
        letter = QFontMetricsF(self._theme.font()).averageCharWidth()
        self.setFixedWidth(max(_WIDTH, round(_LETTERS * letter)))


class _Rows(QAbstractListModel):
    """The latest first."""

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self._batches = batches
        self.shown: list[Batch] = batches.all[::-1]

    def note_list(self) -> None:
        self.beginResetModel()
        self.shown = self._batches.all[::-1]
        self.endResetModel()

    def note_change(self) -> None:
        if self.shown:
            self.dataChanged.emit(self.index(0), self.index(len(self.shown) - 1))

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 (Qt's name)
        return 0 if parent.isValid() else len(self.shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        batch = self.shown[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return name_of(batch)
        if role == _BELOW:
            return short_state(batch)
        if role == _SHARE:
            return share_done(batch) if batch.kept.begun else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{batch.kept.input}\n→ {batch.kept.output}"
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{name_of(batch)}, {short_state(batch)}"
        return None


class _Delegate(QStyledItemDelegate):
    """A name, what there is to say of it, and a bar."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        return QSize(100, self._theme.line_px() + self._theme.line_px("small") + _AROUND)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme = self._theme
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box: QRect = option.rect.adjusted(0, 1, -2, -1)
        radius = theme.radius("control")
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.setPen(Qt.PenStyle.NoPen)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(theme.color("accent-soft" if chosen else "hover"))
            painter.drawRoundedRect(box, radius, radius)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(theme.color("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), radius, radius)
        body, small = theme.line_px(), theme.line_px("small")
        inner = box.adjusted(_PAD, 5, -_PAD, -5)
        lines = (
            (inner.top(), body, "body", "text", str(index.data())),
            (inner.top() + body, small, "small", "text-dim", str(index.data(_BELOW))),
        )
        for top, high, kind, role, words in lines:
            painter.setFont(theme.font(kind))
            painter.setPen(theme.color(role))
            paint_line(painter, QRect(inner.left(), top, inner.width(), high), words)
        share = index.data(_SHARE)
        if share is not None:
            groove = QRect(inner.left(), inner.bottom() - _BAR + 2, inner.width(), _BAR)
            painter.fillRect(groove, theme.color("line"))
            groove.setWidth(round(groove.width() * float(share)))
            painter.fillRect(groove, theme.color("accent"))
        painter.restore()


class _List(QListView):
    """Delete takes a batch off the list; hovering is seen."""

    delete_pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setMouseTracking(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.key() == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)
