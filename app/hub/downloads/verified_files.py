"""Which files were read to their end, and their SHA-256: what counts as verified, and nothing else.

It is kept in the data folder, not beside the files, where anyone may put anything.  A file that was
written, replaced or moved since then counts no more.
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
    """A file as it was when its bytes were read."""

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
    """``file`` keeps it, for all windows and programs; None remembers nothing.

    What cannot be read or written costs another look at the bytes.  For any thread.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}
        self._state: State | None = None

    def sha256_of(self, path: Path) -> str:
        """The hash of the bytes that are there; "" where nobody has read them as they are now."""
        known = self._known().get(os.path.realpath(path))
        return known.sha256 if known and state_of(path) == _state_in(known) else ""

    def keep(self, path: Path, sha256: str, before: State | None = None) -> None:
        """The bytes at ``path`` were all read just now and have this hash.

        ``before`` is what ``state_of`` said before they were read: if it is another now, somebody
        was writing, and nothing is kept.
        """
        state = state_of(path)
        if state is not None and sha256 and before in (None, state):
            self._change({os.path.realpath(path): _Seen(*state, sha256.lower())})

    def follow(self, before: Path, now: Path) -> None:
        """What was at ``before`` may be the very file at ``now``: by bytes, time and inode."""
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
    """What differs once the file was written or replaced; None where there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino


def _state_in(known: _Seen) -> State:
    return known.bytes, known.modified_ns, known.inode
