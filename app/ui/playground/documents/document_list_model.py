"""Documents as rows for a list: all of them, what a search found, or what lies in the trash."""

import datetime
import math
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QDate,
    QDateTime,
    QLocale,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from app.messages.translate import tr, tr_n
from app.store.documents.document_records import Document, FoundDocument, TrashedDocument
from app.store.trash import DAY_S

Index = QModelIndex | QPersistentModelIndex
Row = Document | FoundDocument | TrashedDocument
_NOWHERE = QModelIndex()


class DocumentRole(IntEnum):
    """What a row tells beyond Qt's own roles."""

    DOCUMENT = Qt.ItemDataRole.UserRole + 1
    BELOW = Qt.ItemDataRole.UserRole + 2


class DocumentListModel(QAbstractListModel):
    """``renamed`` carries an id and a title."""

    renamed = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[FoundDocument | TrashedDocument] = []

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show these, in the order in which they come."""
        self.beginResetModel()
        self._rows = [
            FoundDocument(document=one) if isinstance(one, Document) else one for one in rows
        ]
        self.endResetModel()

    def take_out(self, document: str) -> None:
        """A document is being deleted: it goes at once, so that nobody deletes it twice."""
        at = self.index_of(document).row()
        if at >= 0:
            self.beginRemoveRows(_NOWHERE, at, at)
            del self._rows[at]
            self.endRemoveRows()

    @property
    def documents(self) -> list[Document]:
        """All that is shown."""
        return [row.document for row in self._rows]

    def document(self, index: Index) -> Document | None:
        """The document in a row."""
        return self._rows[index.row()].document if index.isValid() else None

    def is_trashed(self, index: Index) -> bool:
        """Whether it lies in the trash."""
        return index.isValid() and isinstance(self._rows[index.row()], TrashedDocument)

    def index_of(self, document: str) -> QModelIndex:
        """The row of a document; an invalid index if it is not shown."""
        for number, row in enumerate(self._rows):
            if row.document.id == document:
                return self.index(number)
        return QModelIndex()

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 (Qt's name)
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._rows[index.row()]
        title = row.document.title or tr("Untitled")
        if role == Qt.ItemDataRole.DisplayRole and row.document.damaged:
            return tr("{} (damaged)").format(title)
        answers: dict[int, Any] = {
            Qt.ItemDataRole.DisplayRole: title,
            Qt.ItemDataRole.EditRole: title,
            Qt.ItemDataRole.ToolTipRole: _hint(row, title),
            DocumentRole.DOCUMENT: row.document,
        }
        if role == DocumentRole.BELOW:
            return _below(row)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{title}, {_below(row)}"
        return answers.get(role)

    def setData(  # noqa: N802 (Qt's name)
        self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole
    ) -> bool:
        one, title = self.document(index), str(value).strip()
        if one is None or role != Qt.ItemDataRole.EditRole or not title:
            return False
        self.renamed.emit(one.id, title)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        usual = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return usual if self.is_trashed(index) else usual | Qt.ItemFlag.ItemIsEditable


def _hint(row: FoundDocument | TrashedDocument, title: str) -> str:
    return tr("Bring “{}” back").format(title) if isinstance(row, TrashedDocument) else title


def _below(row: FoundDocument | TrashedDocument) -> str:
    """The second line of a row."""
    if isinstance(row, TrashedDocument):
        days = max(math.ceil(row.left_s / DAY_S), 1)
        left = tr_n("{} day left", "{} days left", days).format(days)
        return tr("Deleted {}").format(_when(row.since)) + f" · {left}"
    return row.excerpt or _when(row.document.updated)


def _when(seconds: float) -> str:
    """The time of today, else the date."""
    day = datetime.date.fromtimestamp(seconds)
    short = QLocale.FormatType.ShortFormat
    if day == datetime.date.today():
        return QLocale().toString(QDateTime.fromSecsSinceEpoch(int(seconds)).time(), short)
    return QLocale().toString(QDate(day.year, day.month, day.day), short)
