"""The library as rows for a view, and the same rows searched and filtered; draws nothing."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)

from app.ui.amounts import size

from .entry import Entry
from .fit import Fit

Index = QModelIndex | QPersistentModelIndex
ENTRY = int(Qt.ItemDataRole.UserRole) + 1
FIT = int(Qt.ItemDataRole.UserRole) + 2
OPEN = int(Qt.ItemDataRole.UserRole) + 3
_ROOT = QModelIndex()


class Rows(QAbstractListModel):
    """One row an entry; ``fit`` says how an entry fits this machine now."""

    def __init__(self, fit: Callable[[Entry], Fit], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._fit = fit
        self._entries: Sequence[Entry] = ()
        self._open: Path | None = None

    def rowCount(self, parent: Index = _ROOT) -> int:  # noqa: N802 (Qt's name)
        return 0 if parent.isValid() else len(self._entries)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        if not index.isValid():
            return None
        entry = self._entries[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return entry.title
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._spoken(entry)
            case Qt.ItemDataRole.ToolTipRole:
                return entry.reason or str(entry.path)
        if role == ENTRY:
            return entry
        if role == FIT:
            return self._fit(entry) if entry.usable else None
        if role == OPEN:
            return entry.path == self._open
        return None

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """Show these in place of what is there; unchanged ones leave the selection alone."""
        if tuple(entries) == tuple(self._entries):
            self.refresh()
            return
        self.beginResetModel()
        self._entries = entries
        self.endResetModel()

    def mark_open(self, path: Path | None) -> None:
        """Show which model is open."""
        if path != self._open:
            self._open = path
            self.refresh()

    def refresh(self) -> None:
        """Draw every row anew: the memory that is free has changed."""
        if self._entries:
            self.dataChanged.emit(self.index(0), self.index(len(self._entries) - 1))

    def _spoken(self, entry: Entry) -> str:
        if not entry.usable:
            return f"{entry.title}, {entry.reason}"
        parts: tuple[str, ...] = (entry.title, f"RWKV-{entry.generation}", size(entry.file.bytes))
        if entry.path == self._open:
            parts = (*parts, self.tr("open"))
        return ", ".join((*parts, self._fit(entry).word))


class Found(QSortFilterProxyModel):
    """The rows that hold the words searched for and belong to the chosen kind."""

    def __init__(self, rows: Rows, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words: tuple[str, ...] = ()
        self._kind = ""
        self.setSourceModel(rows)

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out."""
        return bool(self._words or self._kind)

    def search(self, text: str) -> None:
        """Keep the rows whose name, file or generation hold every word of ``text``."""
        self._words = tuple(text.casefold().split())
        self.invalidate()

    def choose(self, kind: str) -> None:
        """Keep one kind: "fits", a generation's first digit, "unusable", or "" for all."""
        self._kind = kind
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:  # noqa: N802 (Qt's name)
        index = self.sourceModel().index(row, 0, parent)
        entry: Entry = index.data(ENTRY)
        text = f"{entry.title} {entry.path.name} rwkv-{entry.generation}".casefold()
        return all(word in text for word in self._words) and self._of_kind(entry, index)

    def _of_kind(self, entry: Entry, index: QModelIndex) -> bool:
        match self._kind:
            case "":
                return True
            case "fits":
                return entry.usable and bool(index.data(FIT).good)
            case "unusable":
                return not entry.usable
        return entry.generation.startswith(self._kind)
