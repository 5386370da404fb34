"""Which kept states are of which conversation, so that they go when it is deleted for good.

Beside the states lies a list for each owner, of digests only: it is written before the state, so a
killed program leaves no state behind that nobody owns.  Imports no torch.
"""

import contextlib
import hashlib
import os
import re
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from app.system.atomic_file import unwritten
from app.system.log import logger
from app.system.small_file import read_small

from .disk_budget import StateFile, files_in, forget_files
from .disk_names import folder_of
from .state_key import StateKey

OWNERS = "owners"
_FOLDER = re.compile(r"[0-9a-f]{32}", re.ASCII)
_LINE = re.compile(r"([0-9a-f]{32}) (\d{1,18}) ([0-9a-f]{32})", re.ASCII)
_MOST_BYTES = 64 << 20
_log = logger("states")


class OwnedState(NamedTuple):
    """One state: the folder of its starting point, how many tokens, and their digest."""

    folder: str
    tokens: int
    prefix: str


class StateOwners:
    """The lists below a folder of states.  Safe to use from several threads and programs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / OWNERS
        self._lock = threading.Lock()
        self._noted: set[tuple[str, OwnedState]] = set()

    def note(self, owner: str, key: StateKey) -> None:
        """A state is, or will be, of ``owner`` ("" is nobody).  Raises StoreError, DiskFull."""
        if not owner:
            return
        state = OwnedState(folder_of(key.point), key.tokens, key.prefix)
        with self._lock:
            if (owner, state) in self._noted:
                return
            path = self._folder / _name_of(owner)
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                with open(path, "ab", opener=_private) as file:
                    file.write(f"{state.folder} {state.tokens} {state.prefix}\n".encode())
            except OSError as error:
                raise unwritten(error, str(path)) from error
            self._noted.add((owner, state))


def owner_lists(folder: Path) -> list[str]:
    """The lists that there are.  To be asked before it is asked who there is: others add some."""
    with contextlib.suppress(OSError):
        return [name for name in os.listdir(folder / OWNERS) if _FOLDER.fullmatch(name)]
    return []


def forget_all_but(folder: Path, owners: Iterable[str], lists: Iterable[str]) -> int:
    """Delete the states in those ``lists`` that are of none of ``owners``; how many states went.

    What one of these owns as well stays, and so does what nobody owns.  Raises StoreError.
    """
    place, kept = folder / OWNERS, {_name_of(owner) for owner in owners}
    gone = [name for name in lists if name not in kept]
    if not gone:
        return 0
    doomed = {state for name in gone for state in _owned(place / name)}
    doomed -= {state for name in kept for state in _owned(place / name)}
    files = [file for file in files_in(folder) if _state_of(file) in doomed]
    forget_files(folder, files)
    for name in gone:
        with contextlib.suppress(OSError):
            (place / name).unlink()
    _log.info("%d kept states went with %d conversations", len(files), len(gone))
    return len(files)


def _state_of(file: StateFile) -> OwnedState:
    return OwnedState(file.folder.name, file.name.tokens, file.name.prefix)


def _owned(path: Path) -> Iterator[OwnedState]:
    """What a list tells; lines that are cut or damaged tell nothing."""
    with contextlib.suppress(OSError, ValueError):
        for line in read_small(path, _MOST_BYTES).decode("ascii", "replace").splitlines():
            if match := _LINE.fullmatch(line):
                yield OwnedState(match[1], int(match[2]), match[3])


def _name_of(owner: str) -> str:
    return hashlib.blake2b(owner.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
