"""Named states as rows of a list: what is being read first, then all of them, or the trash."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt

from app.library.states.state_records import NamedState, Unfinished
from app.messages.translate import tr
from app.messages.units import whole

Index = QModelIndex | QPersistentModelIndex
Row = NamedState | Unfinished
_NOWHERE = QModelIndex()


class StateRole(IntEnum):
    """What a row tells beyond Qt's own roles."""

    BELOW = Qt.ItemDataRole.UserRole + 1
    DIM = Qt.ItemDataRole.UserRole + 2
    SHARE = Qt.ItemDataRole.UserRole + 3


class StateListModel(QAbstractListModel):
    """``lines`` are the second lines by id, ``dim`` the ids of those that are of no use now."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[Row, ...] = ()
        self._lines: dict[str, str] = {}
        self._share: tuple[str, float] = ("", 1.0)
        self.dim: frozenset[str] = frozenset()

    def show_rows(self, rows: Sequence[Row], lines: dict[str, str], dim: frozenset[str]) -> None:
        """Show these; where only what they say has changed, the rows stay."""
        same = [one.id for one in rows] == [one.id for one in self.rows]
        if not same:
            self.beginResetModel()
        self.rows, self._lines, self.dim = tuple(rows), lines, dim
        if not same:
            self.endResetModel()
        elif rows:
            self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))

    def show_share(self, ident: str, share: float) -> None:
        """What part of the text that is read now is read, 0 to 1; seen with the next rows."""
        self._share = ident, share

    def row(self, index: Index) -> Row | None:
        """What stands in a row."""
        return self.rows[index.row()] if index.isValid() else None

    def index_of(self, ident: str) -> QModelIndex:
        """Its row; an invalid index if it is not shown."""
        places = (place for place, row in enumerate(self.rows) if row.id == ident)
        place = next(places, None)
        return QModelIndex() if place is None else self.index(place)

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 (Qt's name)
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.rows[index.row()]
        below = self._lines.get(row.id, "")
        name = name_of(row)
        answers: dict[int, Any] = {
            Qt.ItemDataRole.DisplayRole: name,
            Qt.ItemDataRole.ToolTipRole: f"{name}\n{below}",
            Qt.ItemDataRole.AccessibleTextRole: f"{name}, {below}",
            StateRole.BELOW: below,
            StateRole.DIM: row.id in self.dim,
            StateRole.SHARE: self._share[1] if row.id == self._share[0] else share_of(row),
        }
        return answers.get(role)


def name_of(row: Row) -> str:
    """What a state is called, also one that is not finished."""
    name = row.name if isinstance(row, NamedState) else row.job.note.name
    return name or tr("Untitled")


def share_of(row: Row) -> float:
    """What part of its text was read, 0 to 1; 1 for a state that is whole."""
    if isinstance(row, NamedState) or not row.job.tokens:
        return 1.0
    return row.done / row.job.tokens


def amount_of(row: Unfinished) -> str:
    """``4,096 of 20,000 tokens``."""
    return tr("{} of {} tokens").format(whole(row.done), whole(row.job.tokens))
