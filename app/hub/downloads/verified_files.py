"""The files whose bytes were all read, with their SHA-256: only these count as verified.

The list is in the data folder, not beside the files, where others may write.  A file that was
written to, replaced or moved since then is not in it any more.
"""

import contextlib
import os
import threading
from pathlib import Path

import msgspec

from app.errors import StoreError
from app.system.atomic_file import replacing
from app.system.file_lock import locked_beside
from app.system.json_file import decode, encode
from app.system.small_file import read_small

NAME = "verified.json"

_LAYOUT = 1
_MOST = 20_000
_LARGEST = 32 << 20


class _Seen(msgspec.Struct, frozen=True, array_like=True):
    """The size, time and inode of a file when its bytes were read, and their hash."""

    bytes: int
    modified_ns: int
    inode: int
    sha256: str


class _Pages(msgspec.Struct, frozen=True):
    layout: int
    files: dict[str, _Seen]


State = tuple[int, int, int]
"""Bytes, time and inode of a file."""


class Verified:
    """The list in ``file``, for all windows and programs; with None nothing is remembered.

    If the list cannot be read or written, files are only read again.  Safe for use by several
    threads.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}
        self._state: State | None = None

    def sha256_of(self, path: Path) -> str:
        """The hash of the file; "" if it was not read as it is now."""
        known = self._known().get(os.path.realpath(path))
        return known.sha256 if known and state_of(path) == _state_in(known) else ""

    def keep(self, path: Path, sha256: str, before: State | None = None) -> None:
        """Remember that the file at ``path`` was read just now and has this hash.

        ``before`` is what ``state_of`` returned before reading: if it is another now, the file was
        written to meanwhile, and nothing is remembered.
        """
        state = state_of(path)
        if state is not None and sha256 and before in (None, state):
            self._change({os.path.realpath(path): _Seen(*state, sha256.lower())})

    def follow(self, before: Path, now: Path) -> None:
        """Move what is known of ``before`` to ``now``, if size, time and inode are the same."""
        known = self._known().get(os.path.realpath(before))
        if known and before != now and state_of(now) == _state_in(known):
            self._change({os.path.realpath(now): known})

    def _change(self, news: dict[str, _Seen]) -> None:
        if self._file is None:
            return
        with contextlib.suppress(OSError, StoreError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with locked_beside(self._file):
                known = dict(self._known())
                for path in news:
                    known.pop(path, None)
                kept = dict(list((known | news).items())[-_MOST:])
                text = encode(_Pages(_LAYOUT, kept))
                with replacing(self._file, 0o600) as file:
                    file.write(text)

    def _known(self) -> dict[str, _Seen]:
        if self._file is None:
            return {}
        with self._lock:
            state = state_of(self._file)
            if state != self._state:
                self._seen, self._state = _read(self._file), state
            return self._seen


def _read(file: Path) -> dict[str, _Seen]:
    try:
        pages = decode(read_small(file, _LARGEST), _Pages)
    except (OSError, ValueError):
        return {}
    return pages.files if pages.layout == _LAYOUT else {}


def state_of(path: Path) -> State | None:
    """What changes when a file is written or replaced; None if there is no file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino


def _state_in(known: _Seen) -> State:
    return known.bytes, known.modified_ns, known.inode
