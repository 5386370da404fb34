"""Where a model came from, as the note beside it says: a hint, which proves nothing.

The note of ``NAME`` is ``NAME.origin.json``.  It is written when a download begins, so that the
growing file is known as well, and names every file that came with the model.
"""

import re
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

import msgspec

from app.system.atomic_file import replacing
from app.system.json_file import decode, encode
from app.system.small_file import read_small

T = TypeVar("T")

NOTE = ".origin.json"
"""The ending of a note."""

_PART = ".part"
_RECORD = ".part.json"  # what earlier versions left beside a growing file
_LARGEST = 1 << 20
_ADDRESS = re.compile(r"https?://[^?#]+/([^/?#]+/[^/?#]+)/resolve/[^/?#]+/([^?#]+)")


class OriginFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file: its ``name`` beside the note and its path on the hub; 0 and "" are not known."""

    name: str
    file: str
    bytes: int = 0
    sha256: str = ""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """``file`` of ``repo`` opens the model; ``revision`` is the commit where that was told."""

    repo: str
    file: str
    revision: str = ""
    files: tuple[OriginFile, ...] = ()

    @property
    def hashes(self) -> dict[str, str]:
        """The SHA-256 of each path on the hub, as far as they are told."""
        return {one.file: one.sha256 for one in self.files if one.sha256}


class _Identity(msgspec.Struct):
    bytes: int = 0
    sha256: str = ""


class _Record(msgspec.Struct):
    url: str
    identity: _Identity


def note_of(path: Path) -> Path:
    """Where the note of the model that ``path`` opens is, or of the one that it will be."""
    return path.with_name(path.name.removesuffix(_PART) + NOTE)


def origin_of(path: Path) -> Origin | None:
    """What the note of ``path`` says, or the record of its download; None if neither is sound."""
    note = _decoded(note_of(path), Origin)
    if note is not None:
        return note
    name = path.name.removesuffix(_PART)
    record = _decoded(path.with_name(name + _RECORD), _Record)
    address = _ADDRESS.fullmatch(record.url) if record else None
    if record is None or address is None:
        return None
    told, file = record.identity, unquote(address[2])
    one = OriginFile(name=name, file=file, bytes=told.bytes, sha256=told.sha256)
    return Origin(repo=address[1], file=file, files=(one,))


def write_origin(path: Path, origin: Origin) -> None:
    """Leave a note beside ``path``, in place of one that is there.  Raises StoreError, DiskFull."""
    with replacing(note_of(path)) as file:
        file.write(encode(origin, indent=2))


def _decoded(path: Path, kind: type[T]) -> T | None:
    try:
        return decode(read_small(path, _LARGEST, follow=False), kind)
    except (OSError, ValueError):
        return None
