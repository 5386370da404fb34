"""The models on this machine, as state and a signal: folders, single files, the embedded guide."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.ui.tasks import Tasks

from .entry import Entry, entries_of

if TYPE_CHECKING:
    from app.store.settings import Settings


class Library(QObject):
    """``entries`` are what the last scan found; ``changed`` when they or ``scanning`` differ.

    Folders and files that the person chose live in the settings; ``own_folders``, where downloads
    go, are searched too, and ``guide`` is always there.  Reading happens in a thread, one scan
    at a time: a wish that comes meanwhile is granted by one more scan afterwards.
    """

    changed = Signal()
    folders_changed = Signal()

    def __init__(
        self,
        settings: "Settings",
        tasks: Tasks,
        own_folders: tuple[Path, ...],
        guide: Path,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings, self._tasks = settings, tasks
        self._own, self._guide = own_folders, guide
        self.entries: tuple[Entry, ...] = ()
        self.missing: tuple[Path, ...] = ()
        self.scanned = False
        self.scanning = False
        self._again = False

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders the person chose, in the order of choosing."""
        return tuple(map(Path, self._settings.now.folders))

    def refresh(self) -> None:
        """Look again at what is there."""
        if self.scanning:
            self._again = True
            return
        self.scanning = True
        self.changed.emit()
        self._tasks.start(self._scan())

    def add_folder(self, folder: Path) -> None:
        """Search this folder too, now and from now on."""
        self._set_folders([*self.folders, folder.absolute()])

    def remove_folder(self, folder: Path) -> None:
        """Search it no more; nothing on the disk is touched."""
        self._set_folders(one for one in self.folders if one != folder)

    def restore_folders(self, folders: Iterable[Path]) -> None:
        """Undo: search exactly these."""
        self._set_folders(folders)

    def add_file(self, file: Path) -> None:
        """Keep a model that lies in none of the folders in the list."""
        self._set_files([*self._settings.now.files, str(file.absolute())])

    def remove_file(self, file: Path) -> None:
        """Take it out of the list; the file stays on the disk."""
        self._set_files(one for one in self._settings.now.files if one != str(file))

    def is_single(self, file: Path) -> bool:
        """Whether it is listed because it was chosen by itself."""
        return str(file) in self._settings.now.files

    def _set_folders(self, folders: Iterable[Path]) -> None:
        self._settings.change(folders=tuple(dict.fromkeys(map(str, folders))))
        self.folders_changed.emit()
        self.refresh()

    def _set_files(self, files: Iterable[str]) -> None:
        self._settings.change(files=tuple(dict.fromkeys(files)))
        self.refresh()

    async def _scan(self) -> None:
        try:
            while True:
                self._again = False
                folders = self.folders
                files = (self._guide, *map(Path, self._settings.now.files))
                found = await self._tasks.thread(entries_of, (*folders, *self._own), files)
                missing = await self._tasks.thread(_missing, folders)
                if not self._again:
                    break
            self.entries, self.missing, self.scanned = found, missing, True
        finally:
            self.scanning = False
            self.changed.emit()


def _missing(folders: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(folder for folder in folders if not folder.is_dir())
