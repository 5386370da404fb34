"""Choosing words across rows with the mouse or the keyboard, and taking them along."""

from typing import Protocol, runtime_checkable

from PySide6.QtCore import QPoint, QTimer
from PySide6.QtGui import QTextCursor, QTextDocument
from PySide6.QtWidgets import QWidget

from .text_block import TextBlock
from .virtual_list import Row, VirtualList

_PULL_MS = 30


@runtime_checkable
class Words(Protocol):
    """A row that has words, whether it is in sight or not."""

    def document(self) -> QTextDocument: ...


Place = tuple[Row, int]


class Selection:
    """From one character to another, each in a row; paints itself into the rows in sight."""

    def __init__(self, column: VirtualList) -> None:
        self._column = column
        self._from: Place | None = None
        self._to: Place | None = None
        self._pull = QTimer(column, interval=_PULL_MS)
        self._pull.timeout.connect(self._pulled)
        self._mouse = QPoint()

    @property
    def empty(self) -> bool:
        """Whether nothing is chosen."""
        return self._from is None or self._from == self._to

    def clear(self) -> None:
        """Choose nothing."""
        self._from = self._to = None
        self.paint()

    def begin(self, point: QPoint, *, extend: bool) -> None:
        """The mouse went down at a point of the viewport."""
        place = self._place_at(point)
        if not (extend and self._from is not None):
            self._from = place
        self._to = place
        self.paint()

    def choose_word(self, point: QPoint) -> None:
        """The word under a point."""
        place = self._place_at(point)
        text = self._text_of(place[0]) if place else None
        if place is not None and text is not None:
            start, end = text.word_at(place[1])
            self._from, self._to = (place[0], start), (place[0], end)
            self.paint()

    def choose_row(self, point: QPoint) -> None:
        """The whole row under a point."""
        place = self._place_at(point)
        if place is not None and isinstance(place[0], Words):
            end = place[0].document().characterCount() - 1
            self._from, self._to = (place[0], 0), (place[0], end)
            self.paint()

    def choose(self, row: Row, start: int, end: int) -> None:
        """These characters of a row."""
        self._from, self._to = (row, start), (row, end)
        self.paint()

    def choose_all(self) -> None:
        """Every word there is."""
        rows = [row for row in self._column.rows if isinstance(row, Words)]
        if rows:
            end = rows[-1].document().characterCount() - 1
            self._from, self._to = (rows[0], 0), (rows[-1], end)
            self.paint()

    def drag(self, point: QPoint) -> None:
        """The mouse moved with its button down; beyond an edge it pulls the column along."""
        self._mouse = point
        inside = 0 <= point.y() < self._column.viewport().height()
        if inside:
            self._pull.stop()
        elif not self._pull.isActive():
            self._pull.start()
        self._to = self._place_at(point) or self._to
        self.paint()

    def end(self) -> None:
        """The button was let go."""
        self._pull.stop()

    def text(self) -> str:
        """What is chosen, a line for each row."""
        ends = self._ends()
        if ends is None:
            return ""
        first, start, last, stop = ends
        parts = []
        for index in range(first, last + 1):
            row = self._column.rows[index]
            if isinstance(row, Words):
                document = row.document()
                cursor = QTextCursor(document)
                until = document.characterCount() - 1
                cursor.setPosition(min(start, until) if index == first else 0)
                keep = QTextCursor.MoveMode.KeepAnchor
                cursor.setPosition(min(stop, until) if index == last else until, keep)
                parts.append(cursor.selection().toPlainText())
        return "\n\n".join(part for part in parts if part)

    def paint(self) -> None:
        """Mark what is chosen in the rows in sight."""
        ends = self._ends()
        for index in range(len(self._column.rows)):
            widget = self._column.widget_of(index)
            text = text_in(widget) if widget is not None else None
            if text is None:
                continue
            if ends is None or not ends[0] <= index <= ends[2]:
                text.select(0, 0)
            else:
                last = text.document.characterCount() - 1
                start = ends[1] if index == ends[0] else 0
                text.select(start, ends[3] if index == ends[2] else last)

    def _ends(self) -> tuple[int, int, int, int] | None:
        """First row, place in it, last row, place in it; None where nothing is chosen."""
        if self.empty or self._from is None or self._to is None:
            return None
        one, two = self._column.index_of(self._from[0]), self._column.index_of(self._to[0])
        if one < 0 or two < 0:
            return None
        first, last = sorted(((one, self._from[1]), (two, self._to[1])))
        return (*first, *last)

    def _place_at(self, point: QPoint) -> Place | None:
        index = self._column.index_at(point)
        if index < 0:
            return None
        row = self._column.rows[index]
        text = self._text_of(row)
        if text is None:
            return row, 0
        if point.y() > self._column.rect_of(index).bottom():
            return row, text.document.characterCount() - 1
        return row, text.position_at(text.mapFrom(self._column.viewport(), point))

    def _text_of(self, row: Row) -> TextBlock | None:
        index = self._column.index_of(row)
        widget = self._column.widget_of(index) if index >= 0 else None
        return text_in(widget) if widget is not None else None

    def _pulled(self) -> None:
        height = self._column.viewport().height()
        beyond = self._mouse.y() - height if self._mouse.y() > 0 else self._mouse.y()
        bar = self._column.verticalScrollBar()
        bar.setValue(bar.value() + beyond // 2)
        self.drag(self._mouse)


def text_in(widget: QWidget) -> TextBlock | None:
    """The words that a row's widget shows."""
    if isinstance(widget, TextBlock):
        return widget
    inner = getattr(widget, "text", None)
    return inner if isinstance(inner, TextBlock) else None
