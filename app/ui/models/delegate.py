"""Draws one row of the library: name, file, generation, size, fit, and the Chat button."""

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QMouseEvent, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.ui.amounts import size
from app.ui.icons import pixmap
from app.ui.theme import Theme

from .entry import Entry
from .fit import Fit
from .rows import ENTRY, FIT, OPEN

Index = QModelIndex | QPersistentModelIndex
_ROW, _EDGE, _GAP = 60, 14, 12  # at the usual text size
_VCENTRE = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
_CENTRE = int(Qt.AlignmentFlag.AlignCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)


class RowDelegate(QStyledItemDelegate):
    """``chat_wanted`` carries the Entry whose button was pressed."""

    chat_wanted = Signal(object)

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        name = QFontMetrics(self._theme.font()).height()
        below = QFontMetrics(self._theme.font("small")).height()
        return QSize(320, max(_ROW, name + below + 24))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry: Entry = index.data(ENTRY)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        row = _Row(painter, self._theme, option)
        row.back()
        if entry.usable:
            row.button(self.tr("Chat"), self._box(option))
            row.fit(index.data(FIT), size(entry.file.bytes))
            row.chip(f"RWKV-{entry.generation}")
        else:
            row.refused(self.tr("Cannot be used"))
        if index.data(OPEN):
            row.dot()
        row.words(entry.title, entry.reason or entry.path.name, dim=not entry.usable)
        painter.restore()

    def editorEvent(  # noqa: N802 (Qt's name)
        self, event: QEvent, model: object, option: QStyleOptionViewItem, index: Index
    ) -> bool:
        entry: Entry = index.data(ENTRY)
        if (
            isinstance(event, QMouseEvent)
            and event.type() is QEvent.Type.MouseButtonRelease
            and event.button() is Qt.MouseButton.LeftButton
            and entry.usable
            and not is_compact(option.rect)
            and self._box(option).contains(event.position().toPoint())
        ):
            self.chat_wanted.emit(entry)
            return True
        return False

    def _box(self, option: QStyleOptionViewItem) -> QRect:
        """Where the button is."""
        return button_box(option.rect)


def is_compact(row: QRect) -> bool:
    """Too narrow for the button and the chip: the details have both."""
    return row.width() < 470


def button_box(row: QRect) -> QRect:
    """The button's place in a row."""
    box = QRect(0, 0, 68, 30)
    box.moveCenter(QPoint(row.right() - _EDGE - box.width() // 2, row.center().y()))
    return box


class _Row:
    """One painting: goes from the right edge to the left, the words take what is left."""

    def __init__(self, painter: QPainter, theme: Theme, option: QStyleOptionViewItem) -> None:
        self._painter, self._theme = painter, theme
        self._rect = option.rect
        self._right = option.rect.right() - _EDGE
        self._indent = 0
        self._selected = bool(option.state & QStyle.StateFlag.State_Selected)
        self._hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        self._focus = bool(option.state & QStyle.StateFlag.State_HasFocus)
        self._compact = is_compact(option.rect)

    def back(self) -> None:
        box = self._rect.adjusted(1, 2, -1, -2)
        if self._selected or self._hover:
            self._fill(box, "accent-soft" if self._selected else "hover", 8)
        if self._focus and self._selected:
            self._outline(box, "accent", 8)

    def dot(self) -> None:
        """Before the name of the model that is open."""
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(self._theme.color("good"))
        middle = self._rect.center().y() - 10
        self._painter.drawEllipse(QPoint(self._rect.left() + _EDGE + 4, middle), 4, 4)
        self._indent = 16

    def button(self, text: str, box: QRect) -> None:
        if self._compact:
            return
        self._fill(box, "surface", 6)
        self._outline(box, "edge", 6)
        self._text(box, text, "text", align=_CENTRE)
        self._right = box.left() - _GAP

    def fit(self, fit: object, weight: str) -> None:
        assert isinstance(fit, Fit)
        font = self._theme.font("small")
        words = weight if self._compact else f"{weight} · {fit.word}"
        width = QFontMetrics(font).horizontalAdvance(words) + 4
        width = max(width, 60 if self._compact else 128)
        box = QRect(self._right - width, self._rect.top(), width, self._rect.height())
        self._text(box, words, "text-dim", align=_VCENTRE, font=font)
        spot = QRect(box.left() - 22, self._rect.center().y() - 7, 16, 16)
        ratio = self._painter.device().devicePixelRatioF()
        self._painter.drawPixmap(spot, pixmap(fit.picture, fit.role, 16, ratio))
        self._right = spot.left() - _GAP

    def chip(self, text: str) -> None:
        if self._compact:
            return
        font = self._theme.font("small")
        width = max(QFontMetrics(font).horizontalAdvance(text) + 16, 76)
        box = QRect(0, 0, width, 22)
        box.moveCenter(QPoint(self._right - width // 2, self._rect.center().y()))
        self._fill(box, "surface" if self._selected else "hover", 6)
        self._text(box, text, "text-dim", align=_CENTRE, font=font)
        self._right = box.left() - _GAP

    def refused(self, text: str) -> None:
        font = self._theme.font("small")
        width = QFontMetrics(font).horizontalAdvance(text)
        box = QRect(self._right - width, self._rect.top(), width, self._rect.height())
        self._text(box, text, "text-dim", align=_RIGHT, font=font)
        spot = QRect(box.left() - 22, self._rect.center().y() - 7, 16, 16)
        ratio = self._painter.device().devicePixelRatioF()
        self._painter.drawPixmap(spot, pixmap("alert", "warn", 16, ratio))
        self._right = spot.left() - _GAP

    def words(self, title: str, below: str, *, dim: bool) -> None:
        left = self._rect.left() + _EDGE
        width, middle = self._right - left, self._rect.center().y()
        name = self._theme.font()
        name.setWeight(QFont.Weight.Medium)
        high = QFontMetrics(name).height() + 4
        top = QRect(left + self._indent, middle - high, width - self._indent, high)
        self._text(top, title, "text-dim" if dim else "text", font=name)
        under = QRect(left, middle + 1, width, high - 2)
        mode = Qt.TextElideMode.ElideRight if dim else Qt.TextElideMode.ElideMiddle
        self._text(under, below, "text-dim", font=self._theme.font("small"), elide=mode)

    def _text(
        self,
        box: QRect,
        text: str,
        role: str,
        *,
        align: int = _VCENTRE,
        font: QFont | None = None,
        elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        self._painter.setFont(font or self._theme.font())
        self._painter.setPen(self._theme.color(role))
        shown = self._painter.fontMetrics().elidedText(text, elide, box.width())
        self._painter.drawText(box, align, shown)

    def _fill(self, box: QRect, role: str, radius: int) -> None:
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(self._theme.color(role))
        self._painter.drawRoundedRect(box, radius, radius)

    def _outline(self, box: QRect, role: str, radius: int) -> None:
        self._painter.setPen(QColor(self._theme.color(role)))
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        self._painter.drawRoundedRect(box.adjusted(0, 0, -1, -1), radius, radius)
