"""Whether the files of a model are, byte for byte, what was published."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

import msgspec

from app.hub.catalogue.entries import Entry
from app.system.digest import digest
from app.system.json_file import read_small

_LARGEST_NOTE = 1 << 20
_NOTE_LETTERS = 4096
# Names that half of all models have: they tell something only in a folder of their repository.
_USUAL = re.compile(r"(model|pytorch_model|consolidated|adapter_model|tokenizer)[-.]", re.ASCII)
_DIGEST = re.compile(r"\b[0-9a-fA-F]{64}\b", re.ASCII)


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """One file and its SHA-256.

    ``verdict`` is "good" (published so, as ``known_as`` tells), "bad" (published otherwise under
    this name, or its note says otherwise) or "unknown" (nobody tells a hash for it).
    """

    path: str
    sha256: str
    verdict: Literal["good", "bad", "unknown"]
    known_as: str = ""


def checked(
    files: Iterable[Path],
    entries: Iterable[Entry],
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> tuple[Checked, ...] | None:
    """Hash every file; None when cancelled.  Raises NotFound, Unreadable."""
    listed = list(files)
    published = _published(entries)
    total, done, found = sum(map(_size, listed)), 0, []

    def tell(count: int, _: int) -> None:
        progress(done + count, total)

    for file in listed:
        sha256 = digest(file, tell, cancelled)
        if not sha256:
            return None
        done += _size(file)
        found.append(_judged(file, sha256, published))
    return tuple(found)


def _published(entries: Iterable[Entry]) -> dict[str, dict[str, str]]:
    """For each file's name the hashes it was published with, and where."""
    known: dict[str, dict[str, str]] = {}
    for entry in entries:
        parts = [(part.path, part.sha256) for part in entry.parts] or [(entry.file, entry.sha256)]
        for path, sha256 in parts:
            if sha256:
                name = path.rsplit("/", 1)[-1]
                known.setdefault(name, {})[sha256.lower()] = f"{entry.repo}/{path}"
    return known


def _judged(file: Path, sha256: str, published: dict[str, dict[str, str]]) -> Checked:
    wherever = {one: place for hashes in published.values() for one, place in hashes.items()}
    told = {
        one
        for one, place in published.get(file.name, {}).items()
        if not _USUAL.match(file.name) or place.split("/")[1] == file.parent.name
    } | _noted(file)
    known_as = wherever.get(sha256, "")
    good = bool(known_as) or sha256 in told
    verdict: Literal["good", "bad", "unknown"] = "good" if good else "bad" if told else "unknown"
    return Checked(path=str(file), sha256=sha256, verdict=verdict, known_as=known_as)


def _noted(file: Path) -> set[str]:
    """The hashes in a ``NAME.sha256`` beside the file."""
    try:
        note = read_small(file.with_name(file.name + ".sha256"), _LARGEST_NOTE)
    except (OSError, ValueError):
        return set()
    text = note.decode("ascii", "replace")
    return {one.lower() for one in _DIGEST.findall(text[:_NOTE_LETTERS])}


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
