"""The conversations in the trash as rows for a list: since when, how much, how long still."""

import datetime
import math
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QDate,
    QLocale,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
)

from app.messages.translate import tr, tr_n
from app.store.records import Trashed
from app.store.trash import DAY_S

from .conversation_list_model import Role

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()


class TrashListModel(QAbstractListModel):
    """Rows come in the order given: the latest first."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[Trashed, ...] = ()

    def show_all(self, rows: Sequence[Trashed]) -> None:
        """Show these."""
        self.beginResetModel()
        self._rows = tuple(rows)
        self.endResetModel()

    @property
    def rows(self) -> tuple[Trashed, ...]:
        """What is shown."""
        return self._rows

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 (Qt's name)
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.conversation.title or tr("Untitled")
        if role == Role.EXCERPT:
            return " · ".join((self._since(row), self._size(row), self._left(row)))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.data(index)}, {self.data(index, Role.EXCERPT)}"
        return None

    def _since(self, row: Trashed) -> str:
        day = datetime.date.fromtimestamp(row.since)
        days = (datetime.date.today() - day).days
        if days in (0, 1):
            return tr("Deleted yesterday") if days else tr("Deleted today")
        if 0 < days < 7:
            return tr_n("Deleted {} day ago", "Deleted {} days ago", days).format(days)
        date = QDate(day.year, day.month, day.day)
        shown = QLocale().toString(date, QLocale.FormatType.ShortFormat)
        return tr("Deleted on {}").format(shown)

    def _size(self, row: Trashed) -> str:
        return tr_n("{} message", "{} messages", row.messages).format(row.messages)

    def _left(self, row: Trashed) -> str:
        days = math.ceil(row.left_s / DAY_S)
        if days <= 1:
            return tr("its last day here")
        return tr_n("{} day left", "{} days left", days).format(days)
