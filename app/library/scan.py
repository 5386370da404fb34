"""What models lie on this disk, read from their headers alone; loads no number, needs no torch.

Unusable files are listed too, with the failure that opening them would raise.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from app.runtime.checkpoint.describe import ModelFile, describe
from app.runtime.checkpoint.file_names import (
    INDEX_ENDING,
    SHARD,
    UNSURE_ENDINGS,
    is_candidate,
    whole_of,
)

_DEPTH = 5
_ENTRIES = 20_000
_REPORTED = 20


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


def scan(folders: Iterable[Path]) -> list[ModelFile]:
    """All models in these folders and the folders in them, by name; each once.

    As ``survey`` looks for them; folders that are not there or cannot be read hold nothing.
    """
    return merged(survey(Path(folder)) for folder in folders)


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

    Looks five folders deep and at 20000 entries, does not follow links to folders, and leaves
    out hidden ones.  A model in several files is one, and a file with several links stands there
    once.  Ends early, with what was found, once ``cancelled`` tells so.
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


def _is_other_thing(model: ModelFile) -> bool:
    useless = model.failure_code and model.made_for is None
    return bool(useless) and Path(model.path).suffix.lower() in UNSURE_ENDINGS


class _Walk:
    """One way through a folder: the files that could be models, and what was left out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.there = True
        self.limits: set[str] = set()
        self.unread: list[str] = []

    def candidates(self) -> Iterator[Path]:
        """No part of a model whose index or first part is there."""
        left = _ENTRIES
        for root, folders, files in os.walk(self.folder, onerror=self._refused):
            left -= len(files) + len(folders)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            deep = len(Path(root).relative_to(self.folder).parts) >= _DEPTH
            if folders and (deep or left < 0):
                self.limits.add("depth" if deep else "entries")
                folders.clear()
            yield from (Path(root, name) for name in _leading(files[:_ENTRIES]))
            if left < 0:
                self.limits.add("entries")
                return

    def _refused(self, error: OSError) -> None:
        place = str(error.filename or self.folder)
        if place == str(self.folder):
            self.there = False
        elif len(self.unread) < _REPORTED:
            self.unread.append(place)


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
