"""What models lie on this disk, read from their headers alone; loads no number, needs no torch.

Unusable files are listed too, with the failure that opening them would raise.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from app.runtime.checkpoint.describe import NO_MODEL, ModelFile, describe
from app.runtime.checkpoint.file_names import (
    INDEX_ENDING,
    SHARD,
    UNSURE_ENDINGS,
    is_candidate,
    is_model_name,
    whole_of,
)

_DEPTH = 5
_ENTRIES = 20_000
_REPORTED = 20
_JUNCTION = 0xA0000003  # IO_REPARSE_TAG_MOUNT_POINT


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in one folder.

    ``there`` is False for a folder that is gone or may not be opened; ``limits`` holds "depth" or
    "entries" where it holds more than was looked at; ``unread`` are folders in it, at most twenty,
    that the system refused to open.
    """

    folder: str
    there: bool = True
    models: tuple[ModelFile, ...] = ()
    limits: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


class Describing(Protocol):
    """``describe``, or something that remembers what it said."""

    def __call__(self, path: Path) -> ModelFile:
        """What the header at ``path`` tells."""


def merged(surveys: Iterable[Survey]) -> list[ModelFile]:
    """The models of all surveys by name; one that several of them found stands there once."""
    found: dict[str, ModelFile] = {}
    for one in surveys:
        for model in one.models:
            found.setdefault(os.path.realpath(model.path), model)
    return sorted(found.values(), key=lambda model: (model.name.casefold(), model.path))


def survey(
    folder: Path,
    describing: Describing = describe,
    cancelled: Callable[[], bool] = lambda: False,
) -> Survey:
    """Look through one folder and the folders in it, and tell where that was not all.

    Looks five folders deep and at 20000 entries, and leaves hidden folders out.  A link to a folder
    (on Windows a junction, too) is followed after all real folders, each place once, so that one
    that leads in a circle ends.  A model in several files is one, and a file with several links
    stands there once.  Ends early, with what was found, once ``cancelled`` tells so.
    """
    walk = _Walk(folder)
    found: dict[str, ModelFile] = {}
    for path in walk.candidates():
        if cancelled():
            break
        place = os.path.realpath(path)
        if place not in found:
            found[place] = describing(path)
    return Survey(
        folder=str(folder),
        there=walk.there,
        models=tuple(model for model in found.values() if not _is_other_thing(model)),
        limits=tuple(sorted(walk.limits)),
        unread=tuple(walk.unread[:_REPORTED]),
    )


def chosen_files(
    files: Iterable[Path],
    describing: Describing = describe,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[ModelFile]:
    """Files that were chosen by themselves: those that are there, and are models or called so.

    One that is gone is left out until it is there again, as on a disk that is plugged in.
    """
    found = [describing(file) for file in files if not cancelled()]
    return [one for one in found if one.kind != "missing" and _looks_like_one(one)]


def _looks_like_one(model: ModelFile) -> bool:
    whole = not model.failure_code or model.made_for is not None
    named = is_model_name(Path(model.path).name) and model.kind != "foreign"
    return whole or (named and not _is_other_thing(model))


def _is_other_thing(model: ModelFile) -> bool:
    if model.kind == NO_MODEL:
        return True
    useless = model.failure_code and model.made_for is None
    return bool(useless) and Path(model.path).suffix.lower() in UNSURE_ENDINGS


class _Walk:
    """One way through a folder: the files that could be models, and what was left out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.there = True
        self.limits: set[str] = set()
        self.unread: list[str] = []
        self._left = _ENTRIES
        self._seen: set[object] = set()

    def candidates(self) -> Iterator[Path]:
        """No part of a model whose index or first part is there."""
        waiting = [(str(self.folder), 0)]
        while waiting and self._left >= 0:
            place, depth = waiting.pop(0)
            for root, links in self._below(place, depth):
                yield from root
                waiting += links

    def _below(self, place: str, depth: int) -> Iterator[tuple[list[Path], list[tuple[str, int]]]]:
        """For each real folder its files, and the links to folders in it with their depth."""
        above = len(Path(place).parts) - depth
        for root, folders, files in os.walk(place, onerror=self._refused):
            if not self._is_new(root):
                folders.clear()
                continue
            self._left -= len(files) + len(folders)
            deep = len(Path(root).parts) - above
            inside = sorted(name for name in folders if not name.startswith("."))
            if inside and (deep >= _DEPTH or self._left < 0):
                self.limits.add("depth" if deep >= _DEPTH else "entries")
                inside = []
            linked = [name for name in inside if _is_link(Path(root, name))]
            folders[:] = [name for name in inside if name not in linked]
            links = [(str(Path(root, name)), deep + 1) for name in linked]
            yield [Path(root, name) for name in _leading(files[:_ENTRIES])], links
            if self._left < 0:
                self.limits.add("entries")
                return

    def _is_new(self, folder: str) -> bool:
        """Whether it was not looked into by another name."""
        try:
            status = os.stat(folder)
        except OSError:
            return True  # the walk tells of it
        place = (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(folder)
        new = place not in self._seen
        self._seen.add(place)
        return new

    def _refused(self, error: OSError) -> None:
        place = str(error.filename or self.folder)
        if place == str(self.folder):
            self.there = False
        elif len(self.unread) < _REPORTED:
            self.unread.append(place)


def _is_link(folder: Path) -> bool:
    """Whether it is a link to a folder, or on Windows a junction."""
    try:
        status = os.lstat(folder)
    except OSError:
        return False
    tag = getattr(status, "st_reparse_tag", 0)
    return stat.S_ISLNK(status.st_mode) or tag == _JUNCTION


def _leading(files: list[str]) -> list[str]:
    """Of each model in several parts the index, else its first part; the others as they are."""
    chosen: dict[tuple[str, bool], str] = {}
    for name in sorted(files):
        if name.startswith(".") or not is_candidate(name):
            continue
        index = name.endswith(INDEX_ENDING)
        model = (whole_of(name), index or SHARD.fullmatch(name) is not None)
        if index or model not in chosen:
            chosen[model] = name
    return sorted(chosen.values())
