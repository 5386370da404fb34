"""One document on the page: paints it and its part of the selection; the transcript holds both."""

from collections.abc import Callable, Iterator

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QAbstractTextDocumentLayout,
    QColor,
    QFocusEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextBlock,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.look.text_style import TextStyle
from app.ui.markdown.document import QUOTE, QUOTE_PX

from .found_marks import FoundMarks
from .link_focus import LinkFocus

_SAID = 2000
_PRESSES = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
Colours = Callable[[float, float], list[QAbstractTextDocumentLayout.Selection]]


class TextBlock(QWidget):
    """Shows one QTextDocument at its own width; the mouse is left to whoever is around it."""

    def __init__(
        self,
        document: QTextDocument,
        text_style: TextStyle,
        parent: QWidget | None = None,
        *,
        wraps: bool = True,
    ) -> None:
        super().__init__(parent)
        self._text_style = text_style
        self._wraps = wraps
        self._selected = (0, 0)
        self._quoted: list[QTextBlock] = []
        self.colours: Colours | None = None
        self.links = LinkFocus(self)
        self._found = FoundMarks()
        self.document = QTextDocument()
        policy = QSizePolicy.Policy.Preferred if wraps else QSizePolicy.Policy.Fixed
        self.setSizePolicy(policy, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.IBeamCursor)
        self.show_document(document)

    def show_document(self, document: QTextDocument) -> None:
        """Show another document in place of the one before."""
        other = document is not self.document
        self.document = document
        end = document.characterCount() - 1
        self._selected = (min(self._selected[0], end), min(self._selected[1], end))
        if other and self._wraps:  # setting a width lays everything out anew
            document.setTextWidth(self.width())
        self._quoted = [block for block in _blocks(document) if _depth(block)] if other else []
        self.links.look_at(document)
        self._found.forget()
        self.setAccessibleName(_beginning(document))
        if not self._wraps:
            self.setFixedSize(self.sizeHint())
        self.update()

    def heightForWidth(self, width: int) -> int:  # noqa: N802 (Qt's name)
        if self._wraps and self.document.textWidth() != width:
            self.document.setTextWidth(width)
        return int(self.document.size().height() + 0.999)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        size = self.document.size()
        return QSize(int(size.width() + 0.999), int(size.height() + 0.999))

    def select(self, start: int, end: int) -> None:
        """Mark the characters from ``start`` to ``end`` as chosen."""
        if (start, end) != self._selected:
            self._selected = (start, end)
            self.update()

    def look_for(self, term: str) -> None:
        """Tint every place where the folded ``term`` stands."""
        if self._found.look_for(term):
            self.update()

    def position_at(self, point: QPoint) -> int:
        """The character nearest to a point of this widget."""
        layout = self.document.documentLayout()
        at = layout.hitTest(QPointF(point), Qt.HitTestAccuracy.FuzzyHit)
        return max(at, 0)

    def address_at(self, point: QPoint) -> str:
        """The link under a point, or ""."""
        return self.document.documentLayout().anchorAt(QPointF(point))

    def word_at(self, position: int) -> tuple[int, int]:
        """Where the word around a character begins and ends."""
        cursor = QTextCursor(self.document)
        cursor.setPosition(min(position, self.document.characterCount() - 1))
        cursor.select(QTextCursor.SelectionType.WordUnderCursor)
        return cursor.selectionStart(), cursor.selectionEnd()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        if self._wraps and self.document.textWidth() != event.size().width():
            self.document.setTextWidth(event.size().width())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        painter = QPainter(self)
        context = QAbstractTextDocumentLayout.PaintContext()
        context.clip = QRectF(event.rect())
        context.palette = self.palette()
        context.palette.setColor(self.foregroundRole(), self._text_style.words.foreground().color())
        parts = self.colours(context.clip.top(), context.clip.bottom()) if self.colours else []
        if self._selected[0] != self._selected[1]:
            parts = [self._selection(), *parts]
        parts = [*self._tints(event.rect()), *parts, *self._hit()]
        if (chosen := self.links.selection(self._text_style.color("selection"))) is not None:
            parts = [*parts, chosen]
        context.selections = parts
        self._paint_quotes(painter)
        painter.setClipRect(event.rect())
        self.document.documentLayout().draw(painter, context)
        painter.end()

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802, FBT001 (Qt's name)
        """Tab goes from link to link before it leaves."""
        return self.links.step(forward=forward) or super().focusNextPrevChild(forward)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 (Qt's name)
        self.links.enter(event.reason())
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 (Qt's name)
        if event.reason() is not Qt.FocusReason.PopupFocusReason:
            self.links.leave()
        super().focusOutEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.key() not in _PRESSES or not self.links.offer():
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 (Qt's name)
        self.update()

    def _selection(self) -> QAbstractTextDocumentLayout.Selection:
        made = QAbstractTextDocumentLayout.Selection()
        cursor = QTextCursor(self.document)
        last = self.document.characterCount() - 1
        cursor.setPosition(min(self._selected[0], last))
        cursor.setPosition(min(self._selected[1], last), QTextCursor.MoveMode.KeepAnchor)
        made.cursor = cursor
        form = made.format
        form.setBackground(self._text_style.color("selection"))
        made.format = form
        return made

    def _tints(self, rect: QRect) -> list[QAbstractTextDocumentLayout.Selection]:
        first, last = self.position_at(rect.topLeft()), self.position_at(rect.bottomRight())
        last = max(last, first) if self._wraps else self.document.characterCount()
        return self._found.between(self.document, first, last, self._text_style.color("found"))

    def _hit(self) -> list[QAbstractTextDocumentLayout.Selection]:
        """The place that is chosen among those that are tinted: it stands out, in code as well."""
        if not self._found.has(self._selected):
            return []
        hit = self._selection()
        form = hit.format
        form.setBackground(self._text_style.color("accent"))
        form.setForeground(self._text_style.color("accent-text"))
        hit.format = form
        return [hit]

    def _paint_quotes(self, painter: QPainter) -> None:
        """A bar at the left of what is quoted, one for each depth."""
        colour: QColor = self._text_style.color("line")
        layout = self.document.documentLayout()
        for block in self._quoted:
            for depth in range(_depth(block)):
                place = layout.blockBoundingRect(block)
                painter.fillRect(QRectF(QUOTE_PX * depth, place.top(), 3.0, place.height()), colour)


def _depth(block: QTextBlock) -> int:
    """How many quotes a paragraph stands in."""
    return block.blockFormat().intProperty(QUOTE)


def _beginning(document: QTextDocument) -> str:
    """Enough of the words for who listens to them."""
    parts, length = [], 0
    for block in _blocks(document):
        parts.append(block.text())
        length += len(parts[-1])
        if length > _SAID:
            break
    return "\n".join(parts)[:_SAID]


def _blocks(document: QTextDocument) -> Iterator[QTextBlock]:
    block = document.begin()
    while block.isValid():
        yield block
        block = block.next()
