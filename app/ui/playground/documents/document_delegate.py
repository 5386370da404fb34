"""Draws one document of the list: its title, and when it was changed or where words were found."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.widgets.painted_line import paint_line

from .document_list_model import DocumentRole

Index = QModelIndex | QPersistentModelIndex
_PAD, _AROUND = 10, 14


class DocumentDelegate(QStyledItemDelegate):
    """``left`` when the field for a title is left, whether the title was taken or not."""

    left = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.renaming = False

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
        title = QRect(inner.left(), top, inner.width(), body)
        self._line(painter, title, str(index.data()), "body", "text")
        below = QRect(inner.left(), top + body, inner.width(), small)
        self._line(painter, below, str(index.data(DocumentRole.BELOW)), "small", "text-dim")
        painter.restore()

    def createEditor(  # noqa: N802 (Qt's name)
        self, parent: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> QWidget:
        self.renaming = True
        editor = QLineEdit(parent)
        editor.setAccessibleName(tr("Title of the document"))
        return editor

    def destroyEditor(self, editor: QWidget, index: Index) -> None:  # noqa: N802 (Qt's name)
        super().destroyEditor(editor, index)
        self.renaming = False
        self.left.emit()

    def updateEditorGeometry(  # noqa: N802 (Qt's name)
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        box: QRect = option.rect
        high = editor.sizeHint().height()
        editor.setGeometry(box.left(), box.center().y() - high // 2, box.width() - 4, high)

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
