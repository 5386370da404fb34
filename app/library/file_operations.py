"""Copies, moves and renames models with everything that belongs to them; never overwrites."""

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from app.errors import (
    AlreadyThere,
    LibraryError,
    NameRefused,
    NoRoom,
    StoreError,
    UnsafeName,
)
from app.hub.downloads.part_file import put_in_place
from app.hub.safe_paths import PART, safe
from app.runtime.checkpoint.file_names import INDEX_ENDING, folder_name, in_cache
from app.runtime.checkpoint.sharded import index_content
from app.runtime.origin import origin_of, write_origin
from app.system.atomic_file import unwritten, writing

from .file_copies import (
    Cancelled,
    GivenUpError,
    Pairs,
    Progress,
    bytes_of,
    copy_all,
    drop_empty,
    make_folders,
)
from .file_groups import FileGroup, stem_of

_MARGIN_BYTES = 16 << 20


def copied(group: FileGroup, folder: Path, progress: Progress, cancelled: Cancelled) -> Path | None:
    """Copy the group into ``folder``; returns what opens it there, None when cancelled.

    Raises NoRoom before the first byte is written, AlreadyThere, DiskFull and StoreError, and
    NotFound or Unreadable where an original cannot be read.
    """
    pairs = _places(group, folder)
    with _translate_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_taken(pairs, group, folder)
        shared = _shared_places(group, pairs)
        _refuse_full([*pairs, *shared], folder)
        with contextlib.ExitStack() as undo:
            try:
                copy_all(pairs, shared, undo, progress, cancelled)
            except GivenUpError:
                return None
            undo.pop_all()
    return pairs[0][1]


def moved(group: FileGroup, folder: Path, progress: Progress, cancelled: Cancelled) -> Path | None:
    """Move the group into ``folder``: at once within a disk, else by copying and deleting.

    Returns what opens it there, None when cancelled.  Raises as ``copied`` does, and LibraryError
    for a link and for Hugging Face's cache, whose files are another program's.
    """
    _refuse_cached(group)
    refuse_links(group)
    pairs = _places(group, folder)
    with _translate_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_taken(pairs, group, folder)
        try:
            with contextlib.ExitStack() as undo:
                copy_all([], _shared_places(group, pairs), undo)
                _rename_all(pairs, undo)
                undo.pop_all()
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            if copied(group, folder, progress, cancelled) is None:
                return None
            remove(group)
            return pairs[0][1]
        drop_empty(group.folder or group.home)
    return pairs[0][1]


def renamed(group: FileGroup, name: str) -> Path:
    """Give the model another name: to the folder that it is called by, else to all its files.

    The ending of a file need not be given.  Returns what opens it now.  Raises NameRefused,
    AlreadyThere, StoreError, and LibraryError for a link, a file of Hugging Face's cache or an
    unfinished download.
    """
    refuse_renaming(group)
    main = group.files[0]
    with _translate_errors(main):
        if group.named != main:
            place = group.named.with_name(_checked(name))
            _rename(group.named, place)
            return place / main.name
        pairs = _renaming(group, _checked(_without_ending(name, main.name)))
        changed = [(old, new) for old, new in pairs if old != new]
        with contextlib.ExitStack() as undo:
            if main.name.endswith(INDEX_ENDING) and changed:
                _rewrite(pairs, undo)
                changed = [pair for pair in changed if pair[0] != main]
            _rename_all(changed, undo)
            undo.pop_all()
        _note_names(pairs)
        if main.name.endswith(INDEX_ENDING) and pairs[0][0] != pairs[0][1]:
            main.unlink()
    return pairs[0][1]


def refuse_renaming(group: FileGroup) -> None:
    """Raises LibraryError where the model cannot have another name, whatever the name."""
    _refuse_cached(group)
    refuse_links(group)
    if group.named.is_symlink():
        raise LibraryError(path=str(group.named), why="folder-is-link")
    if group.files[0].name.endswith(PART):
        raise LibraryError(path=str(group.files[0]), why="download-unfinished")


def remove(group: FileGroup) -> None:
    """Delete the group for good.  Raises StoreError where the system refuses."""
    with _translate_errors(group.files[0]):
        for file in group.all:
            file.unlink(missing_ok=True)
        drop_empty(group.folder or group.home)


def refuse_links(group: FileGroup) -> None:
    """Raises LibraryError where one of the files, or their folder, is a link to another place."""
    for file in (*group.files, *filter(None, [group.folder])):
        if file.is_symlink():
            kept = os.path.realpath(file)
            raise LibraryError(path=str(file), why="is-link", kept=kept)


def _refuse_cached(group: FileGroup) -> None:
    """Raises LibraryError for files of Hugging Face's cache: its programs find them by name."""
    if in_cache(group.files[0]):
        why = "in-hub-cache"
        raise LibraryError(path=str(group.files[0]), why=why)


def _places(group: FileGroup, folder: Path) -> list[tuple[Path, Path]]:
    """A model that is called by its folder keeps one of that name."""
    own = group.folder or group.home
    base = folder / folder_name(own) if own else folder
    return [(file, base / file.name) for file in group.all]


def _shared_places(group: FileGroup, pairs: Pairs) -> list[tuple[Path, Path]]:
    """What stays for other models there, and is wanted beside the model here as well."""
    folder = pairs[0][1].parent
    wanted = ((source, folder / source.name) for source in group.shared)
    return [(source, target) for source, target in wanted if not os.path.lexists(target)]


def _note_names(pairs: Pairs) -> None:
    """The note of origin names the files as they are called now; without it they are strangers."""
    main = pairs[0][1]
    origin = origin_of(main)
    if origin is None:
        return
    names = {old.name: new.name for old, new in pairs}
    files = tuple(
        msgspec.structs.replace(one, name=names.get(one.name, one.name)) for one in origin.files
    )
    with contextlib.suppress(StoreError):  # it is a hint only
        write_origin(main, msgspec.structs.replace(origin, files=files))


def _refuse_taken(pairs: Pairs, group: FileGroup, folder: Path) -> None:
    own = group.folder or group.home
    taken = [folder / folder_name(own)] if own else [target for _, target in pairs]
    taken += [target.with_name(target.name + PART) for _, target in pairs]  # of a download
    for target in taken:
        if os.path.lexists(target):
            raise AlreadyThere(path=str(target))


def _refuse_full(pairs: Pairs, folder: Path) -> None:
    needed = bytes_of(pairs) + _MARGIN_BYTES
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise NoRoom(path=str(folder), needed_bytes=needed, free_bytes=free)


def _rename_all(pairs: Pairs, undo: contextlib.ExitStack) -> None:
    make_folders(pairs, undo)
    for old, new in reversed(pairs):  # the one that opens it last
        _rename(old, new)
        undo.callback(_rename, new, old)


def _rename(old: Path, new: Path) -> None:
    """Rename without replacing anything; where letters' case means nothing, also by case alone."""
    if old == new:
        return
    if old.name.casefold() == new.name.casefold() and os.path.lexists(new):
        if old.parent == new.parent and os.path.samefile(old, new) and not _both(old, new):
            old.rename(new)
            return
        raise AlreadyThere(path=str(new))
    if os.stat(old.parent).st_dev != os.stat(new.parent).st_dev:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    put_in_place(old, new)


def _both(old: Path, new: Path) -> bool:
    """Whether the folder really lists two names."""
    listed = set(os.listdir(old.parent))
    return old.name in listed and new.name in listed


def _renaming(group: FileGroup, name: str) -> list[tuple[Path, Path]]:
    stem = stem_of(group.files[0].name)
    return [
        (file, file.with_name(name + file.name[len(stem) :]))
        if file.name.startswith((stem + ".", stem + "-"))
        else (file, file)
        for file in group.all
    ]


def _rewrite(pairs: Pairs, undo: contextlib.ExitStack) -> None:
    """A new index with the new names of the parts, beside the old one."""
    names = {old.name: new.name for old, new in pairs}
    old, new = pairs[0]
    content = index_content(old)
    content["weight_map"] = {
        tensor: names.get(file, file) for tensor, file in content["weight_map"].items()
    }
    if os.path.lexists(new):
        raise AlreadyThere(path=str(new))
    with writing(new) as file:
        file.write(json.dumps(content, indent=2).encode())
    undo.callback(new.unlink, missing_ok=True)


def _without_ending(name: str, old: str) -> str:
    ending = old[len(stem_of(old)) :]
    plain = ending.removesuffix(INDEX_ENDING)
    for one in (ending, Path(plain).suffix or plain):
        if one and name.lower().endswith(one.lower()):
            return name[: -len(one)]
    return name


def _checked(name: str) -> str:
    try:
        if "/" in name:
            raise UnsafeName(file=name)
        safe(name)
    except UnsafeName as failure:
        raise NameRefused(name=name) from failure
    return name


@contextlib.contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritten(error, str(error.filename or path)) from error
