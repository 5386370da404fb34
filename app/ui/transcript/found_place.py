"""Bringing words that a search has found into sight, marked; knows no store."""

from collections.abc import Iterable

from PySide6.QtGui import QTextDocument

from app.store.folding import place_of

from .selection import Selection, Words, text_in
from .virtual_list import Row, VirtualList

_ABOVE_PX = 96  # so much of what stands before is seen as well


def show_place(
    column: VirtualList, selection: Selection, rows: Iterable[Row], terms: Iterable[str]
) -> bool:
    """Mark the first of ``terms`` (folded) that one of ``rows`` has; whether one has any."""
    words = [(row, row.document()) for row in rows if isinstance(row, Words)]
    for term in terms:
        for row, document in words:
            text = _plain(document)
            place = place_of(text, term)
            if place is not None:
                start, end = (_units(text[:at]) for at in place)
                selection.choose(row, start, end)
                _bring_into_sight(column, row, start)
                selection.paint()
                return True
    return False


def _bring_into_sight(column: VirtualList, row: Row, position: int) -> None:
    index = column.index_of(row)
    column.show_row(index)
    widget = column.widget_of(index)
    text = text_in(widget) if widget is not None else None
    if widget is None or text is None:
        return
    block = text.document.findBlock(position)
    top = text.document.documentLayout().blockBoundingRect(block).top()
    line = block.layout().lineForTextPosition(position - block.position())
    inside = int(top + (line.y() if line.isValid() else 0))
    at = text.mapTo(column.viewport(), text.rect().topLeft()).y() + inside
    bar = column.verticalScrollBar()
    bar.setValue(bar.value() + at - _ABOVE_PX)


def _units(text: str) -> int:
    """How many of Qt's characters a text has."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _plain(document: QTextDocument) -> str:
    """With a character for each place of the document."""
    return document.toRawText().replace("\u2029", "\n").replace("\u2028", "\n")
