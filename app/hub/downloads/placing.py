"""Chooses where a download goes: where it was begun before, else the first free place."""

import os
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from app.errors import AlreadyThere, UnsafeName
from app.hub.catalogue.entries import Entry, Part
from app.hub.safe_paths import LIVE, PART, RECORD
from app.runtime.checkpoint.file_names import is_model_name
from app.runtime.origin import NOTE, Origin, OriginFile, note_of, origin_of

from .destination import Destination, homes

_YOUNG_S = 60.0

Hashes = Callable[[Path], str]
"""Tells the SHA-256 of a file as far as it is verified, else ""."""


def parts_of(entry: Entry) -> tuple[Part, ...]:
    """All files of an entry."""
    return entry.parts or (Part(path=entry.file, bytes=entry.bytes, sha256=entry.sha256),)


def leading(entry: Entry) -> int:
    """The index of the file that opens the model."""
    return next((at for at, part in enumerate(parts_of(entry)) if part.path == entry.file), 0)


def place_of(
    entry: Entry,
    folder: Path,
    into: str | None = None,
    *,
    taken: Mapping[str, str] | None = None,
    sha256_of: Hashes = lambda path: "",
) -> Destination:
    """Where an entry goes, or has begun to; ``into`` is what was chosen when it was added.

    ``taken`` are paths that were given to others and need not be there yet, with the repositories
    that they were given to.  Raises UnsafeName, and AlreadyThere where everything that it could be
    called is something else.
    """
    taken = taken or {}
    files = [part.path for part in parts_of(entry)]
    names = list(homes(entry.repo, files))
    wanted = [] if into is None else [into]
    earlier = ["" if len(files) == 1 else entry.repo.rsplit("/", 1)[-1]]  # of earlier versions
    places = _all(folder, entry.repo, files, dict.fromkeys([*wanted, *names, *earlier]))
    for one in places:
        if str(one.opened(leading(entry))) not in taken and _is_ours(one, entry, sha256_of):
            return one
    for one in places:
        path = str(one.opened(leading(entry)))
        usual = one.into in (*wanted, *names)
        given = path in taken or (one.into and _is_given(one, entry.repo, taken))
        if usual and not given and _is_free(one, entry):
            return one
    raise AlreadyThere(path=str(places[0].final))


def origin_note(entry: Entry, places: Destination, revision: str = "") -> Origin:
    """The note of origin for the file that opens the entry."""
    files = tuple(
        OriginFile(name=path.name, file=part.path, bytes=part.bytes, sha256=part.sha256)
        for part, path in zip(parts_of(entry), places.paths, strict=True)
    )
    return Origin(repo=entry.repo, file=entry.file, revision=revision, files=files)


def is_of(origin: Origin, entry: Entry) -> bool:
    """Whether the note names this entry, and no hash of it contradicts the entry's."""
    files = {part.path: part.sha256 for part in parts_of(entry)}
    if origin.repo.casefold() != entry.repo.casefold():
        return False
    if origin.file != entry.file and origin.file not in files:
        return False
    both = ((told, files.get(file, "")) for file, told in origin.hashes.items())
    return all(told.lower() == known.lower() for told, known in both if known)


def _all(folder: Path, repo: str, files: list[str], names: Collection[str]) -> list[Destination]:
    """All possible places; names that are unsafe, such as an odd owner's, are left out.

    Raises UnsafeName if the first one is.
    """
    found = []
    for name in names:
        try:
            found.append(Destination(folder, repo, files, name))
        except UnsafeName:
            if not found:
                raise
    return found


def _is_given(places: Destination, repo: str, taken: Mapping[str, str]) -> bool:
    """Whether a download of another repository was given a place in that folder."""
    home = places.gathered if places.alone else places.final
    return any(Path(path).parent == home and other != repo for path, other in taken.items())


def _is_ours(places: Destination, entry: Entry, sha256_of: Hashes) -> bool:
    """Whether this entry's download was begun there, or its files are there."""
    final, growing = places.opened(leading(entry)), places.growing(leading(entry))
    if final.is_file():
        return _is_there(final, places, entry, sha256_of)
    if places.alone:
        begun = final.with_name(final.name + PART).is_file()
        return begun and _has_begun(growing, entry)
    return places.gathered.is_dir() and any(_has_begun(path, entry) for path in places.paths)


def _has_begun(growing: Path, entry: Entry) -> bool:
    origin = origin_of(growing)
    return origin is not None and is_of(origin, entry)


def _is_there(final: Path, places: Destination, entry: Entry, sha256_of: Hashes) -> bool:
    """What is noted, else what was verified, else the size, after which the bytes are read."""
    parts, at, origin = parts_of(entry), leading(entry), origin_of(final)
    told = parts[at].sha256 or (origin.hashes.get(entry.file, "") if origin else "")
    if places.alone and told and (known := sha256_of(final)):
        return known == told.lower() and (origin is None or is_of(origin, entry))
    if origin is not None:
        return is_of(origin, entry)
    if places.alone:
        return bool(parts[at].sha256) and final.stat().st_size == parts[at].bytes
    sizes = [_size(places.opened(index)) for index in range(len(parts))]
    return all(
        size >= 0 and part.bytes in (0, size) for size, part in zip(sizes, parts, strict=True)
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _is_free(places: Destination, entry: Entry) -> bool:
    if _is_claimed(places.growing(leading(entry)), entry):
        return False
    if not places.alone:
        return not os.path.lexists(places.final) and not os.path.lexists(places.gathered)
    endings = ("", PART, RECORD, LIVE)
    if any(os.path.lexists(places.final.with_name(places.final.name + one)) for one in endings):
        return False
    return not places.into or not _holds_others(places.gathered, entry)


def _is_claimed(growing: Path, entry: Entry) -> bool:
    """Whether another download is about to begin there: its note was written a moment ago."""
    note = note_of(growing)
    try:
        young = time.time() - note.stat().st_mtime < _YOUNG_S
    except OSError:
        return False
    origin = origin_of(growing)
    return young and not (origin and is_of(origin, entry))


def _holds_others(home: Path, entry: Entry) -> bool:
    """Whether a folder holds a model that did not come from this entry's repository."""
    try:
        names = os.listdir(home)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # no folder
    models = {home / name.removesuffix(PART) for name in names if is_model_name(name)}
    noted = {home / name.removesuffix(NOTE) for name in names if name.endswith(NOTE)}
    origins = {one: origin_of(one) for one in noted}
    ours = {
        one
        for one, origin in origins.items()
        if origin and origin.repo.casefold() == entry.repo.casefold()
    }
    known = {home / one.name for path in ours if (origin := origins[path]) for one in origin.files}
    return not models <= known | ours
