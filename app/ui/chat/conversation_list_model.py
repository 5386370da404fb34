"""The conversations as rows for a list: pinned, today, earlier, or what a search found."""

import datetime
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from app.messages.translate import tr
from app.store.records import Conversation, Found

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()


class Role(IntEnum):
    """What a row tells beyond Qt's own roles."""

    CONVERSATION = Qt.ItemDataRole.UserRole + 1
    EXCERPT = Qt.ItemDataRole.UserRole + 2
    HEADING = Qt.ItemDataRole.UserRole + 3
    WRITING = Qt.ItemDataRole.UserRole + 4


class ConversationListModel(QAbstractListModel):
    """Rows are headings (a string) and conversations; ``renamed`` carries an id and a title."""

    renamed = Signal(str, str)

    def __init__(self, is_writing: Callable[[str], bool]) -> None:
        super().__init__()
        self._rows: list[str | Found] = []
        self._is_writing = is_writing

    def show_all(self, conversations: Sequence[Conversation]) -> None:
        """Show these under their headings; they come in order."""
        rows: list[str | Found] = []
        for one in conversations:
            heading = self._heading(one)
            if heading not in rows:
                rows.append(heading)
            rows.append(Found(conversation=one, excerpt=""))
        self._reset(rows)

    def show_found(self, found: Sequence[Found]) -> None:
        """Show what a search found."""
        self._reset(list(found))

    def take_out(self, conversation: str) -> None:
        """A conversation is being deleted: it goes at once, so that nobody deletes it twice."""
        at = self.index_of(conversation).row()
        if at >= 0:
            self.beginRemoveRows(_NOWHERE, at, at)
            del self._rows[at]
            self.endRemoveRows()

    def note_writing(self) -> None:
        """A reply has begun or ended somewhere."""
        if self._rows:
            last = self.index(len(self._rows) - 1)
            self.dataChanged.emit(self.index(0), last, [Role.WRITING])

    def conversation(self, index: Index) -> Conversation | None:
        """The conversation in a row; None for a heading."""
        row = self._rows[index.row()] if index.isValid() else ""
        return row.conversation if isinstance(row, Found) else None

    def found(self, index: Index) -> Found | None:
        """What a search found in a row; None for a heading."""
        row = self._rows[index.row()] if index.isValid() else ""
        return row if isinstance(row, Found) else None

    def index_of(self, conversation: str) -> QModelIndex:
        """The row of a conversation; an invalid index if it is not shown."""
        for number, row in enumerate(self._rows):
            if isinstance(row, Found) and row.conversation.id == conversation:
                return self.index(number)
        return QModelIndex()

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 (Qt's name)
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._rows[index.row()]
        if isinstance(row, str):
            return row if role in (Qt.ItemDataRole.DisplayRole, Role.HEADING) else None
        one = row.conversation
        if role == Qt.ItemDataRole.DisplayRole and one.damaged:
            return tr("{} (damaged)").format(one.title or tr("Untitled"))
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return one.title or tr("Untitled")
        answers: dict[int, Any] = {
            Role.CONVERSATION: one,
            Role.EXCERPT: row.excerpt,
            Role.HEADING: None,
            Role.WRITING: self._is_writing(one.id),
            Qt.ItemDataRole.ToolTipRole: one.title,
        }
        return answers.get(role)

    def setData(  # noqa: N802 (Qt's name)
        self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole
    ) -> bool:
        one = self.conversation(index)
        title = str(value).strip()
        if one is None or role != Qt.ItemDataRole.EditRole or not title:
            return False
        self.renamed.emit(one.id, title)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        if self.conversation(index) is None:
            return Qt.ItemFlag.NoItemFlags
        usual = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return usual | Qt.ItemFlag.ItemIsEditable

    def _reset(self, rows: list[str | Found]) -> None:
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def _heading(self, one: Conversation) -> str:
        if one.pinned:
            return tr("Pinned")
        days = (datetime.date.today() - datetime.date.fromtimestamp(one.updated)).days
        if days <= 0:
            return tr("Today")
        if days == 1:
            return tr("Yesterday")
        return tr("This week") if days < 7 else tr("Earlier")
