"""A table's source as rows of cells, and small tables as a part of a document."""

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QFont,
    QTextCharFormat,
    QTextCursor,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
    QTextTableFormat,
)

from app.ui.look.text_style import TextStyle

from .parsers import cells_of
from .words import write_words

SMALL = 48
"""Up to so many cells are laid out all at once."""


class TableSource:
    """The lines of a table that may grow; a line is taken apart when it is asked for."""

    def __init__(self, source: str) -> None:
        self._source, self._begin_of_last = "", 0
        self._lines: list[str] = []
        self._bars = self.columns = 0
        self.grow(source)
        marks = cells_of(self._lines[1]) if len(self._lines) > 1 else []
        self._aligns = [_align(mark) for mark in marks]

    def grow(self, source: str) -> bool:
        """Take the table as it is now; False, and nothing is taken, where it did not just grow."""
        if not source.startswith(self._source):
            return False
        del self._lines[-1:]
        fresh = source[self._begin_of_last :].rstrip("\n").split("\n")
        self._lines += fresh
        self._begin_of_last += sum(len(line) + 1 for line in fresh[:-1])
        self._source = source[: self._begin_of_last + len(fresh[-1])]
        most = max(fresh, key=_bars)
        if _bars(most) > self._bars:  # a row may have more cells than the head: they are shown
            self._bars = _bars(most)
            self.columns = max(self.columns, len(cells_of(most)), len(self.row(0)))
        return True

    @property
    def rows(self) -> int:
        """How many there are, with the head."""
        return max(len(self._lines) - 1, 1)

    def row(self, number: int) -> list[str]:
        """The Markdown of each cell; row 0 is the head."""
        return cells_of(self._lines[number + 1 if number else 0])

    def align(self, column: int) -> Qt.AlignmentFlag:
        """At which side the words of a column stand."""
        return self._aligns[column] if column < len(self._aligns) else Qt.AlignmentFlag.AlignLeft


def is_long(source: str) -> bool:
    """Whether a table has about more than ``SMALL`` cells."""
    return source.count("|") - source.count("\n") > SMALL


def _bars(line: str) -> int:
    return line.count("|")


def write_table(
    cursor: QTextCursor, source: TableSource, text_style: TextStyle, references: Mapping[str, Any]
) -> None:
    """Insert a small table with all its cells."""
    table = cursor.insertTable(source.rows, source.columns, _table_format(text_style))
    for number in range(source.rows):
        for column, content in enumerate(source.row(number)):
            inside = _cell(table, number, column, source.align(column), text_style)
            words = text_style.words
            if number == 0:
                words = QTextCharFormat(words)
                words.setFontWeight(QFont.Weight.Bold)
            write_words(inside, content, words, text_style, references)


def _cell(
    table: QTextTable, row: int, column: int, align: Qt.AlignmentFlag, text_style: TextStyle
) -> QTextCursor:
    """Where the words of a cell go."""
    cell = table.cellAt(row, column)
    if row == 0:
        shade = cell.format()
        shade.setBackground(text_style.color("code"))
        cell.setFormat(shade)
    cursor = cell.firstCursorPosition()
    form = text_style.lines()
    form.setAlignment(align)
    cursor.setBlockFormat(form)
    return cursor


def _table_format(text_style: TextStyle) -> QTextTableFormat:
    made = QTextTableFormat()
    made.setBorder(1)
    made.setBorderBrush(text_style.color("line"))
    made.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
    made.setBorderCollapse(True)
    made.setCellPadding(7)
    made.setHeaderRowCount(1)
    made.setWidth(QTextLength(QTextLength.Type.VariableLength, 0))
    return made


def _align(mark: str) -> Qt.AlignmentFlag:
    if mark.endswith(":"):
        both = mark.startswith(":")
        return Qt.AlignmentFlag.AlignHCenter if both else Qt.AlignmentFlag.AlignRight
    return Qt.AlignmentFlag.AlignLeft
