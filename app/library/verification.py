"""Whether the files of a model are, byte for byte, what was published: the one place that decides.

What the catalogue tells of a file counts before what a hub tells now, which counts before a note
beside the file.  A file is taken for a published one by its note of origin, else by its name.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from app.hub.catalogue.entries import Entry, Part
from app.hub.downloads.destination import tells_nothing
from app.hub.downloads.placing import parts_of
from app.runtime.checkpoint.file_names import INDEX_ENDING, folder_name
from app.runtime.origin import origin_of
from app.system.digest import digest
from app.system.small_file import read_small

_LARGEST_NOTE = 1 << 20
_NOTE_LETTERS = 4096
_DIGEST = re.compile(r"\b[0-9a-fA-F]{64}\b", re.ASCII)

Verdict = Literal["good", "bad", "unknown"]
Source = Literal["given", "catalogue", "hub", "note", ""]


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """One file and its SHA-256.

    ``verdict`` is "good" (as ``source`` tells), "bad" (``source`` tells that it must be
    ``wanted``) or "unknown" (nobody tells a hash for it).  ``known_as`` is where these very bytes
    were published, whatever the file is called.
    """

    path: str
    sha256: str
    verdict: Verdict
    known_as: str = ""
    source: Source = ""
    wanted: str = ""


class Promise(NamedTuple):
    """The hashes that a file may have, and who says so."""

    hashes: tuple[str, ...]
    source: Source


def checked(
    files: Iterable[Path],
    entries: Iterable[Entry],
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool] = lambda: False,
    *,
    given: str = "",
) -> tuple[Checked, ...] | None:
    """Hash every file; None when cancelled.  Raises NotFound, Unreadable.

    ``given`` is the hash that the person says they must have, whatever others tell.
    """
    listed, known = list(files), list(entries)
    total, done, found = sum(map(_size, listed)), 0, []

    def tell(count: int, _: int) -> None:
        progress(done + count, total)

    for file in listed:
        sha256 = digest(file, tell, cancelled)
        if not sha256:
            return None
        done += _size(file)
        found.append(_as_given(file, sha256, given) if given else judged(file, sha256, known))
    return tuple(found)


def telling(found: Iterable[Checked]) -> list[Checked]:
    """Those whose verdicts say whether the model is as it was published: all but its index.

    Hubs tell no hash for so small a file.  What an index says is compared with the parts when the
    model is opened, so it only counts where it is known to be wrong, or is all that there is.
    """
    listed = list(found)
    weights = [one for one in listed if one.verdict == "bad" or not one.path.endswith(INDEX_ENDING)]
    return weights or listed


def judged(file: Path, sha256: str, entries: Iterable[Entry]) -> Checked:
    """What is to be thought of a file with this hash."""
    known = list(entries)
    promise, elsewhere = promised(file, known), _published_as(sha256, known)
    wanted = promise.hashes[0] if promise.hashes else ""
    verdict: Verdict = "unknown"
    source = promise.source
    if promise.hashes:
        verdict = "good" if sha256 in promise.hashes else "bad"
    if elsewhere and source in ("", "note"):
        verdict, source = "good", "catalogue" if elsewhere.source == "bundled" else "hub"
    return Checked(
        path=str(file),
        sha256=sha256,
        verdict=verdict,
        known_as=elsewhere.place if elsewhere else "",
        source=source,
        wanted=wanted,
    )


def _as_given(file: Path, sha256: str, given: str) -> Checked:
    verdict: Verdict = "good" if sha256 == given.lower() else "bad"
    return Checked(path=str(file), sha256=sha256, verdict=verdict, source="given", wanted=given)


def promised(file: Path, entries: Iterable[Entry]) -> Promise:
    """Which hashes the file may have by what it is taken for."""
    named = candidates(file, entries)
    for source, origin in (("catalogue", "bundled"), ("hub", "live")):
        told = [part.sha256.lower() for entry, part in named if entry.source == origin]
        if hashes := tuple(dict.fromkeys(filter(None, told))):
            return Promise(hashes, "catalogue" if source == "catalogue" else "hub")
    noted = _noted(file)
    return Promise(noted, "note" if noted else "")


def candidates(file: Path, entries: Iterable[Entry]) -> list[tuple[Entry, Part]]:
    """What the file may be: by the note beside it, else by its name."""
    return [
        (entry, part) for entry in entries for part in parts_of(entry) if _may_be(file, entry, part)
    ]


def _may_be(file: Path, entry: Entry, part: Part) -> bool:
    """A name that half of all models have tells something only in a folder of its repository."""
    origin = origin_of(file)
    if origin is not None:
        told = {origin.file, *(one.file for one in origin.files if one.name == file.name)}
        return origin.repo.casefold() == entry.repo.casefold() and part.path in told
    if part.path.rsplit("/", 1)[-1] != file.name:
        return False
    tells = not tells_nothing(file.name) and not file.name.startswith("tokenizer")
    return tells or entry.repo.rsplit("/", 1)[-1] == folder_name(file.parent)


class _Published(NamedTuple):
    place: str
    source: str


def _published_as(sha256: str, entries: Iterable[Entry]) -> _Published | None:
    found = None
    for entry in entries:
        for part in parts_of(entry):
            if part.sha256.lower() == sha256:
                found = _Published(f"{entry.repo}/{part.path}", entry.source)
                if entry.source == "bundled":
                    return found
    return found


def _noted(file: Path) -> tuple[str, ...]:
    """The hashes in a ``NAME.sha256`` beside the file."""
    try:
        note = read_small(file.with_name(file.name + ".sha256"), _LARGEST_NOTE)
    except (OSError, ValueError):
        return ()
    text = note.decode("ascii", "replace")[:_NOTE_LETTERS]
    return tuple(dict.fromkeys(one.lower() for one in _DIGEST.findall(text)))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
