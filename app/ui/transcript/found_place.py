"""Bringing words that a search has found into sight, marked; searches nothing by itself."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint
from PySide6.QtGui import QTextCursor

from .found_marks import places_in
from .long_table import LongTable
from .selection import Words, text_in
from .text_block import TextBlock
from .virtual_list import Row
from .wide_text import WideText

if TYPE_CHECKING:
    from .transcript import Transcript

_ABOVE_PX = 96  # so much of what stands before is seen as well
_EDGE_PX = 24


class FoundPlaces:
    """Unfolds what hides a place, scrolls there, and marks it as the words that are chosen.

    Beside it every place of the term of ``mark`` is tinted, in what is in sight and what comes.
    """

    def __init__(self, transcript: "Transcript") -> None:
        self._transcript = transcript
        self._term = ""
        transcript.arranged.connect(self._tint)

    def mark(self, term: str) -> None:
        """Tint all places of a folded term, of none with ""."""
        changed, self._term = term != self._term, term
        if changed:
            self._tint(always=True)

    def show_first(self, ident: str, terms: Sequence[str]) -> None:
        """The first of ``terms`` (folded) in a message, in its thought if it is nowhere else."""
        if not self._transcript.show_whole(ident):
            return
        if self._choose_first(ident, terms):
            return
        head = self._transcript.thought_of(ident)
        if head is not None and not head.unfolded:
            self._transcript.toggle_thought(ident)
            if self._choose_first(ident, terms):
                return
        self._transcript.show_message(ident)

    def show_hit(self, ident: str, number: int, in_thought: int) -> None:
        """The hit ``number`` of a message; ``in_thought`` are those in its thought, the first."""
        if not self._transcript.show_whole(ident):
            return
        head = self._transcript.thought_of(ident)
        if head is not None and not head.unfolded:
            if number < in_thought:
                self._transcript.toggle_thought(ident)
            else:
                number -= in_thought
        for row in _with_words(self._transcript.rows_of(ident)):
            places = places_in(row.document(), self._term)
            if number < len(places):
                self._choose(row, *places[number])
                return
            number -= len(places)
        self._transcript.show_message(ident)

    def _choose_first(self, ident: str, terms: Sequence[str]) -> bool:
        rows = _with_words(self._transcript.rows_of(ident))
        for term in terms:
            for row in rows:
                if places := places_in(row.document(), term):
                    self._choose(row, *places[0])
                    return True
        return False

    def _choose(self, row: "_WordsRow", start: int, end: int) -> None:
        self._transcript.selection.choose(row, start, end)
        self._bring_into_sight(row, start)
        self._transcript.selection.paint()

    def _bring_into_sight(self, row: "_WordsRow", position: int) -> None:
        column = self._transcript
        height = column.viewport().height()
        at = self._height_of(row, position)
        if at is None or not _EDGE_PX <= at <= height - 2 * _EDGE_PX:
            column.show_row(column.index_of(row))
            at = self._height_of(row, position)
            if at is not None:
                bar = column.verticalScrollBar()
                bar.setValue(bar.value() + at - min(_ABOVE_PX, height // 3))
        widget = column.widget_of(column.index_of(row))
        if isinstance(widget, LongTable):
            document = row.document()
            cursor = QTextCursor(document)
            cursor.setPosition(position)
            before = cursor.block().text()[: cursor.positionInBlock()]
            widget.show_cell(cursor.blockNumber(), before.count("\t"))

    def _height_of(self, row: "_WordsRow", position: int) -> int | None:
        """Where a character is below the top of the viewport; None for what is no widget yet."""
        widget = self._transcript.widget_of(self._transcript.index_of(row))
        text = text_in(widget) if widget is not None else None
        if widget is None or text is None:
            return None
        block = text.document.findBlock(position)
        inside = text.document.documentLayout().blockBoundingRect(block).topLeft()
        line = block.layout().lineForTextPosition(position - block.position())
        x, y = inside.x(), inside.y()
        if line.isValid():
            x += line.cursorToX(position - block.position())[0]  # type: ignore[index]
            y += line.y()
        _scroll_sideways(text, int(x))
        return text.mapTo(self._transcript.viewport(), QPoint(0, int(y))).y()

    def _tint(self, *, always: bool = False) -> None:
        if self._term or always:
            for text in self._transcript.viewport().findChildren(TextBlock):
                text.look_for(self._term)


class _WordsRow(Row, Words):
    """A row that has words."""


def _with_words(rows: Iterable[Row]) -> list[_WordsRow]:
    return [row for row in rows if isinstance(row, Words)]  # type: ignore[misc]


def _scroll_sideways(text: TextBlock, x: int) -> None:
    """Code and tables scroll by themselves."""
    viewport = text.parentWidget()
    area = viewport.parentWidget() if viewport is not None else None
    if isinstance(area, WideText):
        area.ensureVisible(x, 0, 3 * _EDGE_PX, 0)
