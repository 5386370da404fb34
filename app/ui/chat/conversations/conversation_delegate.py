"""Draws one conversation of the list: its title, where the words were found, whether it writes."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QLineEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.messages.translate import tr
from app.ui.look.icons import icon
from app.ui.look.theme import Theme
from app.ui.widgets.painted_line import paint_line

from .conversation_list_model import Role
from .conversation_sections import Heading

Index = QModelIndex | QPersistentModelIndex
_ROW, _HEADING = 34, 34  # at the usual text size
_PAD = 10
_MENU = 26
_ARROW = 14
_AROUND = 16  # above and below the words of a row, together
_SPARE = 0.6  # of a line at least, since letters from other fonts are higher


class ConversationDelegate(QStyledItemDelegate):
    """Knows the theme; the list's own palette plays no part.

    ``typed`` carries the conversation that is being renamed and its title so far, and ``left``
    that conversation when its field is left, whether the title was taken or not.
    """

    typed = Signal(str, str)
    left = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._sizes: dict[str, QSize] = {}  # of each kind of row, until the theme is another
        theme.changed.connect(self._sizes.clear)
        self.renaming = ""
        self.begun: dict[str, str] = {}
        """Titles that were being written before, by conversation: their fields begin with them."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        kind = "heading" if index.data(Role.HEADING) is not None else "row"
        if kind == "row" and index.data(Role.EXCERPT):
            kind = "found"
        if kind not in self._sizes:
            self._sizes[kind] = self._size(kind)
        return self._sizes[kind]

    def _size(self, kind: str) -> QSize:
        body, small = self._theme.line_px(), self._theme.line_px("small")
        if kind == "heading":
            return QSize(100, max(_HEADING, small + _AROUND))
        words = body + small if kind == "found" else body
        return QSize(100, max(_ROW, words + max(_AROUND, round(_SPARE * body))))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box: QRect = option.rect.adjusted(0, 1, -2, -1)
        heading = index.data(Role.HEADING)
        if heading is not None:
            self._heading(painter, box, option, heading)
        else:
            self._conversation(painter, box, option, index)
        painter.restore()

    def createEditor(  # noqa: N802 (Qt's name)
        self, parent: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> QWidget:
        editor = QLineEdit(parent)
        ident: str = index.data(Role.CONVERSATION).id
        self.renaming = ident
        editor.textEdited.connect(lambda title: self.typed.emit(ident, title))
        editor.setAccessibleName(tr("Title of the conversation"))
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:  # noqa: N802 (Qt's name)
        """Once: what changes in the list meanwhile takes no typed title away."""
        if editor.property("filled"):
            return
        editor.setProperty("filled", "true")
        super().setEditorData(editor, index)
        begun = self.begun.pop(self.renaming, "")
        if begun and isinstance(editor, QLineEdit):
            editor.setText(begun)
            QTimer.singleShot(0, editor, editor.deselect)  # the view selects all

    def destroyEditor(self, editor: QWidget, index: Index) -> None:  # noqa: N802 (Qt's name)
        """However the field was left."""
        super().destroyEditor(editor, index)
        ident, self.renaming = self.renaming, ""
        if ident:
            self.left.emit(ident)

    def _heading(
        self, painter: QPainter, box: QRect, option: QStyleOptionViewItem, heading: Heading
    ) -> None:
        """One that folds has an arrow before it and the number of its rows behind."""
        inner = box.adjusted(_PAD, 8, -_PAD, 0)
        state: QStyle.StateFlag = option.state
        if heading.folds:
            over = state & QStyle.StateFlag.State_MouseOver
            if over or state & QStyle.StateFlag.State_HasFocus:
                self._ground(painter, box.adjusted(0, 6, 0, 0), state)
            name = "chevron-right" if heading.folded else "chevron-down"
            side = _ARROW
            place = QRect(inner.left() - 4, inner.center().y() - side // 2 + 1, side, side)
            icon(name, "text-dim", side).paint(painter, place)
            inner.setLeft(inner.left() + side)
            count = str(heading.count)
            wide = QFontMetrics(self._theme.font("small")).horizontalAdvance(count)
            behind = QRect(inner.right() - wide, inner.top(), wide + 1, inner.height())
            self._line(painter, behind, count, "small")
            inner.setRight(inner.right() - wide - _PAD)
        self._line(painter, inner, heading.title, "small")

    def _ground(self, painter: QPainter, box: QRect, state: QStyle.StateFlag) -> None:
        radius = self._theme.radius("control")
        if state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("hover"))
        else:
            painter.setPen(self._theme.color("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            box = box.adjusted(1, 1, -1, -1)
        painter.drawRoundedRect(box, radius, radius)

    def _conversation(
        self, painter: QPainter, box: QRect, option: QStyleOptionViewItem, index: Index
    ) -> None:
        state: QStyle.StateFlag = option.state
        if state & QStyle.StateFlag.State_Selected:
            radius = self._theme.radius("control")
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("accent-soft"))
            painter.drawRoundedRect(box, radius, radius)
        elif state & (QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_HasFocus):
            self._ground(painter, box, state)
        inner = box.adjusted(_PAD, 0, -_PAD, 0)
        under = QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_HasFocus
        if state & under:
            inner.setRight(inner.right() - _MENU)  # its button stands there
        if index.data(Role.WRITING):
            self._dot(painter, inner)
            inner.setRight(inner.right() - 16)
        excerpt = index.data(Role.EXCERPT)
        if not excerpt:
            self._line(painter, inner, str(index.data()), "body", "text")
            return
        body, small = self._theme.line_px(), self._theme.line_px("small")
        top = inner.top() + (inner.height() - body - small) // 2
        title = QRect(inner.left(), top, inner.width(), body)
        self._line(painter, title, str(index.data()), "body", "text")
        below = QRect(inner.left(), top + body, inner.width(), small)
        self._line(painter, below, excerpt, "small")

    def _line(
        self, painter: QPainter, place: QRect, words: str, kind: str, role: str = "text-dim"
    ) -> None:
        painter.setFont(self._theme.font(kind))
        painter.setPen(self._theme.color(role))
        paint_line(painter, place, words)

    def _dot(self, painter: QPainter, inner: QRect) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("accent"))
        painter.drawEllipse(QRect(inner.right() - 8, inner.center().y() - 3, 7, 7))
