"""What can be done with a file of the library: shown, checked, renamed, moved, thrown away."""

from pathlib import Path

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QInputDialog, QLineEdit, QWidget

from app.ui.services import Services

from .entry import Entry
from .facts import notes_of


class FileVerbs(QObject):
    """``told`` when a note about a file is another."""

    told = Signal()

    def __init__(self, services: Services, page: QWidget) -> None:
        super().__init__(page)
        self._services, self._page = services, page
        self._library = services.library
        self._said: dict[str, str] = {}

    def for_entry(self, entry: Entry) -> set[str]:
        """The names of what can be done with this one."""
        if entry.path is None:
            return set()
        if entry.embedded:
            return {"show"}
        single = {"forget"} if self._library.is_single(entry.path) else set()
        return {"show", "verify", "rename", "move", "delete"} | single

    def notes(self, entry: Entry) -> list[str]:
        """Sentences about this very file."""
        said = self._said.get(entry.key, "")
        return [*notes_of(entry), *([said] if said else [])]

    def act(self, verb: str, entry: Entry | None) -> None:
        """Do what is named, if it can be done with this one."""
        if entry is not None and verb in self.for_entry(entry):
            getattr(self, f"_{verb}")(entry)

    def remove(self, entry: Entry | None) -> None:
        """Off the list where it was chosen by itself, else to the trash."""
        if entry is not None and entry.path is not None:
            self.act("forget" if self._library.is_single(entry.path) else "delete", entry)

    def _show(self, entry: Entry) -> None:
        assert entry.path is not None
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(entry.path.parent)))

    def _forget(self, entry: Entry) -> None:
        path = entry.path
        assert path is not None
        self._library.remove_file(path)
        said = self.tr("{} is no longer listed; the file stays where it is.").format(entry.title)
        self._services.notices.undo(said, lambda: self._library.add_file(path))
