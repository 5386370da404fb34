"""A table of very many cells, of which only those in sight are read, measured and painted."""

from functools import lru_cache
from html import escape
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QSize,
    Qt,
    QTimer,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QWheelEvent,
)
from PySide6.QtWidgets import QHeaderView, QMenu, QTableView, QWidget

from app.messages.translate import tr
from app.ui.look.icons import icon
from app.ui.look.text_style import TextStyle
from app.ui.markdown.blocks import Block
from app.ui.markdown.tables import TableSource
from app.ui.markdown.words import words_of
from app.ui.widgets.link_dialog import offer_address
from app.ui.widgets.web_address import hover_text

HIGHEST = 420
"""It is no higher than so many pixels, and scrolls inside."""

_SAMPLE, _NARROWEST, _WIDEST = 60, 56, 340
_AROUND_X, _AROUND_Y, _EDGE = 22, 12, 2
_SAID = 600
_ROLE = Qt.ItemDataRole
Index = QModelIndex | QPersistentModelIndex


class LongTable(QTableView):
    """Shows a table that may still grow; takes the wheel only while it has the keyboard."""

    def __init__(self, block: Block, text_style: TextStyle, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cells = _Cells(block, text_style, self)
        self.setModel(self._cells)
        self.setAccessibleName(tr("Table"))
        self.setFont(text_style.font)
        self.setProperty("grid", "true")
        self.setShowGrid(True)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(self.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(self.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setMinimumSectionSize(1)
        metrics = QFontMetrics(text_style.font)
        self._row_px = metrics.height() + _AROUND_Y
        self.verticalHeader().setDefaultSectionSize(self._row_px)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setStretchLastSection(True)
        self._metrics, self._wide_px = metrics, 0
        self._widths: list[int] = []
        self._size_columns()

    def show_block(self, block: Block) -> None:
        """Show the table as it is now; rows that were there are not looked at again."""
        rows, columns = self._cells.rows, self._cells.columnCount()
        self._cells.take(block)
        if columns != self._cells.columnCount():
            self._size_columns()
        elif rows < _SAMPLE and rows != self._cells.rows:
            self._size_columns(rows - 1)  # the last row may have been cut short
        self.updateGeometry()

    def heightForWidth(self, width: int) -> int:  # noqa: N802 (Qt's name)
        wide = self._wide_px > width
        bar = self.horizontalScrollBar().sizeHint().height() if wide else 0
        head = self.horizontalHeader().sizeHint().height()
        whole = head + self._cells.rowCount() * self._row_px + bar + _EDGE
        return min(whole, HIGHEST)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return QSize(self._wide_px, self.heightForWidth(self._wide_px))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return QSize(40, 40)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 (Qt's name)
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._offer(self.visualRect(self.currentIndex()).bottomLeft(), self.currentIndex())
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802 (Qt's name)
        menu = QMenu(self)
        copy = menu.addAction(icon("copy", "text-dim"), tr("Copy"), self.copy)
        copy.setEnabled(self.selectionModel().hasSelection())
        menu.addAction(tr("Select the whole table"), self.selectAll)
        at = self.viewport().mapFromGlobal(event.globalPos())
        index = self.indexAt(at)
        if self._cells.address(index):
            # after this menu has closed: two are never open at once
            later = tr("Show where the link leads")
            menu.addAction(
                later, lambda: QTimer.singleShot(0, self, lambda: self._offer(at, index))
            )
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(event.globalPos())

    def show_cell(self, row: int, column: int) -> None:
        """Choose a cell and bring it into sight; row 0 is the head."""
        index = self._cells.index(max(row - 1, 0), column)
        self.setCurrentIndex(index)
        self.scrollTo(index)

    def copy(self) -> None:
        """What is chosen, on the clipboard: a line for each row, tabs between cells."""
        spans: dict[int, list[tuple[int, int]]] = {}
        chosen = self.selectionModel().selection()
        for part in (chosen.at(number) for number in range(chosen.count())):
            for row in range(part.top(), part.bottom() + 1):
                spans.setdefault(row, []).append((part.left(), part.right() + 1))
        lines = []
        for row in sorted(spans):
            words = self._cells.words(row + 1)
            lines.append("\t".join(one for a, b in sorted(spans[row]) for one in words[a:b]))
        if lines:
            QGuiApplication.clipboard().setText("\n".join(lines))

    def _offer(self, at: QPoint, index: Index) -> None:
        if address := self._cells.address(index):
            offer_address(address, self, self.viewport().mapToGlobal(at))

    def _size_columns(self, first: int = 0) -> None:
        """From the head and the first rows: to measure all of them would take seconds.

        ``first`` is the first row that was not measured yet, or has changed.
        """
        columns = self._cells.columnCount()
        rows = [self._cells.words(at) for at in range(first, min(self._cells.rows, _SAMPLE))]
        measured = min(columns, _SAMPLE)
        self.horizontalHeader().setDefaultSectionSize(2 * _NARROWEST)
        self._widths += [_NARROWEST] * (measured - len(self._widths))
        for column in range(measured):
            words = [row[column][:80] for row in rows if column < len(row)]
            widest = max((self._metrics.horizontalAdvance(one) for one in words), default=0)
            width = max(min(widest + _AROUND_X, _WIDEST), self._widths[column])
            if width != self._widths[column] or first == 0:
                self._widths[column] = width
                self.setColumnWidth(column, width)
        self._wide_px = sum(self._widths) + (columns - measured) * 2 * _NARROWEST + _EDGE


class _Cells(QAbstractTableModel):
    """The rows below the head; the words of a row are made when it comes in sight."""

    def __init__(self, block: Block, text_style: TextStyle, parent: QWidget) -> None:
        super().__init__(parent)
        self._source, self._references = TableSource(block.source), block.references
        self._text_style = text_style
        self._rows, self._columns = self._source.rows - 1, self._source.columns
        self._read = lru_cache(maxsize=512)(self._read_row)

    @property
    def rows(self) -> int:
        """How many there are, with the head."""
        return self._source.rows

    def take(self, block: Block) -> None:
        """The table has grown, or is another."""
        last = self._rows
        self._references = block.references
        self._read.cache_clear()
        if not self._source.grow(block.source) or self._source.columns != self._columns:
            self.beginResetModel()
            self._source = TableSource(block.source)
            self._rows, self._columns = self._source.rows - 1, self._source.columns
            self.endResetModel()
            return
        if self._source.rows - 1 > last:
            self.beginInsertRows(QModelIndex(), last, self._source.rows - 2)
            self._rows = self._source.rows - 1
            self.endInsertRows()
        if last:
            self.dataChanged.emit(self.index(last - 1, 0), self.index(last - 1, self._columns - 1))

    def words(self, number: int) -> list[str]:
        """What the cells of a row say; row 0 is the head."""
        return [said for said, _ in self._read(number)]

    def address(self, index: Index) -> str:
        """The link in a cell, or ""."""
        return self._cell(index.row() + 1, index.column())[1] if index.isValid() else ""

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 (Qt's)
        return 0 if parent.isValid() else self._rows

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 (Qt's)
        return 0 if parent.isValid() else self._columns

    def data(self, index: Index, role: int = _ROLE.DisplayRole) -> Any:
        if role == _ROLE.TextAlignmentRole:
            return self._source.align(index.column()) | Qt.AlignmentFlag.AlignVCenter
        words, address = self._cell(index.row() + 1, index.column())
        if role == _ROLE.DisplayRole:
            return words
        if role == _ROLE.ToolTipRole:
            plain = words[:_SAID] + ("\n" + hover_text(address) if address else "")
            return f"<p style='white-space: pre-wrap'>{escape(plain)}</p>"
        if role == _ROLE.ForegroundRole and address:
            return self._text_style.color("accent")
        return None

    def headerData(  # noqa: N802 (Qt's name)
        self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole
    ) -> Any:
        if role == _ROLE.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return self._cell(0, section)[0]
        return None

    def _cell(self, row: int, column: int) -> tuple[str, str]:
        cells = self._read(row)
        return cells[column] if column < len(cells) else ("", "")

    def _read_row(self, number: int) -> list[tuple[str, str]]:
        return [words_of(cell, self._references) for cell in self._source.row(number)]


def text_of_table(block: Block) -> str:
    """All of a table for the clipboard: a line for each row, tabs between cells."""
    source = TableSource(block.source)
    return "\n".join(
        "\t".join(words_of(cell, block.references)[0] for cell in source.row(number))
        for number in range(source.rows)
    )
