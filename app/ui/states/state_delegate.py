"""Draws one state of the list: its name, what is told of it, and how far it is read."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.ui.look.theme import Theme
from app.ui.widgets.painted_line import paint_line

from .state_list_model import StateRole

Index = QModelIndex | QPersistentModelIndex
_PAD, _AROUND, _BAR_PX = 10, 16, 3


class StateDelegate(QStyledItemDelegate):
    """Two lines; below them a thin bar while the text is not read to its end."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        return QSize(100, self._theme.line_px() + self._theme.line_px("small") + _AROUND)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box: QRect = option.rect.adjusted(0, 1, -2, -1)
        self._ground(painter, box, option.state)
        body, small = self._theme.line_px(), self._theme.line_px("small")
        inner = box.adjusted(_PAD, 0, -_PAD, 0)
        top = inner.top() + (inner.height() - body - small) // 2
        dim = bool(index.data(StateRole.DIM))
        title = QRect(inner.left(), top, inner.width(), body)
        self._line(painter, title, str(index.data()), "body", "text-dim" if dim else "text")
        below = QRect(inner.left(), top + body, inner.width(), small)
        self._line(painter, below, str(index.data(StateRole.BELOW)), "small", "text-dim")
        share = float(index.data(StateRole.SHARE))
        if share < 1.0:
            bar = QRect(inner.left(), box.bottom() - _BAR_PX - 1, inner.width(), _BAR_PX)
            self._bar(painter, bar, share)
        painter.restore()

    def _bar(self, painter: QPainter, bar: QRect, share: float) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        for wide, role in ((bar.width(), "line"), (round(bar.width() * share), "accent")):
            painter.setBrush(self._theme.color(role))
            painter.drawRoundedRect(bar.left(), bar.top(), wide, _BAR_PX, 1.5, 1.5)

    def _ground(self, painter: QPainter, box: QRect, state: QStyle.StateFlag) -> None:
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        radius = self._theme.radius("control")
        if chosen or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("accent-soft" if chosen else "hover"))
            painter.drawRoundedRect(box, radius, radius)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(self._theme.color("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), radius, radius)

    def _line(self, painter: QPainter, place: QRect, words: str, kind: str, role: str) -> None:
        painter.setFont(self._theme.font(kind))
        painter.setPen(self._theme.color(role))
        paint_line(painter, place, words)
