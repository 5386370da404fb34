"""The links of one document, one after the other under the keyboard."""

from dataclasses import dataclass

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAbstractTextDocumentLayout, QColor, QTextCursor, QTextDocument
from PySide6.QtWidgets import QWidget

from app.messages.translate import tr
from app.ui.widgets.link_dialog import offer_address
from app.ui.widgets.web_address import hover_text

Selection = QAbstractTextDocumentLayout.Selection


@dataclass(frozen=True)
class _Link:
    start: int
    end: int
    address: str


class LinkFocus:
    """Which link of its widget has the keyboard; one without links is passed over by Tab."""

    def __init__(self, widget: QWidget) -> None:
        self._widget = widget
        self._document = QTextDocument()
        self._at = -1

    def look_at(self, document: QTextDocument) -> None:
        """The widget shows ``document`` as it is now."""
        self._document = document
        some = any(
            form.isCharFormat() and form.toCharFormat().isAnchor() for form in document.allFormats()
        )
        policy = Qt.FocusPolicy.TabFocus if some else Qt.FocusPolicy.NoFocus
        self._widget.setFocusPolicy(policy)

    def enter(self, reason: Qt.FocusReason) -> None:
        """The widget has the keyboard: its first link, or its last where Tab went backwards."""
        links = self._links()
        if self._at < 0 and links:
            backwards = reason is Qt.FocusReason.BacktabFocusReason
            self._go_to(len(links) - 1 if backwards else 0)

    def leave(self) -> None:
        """The keyboard is elsewhere."""
        self._at = -1
        self._widget.update()

    def step(self, *, forward: bool) -> bool:
        """Go to the next link; False where there is none in this direction."""
        at = self._at + (1 if forward else -1)
        if self._at < 0 or not 0 <= at < len(self._links()):
            return False
        self._go_to(at)
        return True

    def offer(self) -> bool:
        """Show where the link under the keyboard leads; False where there is none."""
        links = self._links()
        if not 0 <= self._at < len(links):
            return False
        cursor = QTextCursor(self._document)
        cursor.setPosition(links[self._at].start)
        block = cursor.block()
        inside = block.layout().lineForTextPosition(cursor.positionInBlock())
        place = self._document.documentLayout().blockBoundingRect(block)
        left = inside.x()
        below = place.top() + inside.y() + inside.height()
        at = self._widget.mapToGlobal(QPoint(int(place.left() + left), int(below)))
        return offer_address(links[self._at].address, self._widget, at) is not None

    def selection(self, color: QColor) -> Selection | None:
        """The link under the keyboard as a part to be painted."""
        links = self._links() if self._at >= 0 else []
        if not 0 <= self._at < len(links):
            return None
        made = Selection()
        cursor = QTextCursor(self._document)
        cursor.setPosition(links[self._at].start)
        cursor.setPosition(links[self._at].end, QTextCursor.MoveMode.KeepAnchor)
        made.cursor = cursor
        form = made.format
        form.setBackground(color)
        made.format = form
        return made

    def _go_to(self, at: int) -> None:
        self._at = at
        self._widget.setAccessibleDescription(
            tr("Link to {}").format(hover_text(self._links()[at].address))
        )
        self._widget.update()

    def _links(self) -> list[_Link]:
        """In the order in which they are read; parts of one link are one."""
        found: list[_Link] = []
        block = self._document.begin()
        while block.isValid():
            pieces = block.begin()
            while not pieces.atEnd():
                piece = pieces.fragment()
                form = piece.charFormat()
                if form.isAnchor():
                    start, end = piece.position(), piece.position() + piece.length()
                    address = form.anchorHref()
                    if found and (found[-1].end, found[-1].address) == (start, address):
                        start = found.pop().start
                    found.append(_Link(start, end, address))
                pieces += 1
            block = block.next()
        return found
