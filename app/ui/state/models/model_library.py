"""The models on this machine, as state and a signal: folders, single files, the embedded guide."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal

from app.hub.catalogue.disk_fit import free_below
from app.library.local_library import Contents, LocalLibrary
from app.runtime.checkpoint.describe import ModelFile
from app.ui.state.tasks import Tasks

from .entry import Entry, dressed

if TYPE_CHECKING:
    from app.store.settings import Settings


class Library(QObject):
    """``entries`` are what the last look found; ``changed`` when they or ``scanning`` differ.

    Folders and files that the person chose live in the settings; ``usual_folder``, where downloads
    go, is searched too, and ``guide`` is always there.  Reading happens in threads; what changes
    on the disk is noticed after a while.  ``disk`` is that folder with the bytes that are free
    there, None where nobody tells.
    """

    changed = Signal()
    folders_changed = Signal()
    _told = Signal()

    def __init__(
        self,
        settings: "Settings",
        tasks: Tasks,
        usual_folder: Path,
        guide: Path,
        cache_dir: Path | None = None,
        verified: Path | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings, self._tasks = settings, tasks
        self._usual, self._guide, self._cache_dir = usual_folder, guide, cache_dir
        self._verified = verified
        self.entries: tuple[Entry, ...] = ()
        self.missing: tuple[Path, ...] = ()
        self.used_bytes = 0
        self.disk: tuple[Path, int] | None = None
        self.scanned = False
        self.scanning = False
        self._again, self._scans = False, 0
        self._copies: dict[str, tuple[str, ...]] = {}
        self._owners: dict[str, tuple[ModelFile, ...]] = {}
        self._shelf: LocalLibrary | None = None
        self._told.connect(self._read, Qt.ConnectionType.QueuedConnection)

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders the person chose, in the order of choosing."""
        return tuple(map(Path, self._settings.now.folders))

    @property
    def local(self) -> LocalLibrary:
        """What reads the disk; its verbs block and belong into threads."""
        if self._shelf is None:
            told, cache, known = self._told.emit, self._cache_dir, self._verified
            self._shelf = LocalLibrary(
                *self._wanted(), on_change=told, cache_dir=cache, verified=known
            )
        return self._shelf

    def watch(self) -> None:
        """Notice from now on what changes on the disk."""
        self.local.watch()

    def close(self) -> None:
        """Look no more."""
        if self._shelf is not None:
            self._shelf.close()

    def refresh(self) -> None:
        """Look again at what is there."""
        if self.scanning:
            self._again = True
            return
        self.scanning = True
        self._scans += 1
        number = self._scans
        self.changed.emit()
        self._tasks.start(self._scan(), lambda: self._scan_ended(number))

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

    def copies_of(self, path: Path) -> tuple[str, ...]:
        """Where the same bytes lie as well."""
        return self._copies.get(str(path), ())

    def owners_of(self, thing: ModelFile) -> tuple[ModelFile, ...]:
        """The models here that a state or a LoRA can have been made for, the likeliest first."""
        return self._owners.get(thing.path, ())

    def follow(self, before: Path, now: Path) -> None:
        """A file has another place or name: what was chosen for it goes with it."""
        chosen = self._settings.now
        old, new = str(before), str(now)
        ways = dict(chosen.strategies)
        if old in ways:
            ways[new] = ways.pop(old)
        merged = dict(chosen.adapters)
        if old in merged:
            merged[new] = merged.pop(old)
        files = tuple(new if one == old else one for one in chosen.files)
        model = new if chosen.model == old else chosen.model
        self._settings.change(strategies=ways, adapters=merged, files=files, model=model)

    @property
    def _downloads(self) -> Path:
        """Where downloads go."""
        return Path(self._settings.now.download_folder or self._usual)

    def _wanted(self) -> tuple[list[Path], list[Path]]:
        """Every folder and single file that is looked at."""
        chosen = self._settings.now
        own = [Path(chosen.download_folder)] if chosen.download_folder else []
        return [*self.folders, *own, self._usual], [self._guide, *map(Path, chosen.files)]

    def _set_folders(self, folders: Iterable[Path]) -> None:
        self._settings.change(folders=tuple(dict.fromkeys(map(str, folders))))
        self.folders_changed.emit()
        self.refresh()

    def _set_files(self, files: Iterable[str]) -> None:
        self._settings.change(files=tuple(dict.fromkeys(files)))
        self.refresh()

    def _read(self) -> None:
        """Something on the disk is different."""
        if not self.scanning and not self._tasks.ended:
            self._tasks.start(self._take())

    async def _take(self) -> None:
        await self._show(await self._tasks.thread(_looked, self.local, self._downloads, scan=False))

    async def _scan(self) -> None:
        while True:
            self._again = False
            await self._tasks.thread(self.local.choose, *self._wanted())
            found = await self._tasks.thread(_looked, self.local, self._downloads, scan=True)
            if not self._again:
                break
        self.scanned = True
        self.scanning = False
        await self._show(found)

    def _scan_ended(self, number: int) -> None:
        if number == self._scans:  # the next one may have begun while this one was shown
            self.scanning = False
        self.changed.emit()

    async def _show(self, found: "_Looked") -> None:
        chosen = set(self.folders)
        gone = [Path(one.path) for one in found.contents.folders if not one.there]
        missing = tuple(folder for folder in gone if folder in chosen)
        self.used_bytes = found.used_bytes
        room, self.disk = found.disk != self.disk, found.disk
        if (found.entries, missing) == (self.entries, self.missing):
            if room:
                self.changed.emit()
            return
        self.entries, self.missing = found.entries, missing
        self._owners = found.owners
        self.changed.emit()
        self._copies = await self._tasks.thread(_copies, self.local)
        if self._copies:
            self.changed.emit()


@dataclass(frozen=True)
class _Looked:
    """What one look found."""

    contents: Contents
    entries: tuple[Entry, ...]
    owners: dict[str, tuple[ModelFile, ...]]
    used_bytes: int
    disk: tuple[Path, int] | None


def _looked(library: LocalLibrary, downloads: Path, *, scan: bool) -> _Looked:
    """What the library has now, as the page shows it; blocks."""
    contents = library.scan() if scan else library.contents
    owners = {one.path: library.belongs_to(one) for one in contents.models if one.made_for}
    entries = dressed(contents.models, library.hashes_of)
    free = free_below(downloads)
    disk = None if free is None else (downloads, free)
    return _Looked(contents, entries, owners, library.disk_use().used_bytes, disk)


def _copies(library: LocalLibrary) -> dict[str, tuple[str, ...]]:
    """Of each model that lies here more than once, the other places; blocks."""
    return {
        path: tuple(other for other in duplicates.paths if other != path)
        for duplicates in library.duplicates()
        for path in duplicates.paths
    }
