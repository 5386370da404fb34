"""The library on this disk: what lies in the chosen folders, watched, and what is done with it.

Knows no window and no settings file: folders and files are told to it.  Everything here may be
called from any thread; what reads or writes the disk blocks, and belongs into one.
"""

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from app.errors import BY_CODE, CheckpointError, LibraryError
from app.hub.catalogue.entries import Entry, bundled
from app.hub.downloads.part_file import PartFile
from app.hub.downloads.verified_files import Verified, state_of
from app.hub.safe_paths import PART
from app.hub.sources.answer_cache import Cache
from app.library.scan import Survey, merged
from app.runtime.checkpoint.describe import ModelFile, describe, embedded_model, files_of
from app.runtime.checkpoint.recognising import remember_family

from . import file_operations, system_trash
from .duplicates import Duplicates, duplicates_among
from .file_copies import Cancelled, Progress
from .file_groups import FileGroup, file_group, ranked
from .folder_watcher import Debouncer, FolderWatcher, Headers, look_at, look_into
from .verification import Checked, checked

_PATIENCE_S = 20.0


class Folder(msgspec.Struct, frozen=True, kw_only=True):
    """One folder of the library.

    ``there`` is False while it is gone, such as that of a disk that is not connected; ``reading``
    is True until its first look has ended.  ``limits`` holds "depth" or "entries" where it holds
    more than is looked at; ``unread`` are folders in it that the system refused to open.
    """

    path: str
    there: bool = True
    reading: bool = False
    limits: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What the models in one folder take on the disk, and what is free there; bytes."""

    path: str
    used_bytes: int
    free_bytes: int
    disk_bytes: int


class DiskUse(msgspec.Struct, frozen=True, kw_only=True):
    """``used_bytes`` counts everything once, also what lies in several folders or is linked.

    What is half downloaded, or no model, is not counted.
    """

    used_bytes: int
    folders: tuple[Use, ...]


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What the last looks found: every model, state, LoRA, download and useless file, by name."""

    models: tuple[ModelFile, ...] = ()
    folders: tuple[Folder, ...] = ()


class LocalLibrary:
    """Reads ``folders`` and the single ``files``.

    ``on_change`` is called, in a thread of its own, soon after a look found something else than
    the one before it; many changes at once are told once.  Headers are remembered below
    ``cache_dir``, so that another start need not read them again.  ``verified`` is the file that
    remembers whose bytes were read.
    """

    def __init__(
        self,
        folders: Iterable[Path] = (),
        files: Iterable[Path] = (),
        on_change: Callable[[], None] | None = None,
        cache_dir: Path | None = None,
        verified: Path | None = None,
    ) -> None:
        self._verified = Verified(verified)
        self._lock = threading.Lock()
        self._headers = Headers(Cache(cache_dir) if cache_dir else None)
        self._teller = Debouncer(on_change or _nobody)
        self._readers: dict[Path, FolderWatcher] = {}
        self._single: tuple[Path, ...] = ()
        self._files: FolderWatcher | None = None
        self._interval_s = 0.0
        self.choose(folders, files)

    # what is looked at

    def choose(self, folders: Iterable[Path], files: Iterable[Path] = ()) -> None:
        """From now on these folders and single files; those that are new are read at once."""
        wanted = [Path(folder) for folder in dict.fromkeys(folders)]
        single = tuple(dict.fromkeys(map(Path, files)))
        with self._lock:
            for folder in [folder for folder in self._readers if folder not in wanted]:
                self._readers.pop(folder).close()
            kept = self._readers
            self._readers = {one: kept.get(one) or self._reader(one) for one in wanted}
            if single != self._single or self._files is None:
                if self._files is not None:
                    self._files.close()
                self._single, self._files = single, self._start(look_at(single, self._headers))
        self._teller.ring()

    def watch(self, interval_s: float = 2.0) -> None:
        """Look again so often, less often in folders that take long; 0 ends it."""
        with self._lock:
            self._interval_s = interval_s
            for reader in self._all():
                reader.every(interval_s)

    def close(self) -> None:
        """Look no more and tell no more."""
        with self._lock:
            for reader in self._all():
                reader.close()
        self._teller.close()

    # what is there

    @property
    def contents(self) -> Contents:
        """What is known now; reads nothing but the targets of links."""
        with self._lock:
            surveys = [(folder, reader.survey) for folder, reader in self._readers.items()]
            single = self._files.survey if self._files else None
        found = [survey for _, survey in surveys if survey] + ([single] if single else [])
        folders = (
            Folder(
                path=str(folder),
                there=survey.there,
                limits=survey.limits,
                unread=survey.unread,
            )
            if survey
            else Folder(path=str(folder), reading=True)
            for folder, survey in surveys
        )
        return Contents(models=tuple(merged(found)), folders=tuple(folders))

    def refresh(self) -> None:
        """Look again soon; ``on_change`` tells if that finds something else."""
        with self._lock:
            for reader in self._all():
                reader.ask()

    def scan(self, limit_s: float = _PATIENCE_S) -> Contents:
        """Look again and wait for it; of folders that take longer, what is known of them."""
        until = time.monotonic() + limit_s
        with self._lock:
            asked = [(reader, reader.ask()) for reader in self._all()]
        for reader, number in asked:
            reader.wait(number, max(0.0, until - time.monotonic()))
        return self.contents

    # questions

    def belongs_to(self, thing: ModelFile) -> tuple[ModelFile, ...]:
        """The models here that a state or a LoRA can have been made for, the likeliest first."""
        if thing.made_for is None:
            return ()
        return ranked(thing.made_for, thing.name, self.contents.models)

    def duplicates(self, cancelled: Cancelled = lambda: False) -> tuple[Duplicates, ...]:
        """Models that lie here more than once, by samples of their bytes; links are no waste."""
        return duplicates_among(self.contents.models, cancelled)

    def hashes_of(self, model: ModelFile) -> tuple[str, ...]:
        """The SHA-256 of each file of weights, "" for one that was not read as it is now."""
        weights = (file for file in model.files if not file.endswith(".json"))
        return tuple(self._verified.sha256_of(Path(file)) for file in weights)

    def disk_use(self) -> DiskUse:
        """What whole models take on the disk; folders that are not there take nothing."""
        models = tuple(filter(is_whole, self.contents.models))
        folders = [folder.path for folder in self.contents.folders if folder.there]
        return DiskUse(
            used_bytes=bytes_of(models),
            folders=tuple(use for folder in folders if (use := _use(folder, models))),
        )

    def verify(
        self,
        path: Path,
        progress: Progress = lambda done, total: None,
        cancelled: Cancelled = lambda: False,
        entries: Iterable[Entry] = (),
    ) -> tuple[Checked, ...] | None:
        """The SHA-256 of each of its files against what was published, or a note beside it says.

        ``entries`` are those known beside the bundled ones.  None when cancelled.  Raises
        NotFound, Unreadable.
        """
        files = self.group(path).files
        before = {str(file): state_of(file) for file in files}
        found = checked(files, [*bundled(), *entries], progress, cancelled)
        for one in found or ():
            self._verified.keep(Path(one.path), one.sha256, before[one.path])
        return found

    # changes on the disk

    def add(
        self,
        source: Path,
        folder: Path,
        how: str,
        progress: Progress = lambda done, total: None,
        cancelled: Cancelled = lambda: False,
    ) -> Path | None:
        """Bring a model, state or LoRA from anywhere into ``folder``.

        ``how`` is "copy" or "move".  All its parts and side files come along.  Returns what opens
        it there, None when cancelled, which leaves nothing behind.  Raises what opening it would
        raise for something else, AlreadyThere, NoRoom, DiskFull, StoreError, and LibraryError for
        a link that is to be moved.
        """
        found = describe(source)
        if found.kind not in ("model", "state", "lora"):
            raise BY_CODE.get(found.failure_code, CheckpointError)("", **found.failure_facts)
        act = {"copy": file_operations.copied, "move": file_operations.moved}[how]
        try:
            return act(self.group(Path(found.files[0])), folder, progress, cancelled)
        finally:
            self.refresh()

    def move(
        self,
        path: Path,
        folder: Path,
        progress: Progress = lambda done, total: None,
        cancelled: Cancelled = lambda: False,
        *,
        also: Iterable[Path] = (),
    ) -> Path | None:
        """Take what is here to another folder, also to another disk, with all that belongs to it.

        ``also`` are files beside it that were asked for, see ``group``.  Returns what opens it
        there, None when cancelled.  Raises as ``add`` does.
        """
        group = self._own(path).asked_for(also)
        try:
            return self._followed(group, file_operations.moved(group, folder, progress, cancelled))
        finally:
            self.refresh()

    def rename(self, path: Path, name: str, *, file_only: bool = False) -> Path:
        """Call it ``name``, its ending need not be given; returns what opens it now.

        A model that is called by its folder gets another name for that, or with ``file_only`` for
        its file all the same.  The family that its old name tells is remembered.

        Raises NameRefused, AlreadyThere, LibraryError, StoreError.
        """
        group = self._own(path)
        if file_only:
            group = group._replace(named=group.files[0])
        try:
            remember_family(path)
            now = file_operations.renamed(group, name)
            self._followed(group, now)
            return now
        finally:
            self.refresh()

    def named(self, path: Path) -> Path:
        """What ``rename`` would change: a file, or the folder that the model is called by.

        Raises LibraryError where it cannot have another name.
        """
        group = self._own(path)
        file_operations.refuse_renaming(group)
        return group.named

    def trash(self, path: Path, also: Iterable[Path] = ()) -> None:
        """Put it into the system's trash, with its records and what was asked for beside it.

        Raises NoTrash where there is none: then ``delete`` is left.  Raises NotFound,
        LibraryError, and DownloadBusy for a download that is under way.
        """
        try:
            system_trash.discard(self._own(path).asked_for(also))
        finally:
            self.refresh()

    def delete(self, path: Path, also: Iterable[Path] = ()) -> None:
        """Delete it for good.  Raises StoreError, LibraryError, DownloadBusy."""
        group = self._own(path).asked_for(also)
        file_operations.refuse_links(group)
        try:
            file_operations.remove(group)
        finally:
            self.refresh()

    def _followed(self, group: FileGroup, now: Path | None) -> Path | None:
        """What was verified is so under its new name."""
        if now is not None:
            for before, after in zip(group.files, map(Path, files_of(now)), strict=False):
                self._verified.follow(before, after)
        return now

    def group(self, path: Path) -> FileGroup:
        """What goes where ``path`` goes, and what lies beside it."""
        with self._lock:
            roots = tuple(self._readers)
        return file_group(path, roots)

    def _own(self, path: Path) -> FileGroup:
        """The group of what may be changed."""
        if os.path.realpath(path) == os.path.realpath(embedded_model()):
            raise LibraryError(path=str(path), why="program-file")
        if path.name.endswith(PART) and path.with_name(path.name + ".live").exists():
            with PartFile(path.with_name(path.name.removesuffix(PART)), patience_s=0.0):
                pass  # nobody is fetching it
        return self.group(path)

    def _all(self) -> list[FolderWatcher]:
        return [*self._readers.values(), *([self._files] if self._files else [])]

    def _reader(self, folder: Path) -> FolderWatcher:
        return self._start(look_into(folder, self._headers))

    def _start(self, look: Callable[[Callable[[], bool]], Survey]) -> FolderWatcher:
        reader = FolderWatcher(look, self._teller.ring)
        reader.every(self._interval_s)
        reader.ask()
        return reader


def _nobody() -> None:
    pass


def _use(folder: str, models: Iterable[ModelFile]) -> Use | None:
    root = os.path.realpath(folder)
    inside = [model for model in models if _is_below(os.path.realpath(model.path), root)]
    try:
        disk = shutil.disk_usage(folder)
    except OSError:
        return None
    return Use(
        path=folder, used_bytes=bytes_of(inside), free_bytes=disk.free, disk_bytes=disk.total
    )


def _is_below(path: str, root: str) -> bool:
    try:
        return os.path.commonpath([path, root]) == root
    except ValueError:  # another drive
        return False


def is_whole(model: ModelFile) -> bool:
    """Whether it is a model, state or LoRA, and neither half of one nor something else."""
    return model.kind in ("model", "state", "lora")


def bytes_of(models: Iterable[ModelFile]) -> int:
    """Bytes of all their files; what has several names is counted once."""
    sizes = {}
    for file in (file for model in models for file in model.files):
        with contextlib.suppress(OSError, ValueError):
            status = Path(file).stat()
            sizes[status.st_dev, status.st_ino] = status.st_size
    return sum(sizes.values())
