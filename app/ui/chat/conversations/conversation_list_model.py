"""The conversations as rows for a list: in sections, or what a search found."""

from collections.abc import Callable, Collection, Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from app.messages.translate import tr
from app.store.records import Conversation, Found

from .conversation_sections import Heading, Row, section_rows

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()


class Role(IntEnum):
    """What a row tells beyond Qt's own roles."""

    CONVERSATION = Qt.ItemDataRole.UserRole + 1
    EXCERPT = Qt.ItemDataRole.UserRole + 2
    HEADING = Qt.ItemDataRole.UserRole + 3
    WRITING = Qt.ItemDataRole.UserRole + 4


class ConversationListModel(QAbstractListModel):
    """Rows are headings and conversations; ``renamed`` carries an id and a title.

    ``shown`` after other rows were put in; those that are the same as before stay as they are, with
    what is chosen of them.
    """

    renamed = Signal(str, str)
    shown = Signal()

    def __init__(self, is_writing: Callable[[str], bool]) -> None:
        super().__init__()
        self._rows: list[Row] = []
        self._places: dict[str, int] = {}
        self._is_writing = is_writing

    def show_all(self, conversations: Sequence[Conversation], folded: Collection[str] = ()) -> None:
        """Show these under their headings; they come in order."""
        self._replace(section_rows(conversations, folded))

    def show_found(self, found: Sequence[Found]) -> None:
        """Show what a search found."""
        self._replace(list(found))

    def take_out(self, conversation: str) -> None:
        """A conversation is being deleted: it goes at once, so that nobody deletes it twice."""
        at = self.index_of(conversation).row()
        if at >= 0:
            self.beginRemoveRows(_NOWHERE, at, at)
            del self._rows[at]
            self._note_places()
            self.endRemoveRows()

    def note_writing(self) -> None:
        """A reply has begun or ended somewhere."""
        if self._rows:
            last = self.index(len(self._rows) - 1)
            self.dataChanged.emit(self.index(0), last, [Role.WRITING])

    def conversation(self, index: Index) -> Conversation | None:
        """The conversation in a row; None for a heading."""
        found = self.found(index)
        return found.conversation if found else None

    def found(self, index: Index) -> Found | None:
        """What a search found in a row; None for a heading."""
        row = self._rows[index.row()] if index.isValid() else None
        return row if isinstance(row, Found) else None

    def heading(self, index: Index) -> Heading | None:
        """The heading in a row; None for a conversation."""
        row = self._rows[index.row()] if index.isValid() else None
        return row if isinstance(row, Heading) else None

    def index_of(self, conversation: str) -> QModelIndex:
        """The row of a conversation; an invalid index if it is not shown."""
        at = self._places.get(conversation, -1)
        return self.index(at) if at >= 0 else QModelIndex()

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 (Qt's name)
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._rows[index.row()]
        if isinstance(row, Heading):
            return self._of_heading(row, role)
        one = row.conversation
        if role in (Role.HEADING, Role.EXCERPT):  # asked of every row when the list is laid out
            return row.excerpt if role == Role.EXCERPT else None
        if role == Qt.ItemDataRole.DisplayRole and one.damaged:
            return tr("{} (damaged)").format(one.title or tr("Untitled"))
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return one.title or tr("Untitled")
        answers: dict[int, Any] = {
            Role.CONVERSATION: one,
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
        heading = self.heading(index)
        if heading is not None:
            return Qt.ItemFlag.ItemIsEnabled if heading.folds else Qt.ItemFlag.NoItemFlags
        usual = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return usual | Qt.ItemFlag.ItemIsEditable

    def _of_heading(self, heading: Heading, role: int) -> Any:
        if role == Qt.ItemDataRole.AccessibleTextRole and heading.folds:
            words = tr("{}, {} folded away") if heading.folded else tr("{}, {} below")
            return words.format(heading.title, heading.count)
        if role == Role.HEADING:
            return heading
        return heading.title if role == Qt.ItemDataRole.DisplayRole else None

    def _replace(self, rows: list[Row]) -> None:
        """Put in what is different, between what is the same at the beginning and at the end."""
        before = self._rows
        most = min(len(before), len(rows))
        same = next((n for n in range(most) if before[n] != rows[n]), most)
        most -= same
        behind = next((n for n in range(most) if before[-1 - n] != rows[-1 - n]), most)
        gone, new = len(before) - same - behind, len(rows) - same - behind
        if gone:
            self.beginRemoveRows(_NOWHERE, same, same + gone - 1)
            self._rows = before[:same] + before[same + gone :]
            self._note_places()
            self.endRemoveRows()
        if new:
            self.beginInsertRows(_NOWHERE, same, same + new - 1)
            self._rows = rows
            self._note_places()
            self.endInsertRows()
        self.shown.emit()

    def _note_places(self) -> None:
        self._places = {
            row.conversation.id: at for at, row in enumerate(self._rows) if isinstance(row, Found)
        }
