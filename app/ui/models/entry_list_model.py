"""What is shown of library and catalogue as rows for a view; draws nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.messages.translate import tr
from app.messages.units import size
from app.ui.state.models.entry import Entry
from app.ui.state.models.model_filter import ModelFilter
from app.ui.state.models.model_fits import ModelFits

if TYPE_CHECKING:
    from app.hub.downloads.download_queue import Item

Index = QModelIndex | QPersistentModelIndex
ENTRY = int(Qt.ItemDataRole.UserRole) + 1
FIT = int(Qt.ItemDataRole.UserRole) + 2
OPEN = int(Qt.ItemDataRole.UserRole) + 3
ITEM = int(Qt.ItemDataRole.UserRole) + 4
_ROOT = QModelIndex()


class EntryListModel(QAbstractListModel):
    """One row an entry; ``fitting`` says how it fits this machine now.

    ``all`` are the entries before ``narrowing``, ``shown`` those that are rows.  What is refused
    stands at the end, below a heading: a row that is no entry and cannot be chosen.
    """

    def __init__(self, fitting: ModelFits, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._fitting = fitting
        self.all: Sequence[Entry] = ()
        self.shown: Sequence[Entry] = ()
        self.narrowing = ModelFilter()
        self._places: dict[str, int] = {}
        self._heading = -1
        self._items: dict[str, Item] = {}
        self._open: Path | None = None

    def rowCount(self, parent: Index = _ROOT) -> int:  # noqa: N802 (Qt's name)
        return 0 if parent.isValid() else len(self.shown) + (self._heading >= 0)

    def flags(self, index: Index) -> Qt.ItemFlag:
        if index.row() == self._heading:
            return Qt.ItemFlag.NoItemFlags
        return super().flags(index)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        if not index.isValid() or index.row() >= self.rowCount():
            return None
        if index.row() == self._heading:
            said = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole)
            return tr("Cannot be used") if role in said else None
        entry = self.shown[index.row() - (0 <= self._heading < index.row())]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return entry.title
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._spoken(entry)
            case Qt.ItemDataRole.ToolTipRole:
                return entry.reason or (str(entry.path) if entry.path else entry.below)
        if role == ENTRY:
            return entry
        if role == FIT:
            return self._fitting.words(entry)
        if role == OPEN:
            return entry.path is not None and entry.path == self._open
        if role == ITEM:
            return self.item_of(entry)
        return None

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """Show these in place of what is there; unchanged ones leave the selection alone."""
        if tuple(entries) == tuple(self.all):
            self.refresh()
            return
        self.all = entries
        self._lay_out()

    def narrow(self, narrowing: ModelFilter) -> None:
        """Show only what was asked for, in that order."""
        if narrowing != self.narrowing:
            self.narrowing = narrowing
            self._lay_out()

    def row_of(self, key: str) -> int:
        """The row of an entry; -1 where it is not shown."""
        return self._places.get(key, -1)

    def index_of(self, key: str) -> QModelIndex:
        """The index of an entry; an invalid one where it is not shown."""
        return self.index(self.row_of(key)) if key in self._places else QModelIndex()

    def item_of(self, entry: Entry) -> "Item | None":
        """The download of an entry that is not on this disk."""
        return self._items.get(entry.offer.key) if entry.offer and not entry.here else None

    def show_items(self, items: "dict[str, Item]") -> None:
        """Show how far downloads are, by the key of their offer; draws only those rows anew."""
        before, self._items = self._items, items
        for key in before.keys() | items.keys():
            row = self.row_of(f"hub:{key}")
            if row >= 0 and before.get(key) != items.get(key):
                self.dataChanged.emit(self.index(row), self.index(row))

    def mark_open(self, path: Path | None) -> None:
        """Show which model is open."""
        if path != self._open:
            self._open = path
            self.refresh()

    def refresh(self) -> None:
        """Draw every row anew: the memory that is free has changed."""
        if self.shown:
            self.dataChanged.emit(self.index(0), self.index(self.rowCount() - 1))

    def good(self, entry: Entry) -> bool:
        """Whether it is a model that fits this machine now."""
        return self._fitting.good(entry)

    def _lay_out(self) -> None:
        shown = self.narrowing.applied(self.all, self.good)
        self.beginResetModel()
        self.shown = shown
        first = next((row for row, entry in enumerate(shown) if entry.refused), 0)
        self._heading = first if first else -1  # where nothing stands before them, none is needed
        self._places = {entry.key: row + (0 < first <= row) for row, entry in enumerate(shown)}
        self.endResetModel()

    def _spoken(self, entry: Entry) -> str:
        fit = self._fitting.words(entry)
        item = self.item_of(entry)
        parts = [
            entry.title,
            entry.reason,
            entry.note,
            f"RWKV-{entry.generation}" if entry.generation else "",
            size(entry.bytes) if entry.bytes else "",
            tr("open") if entry.path is not None and entry.path == self._open else "",
            f"{fit.word}, {fit.need}" if fit else "",
            tr("downloading") if item else "",
            tr("on this computer") if entry.usable else "",
        ]
        return ", ".join(filter(None, parts))
