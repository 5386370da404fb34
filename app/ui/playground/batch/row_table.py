"""The rows of a batch as a table, of which only those in sight are read."""

from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QApplication, QHeaderView, QTableView

from app.messages.translate import tr
from app.messages.units import whole
from app.ui.look.icons import icon
from app.ui.look.theme import Theme
from app.ui.state.batch.batch import Batch
from app.ui.state.batch.batch_rows import RowState, ShownRow
from app.ui.state.batch.batch_words import end_in_words

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
_ROW, _INPUT, _OUTPUT, _END = range(4)
_MOST_KEPT = 400  # rows that were read from the file
_EXCERPT = 300
_PICTURES = {
    RowState.WRITING: ("edit", "text-dim"),
    RowState.DONE: ("check", "good"),
    RowState.FAILED: ("alert", "bad"),
}


class RowTableModel(QAbstractTableModel):
    """Rows of one batch; what was read once is kept as long as it stays."""

    def __init__(self) -> None:
        super().__init__()
        self._batch: Batch | None = None
        self._count = 0
        self._read: dict[int, ShownRow] = {}

    def show_batch(self, batch: Batch | None) -> None:
        """Show another one, or anew how it stands."""
        count = batch.row_count if batch else 0
        if batch is not self._batch or not count:
            self.beginResetModel()
            self._batch, self._count = batch, count
            self._read.clear()
            self.endResetModel()
            return
        stored = batch.stored_count if batch else 0
        self._read = {
            at: row for at, row in self._read.items() if at < stored and row.state is RowState.DONE
        }
        if count < self._count:
            self.beginRemoveRows(_NOWHERE, count, self._count - 1)
            self._count = count
            self.endRemoveRows()
        elif count > self._count:
            self.beginInsertRows(_NOWHERE, self._count, count - 1)
            self._count = count
            self.endInsertRows()
        if count:
            self.dataChanged.emit(self.index(0, 0), self.index(count - 1, _END))

    def row(self, at: int) -> ShownRow:
        """One of them."""
        if at not in self._read and self._batch is not None and at < self._batch.row_count:
            if len(self._read) >= _MOST_KEPT:
                self._read.clear()
            self._read[at] = self._batch.row(at)
        return self._read.get(at, ShownRow(at + 1, ""))

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 (Qt's name)
        return 0 if parent.isValid() else self._count

    def columnCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 (Qt's name)
        return 0 if parent.isValid() else _END + 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.row(index.row()), index.column()
        if role == Qt.ItemDataRole.DecorationRole and column == _END:
            return icon(*_PICTURES[row.state], 14)
        if role == Qt.ItemDataRole.TextAlignmentRole and column == _ROW:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole and column == _END:
            return end_in_words(row) if row.state is RowState.FAILED else None
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return None
        return (whole(row.number), _line(row.input), _line(row.text), end_in_words(row))[column]

    def headerData(  # noqa: N802 (Qt's name)
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole and section == _ROW:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return (tr("Row"), tr("Input"), tr("Output"), tr("State"))[section]


class RowTable(QTableView):
    """``row_chosen`` carries the row that the person is on; it follows the end until then."""

    row_chosen = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.rows = RowTableModel()
        self.setModel(self.rows)
        self.setAccessibleName(tr("Rows of the batch"))
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        for corner in self.findChildren(QAbstractButton):
            corner.setAccessibleName(tr("Select all rows"))
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column in (_INPUT, _OUTPUT):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        for column in (_ROW, _END):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
        self.selectionModel().currentRowChanged.connect(self._note)
        theme.changed.connect(self._fit)
        self._fit()

    def show_batch(self, batch: Batch | None) -> None:
        """Show how it stands; whoever looks at the end goes on doing so."""
        bar = self.verticalScrollBar()
        at_end = bar.value() >= bar.maximum()
        before = self.rows.rowCount()
        self.rows.show_batch(batch)
        if at_end and self.rows.rowCount() != before and not self.currentIndex().isValid():
            self.scrollToBottom()
        if self.currentIndex().isValid():
            self._note()
        elif not self.rows.rowCount() or self.rows.rowCount() < before:
            self.row_chosen.emit(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.matches(QKeySequence.StandardKey.Copy) and self.currentIndex().isValid():
            row = self.rows.row(self.currentIndex().row())
            QApplication.clipboard().setText(row.text)
        else:
            super().keyPressEvent(event)

    def _note(self, *_: object) -> None:
        index = self.currentIndex()
        self.row_chosen.emit(self.rows.row(index.row()) if index.isValid() else None)

    def _fit(self) -> None:
        letters = QFontMetricsF(self._theme.font())
        self.verticalHeader().setDefaultSectionSize(self._theme.line_px() + 12)
        self.setColumnWidth(_ROW, round(letters.horizontalAdvance("88,888")) + 14)
        self.setColumnWidth(_END, round(letters.averageCharWidth() * 15) + 24)


def _line(words: str) -> str:
    """As much as a table shows, in one line."""
    return " ".join(words[:_EXCERPT].split())
