"""The folder of named states: a .safetensors and a note for each; asks no model, computes nothing.

A file appears whole or not at all, and one that is damaged costs only itself.  Several windows may
use the folder at once.
"""

import contextlib
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from app.errors import CheckpointError, Failure, NotFound, RequestRefused
from app.runtime.protocol.states import StateFacts
from app.runtime.states.state_copies import copy_state
from app.runtime.states.state_header import check_numbers, describe, opened_state, sizes_in
from app.store.records import new_id
from app.system.atomic_file import clear_left_overs, replacing, unwritten, writing
from app.system.file_lock import locked_beside
from app.system.json_file import decode, encode
from app.system.small_file import read_small

from .state_records import LONGEST_NAME, ModelSizes, NamedState, StateNote

KEPT_S = 30 * 86_400.0
"""How long a state stays in the trash."""

ENDING, NOTE_ENDING = ".safetensors", ".json"
_ID = re.compile(r"[0-9a-z][0-9a-z-]{0,79}", re.ASCII)
_MOST_NOTE = 1 << 20
_MOST_FILES = 10_000
_LEFT_OVER_S = 3600.0

Signature = tuple[int, int, int]


class NamedStates:
    """All states below ``folder``, which is made by the first of them."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.folder, self._clock = folder, clock
        self._headers: dict[str, tuple[Signature, NamedState]] = {}

    # what there is

    def all(self) -> list[NamedState]:
        """Every state, those in the trash as well, the newest first.

        Reads names, notes and the headers of what is new.  An unusable file is one of them, with
        its failure.  Raises StoreError where the system does not show the folder.
        """
        found = []
        for name in self._names():
            ident = name.removesuffix(ENDING)
            if name.endswith(ENDING) and _ID.fullmatch(ident):
                with contextlib.suppress(FileNotFoundError):
                    found.append(self._state(ident))
        known = {state.id for state in found}
        self._headers = {one: kept for one, kept in self._headers.items() if one in known}
        return sorted(found, key=lambda state: (-state.note.created, state.id))

    def path(self, ident: str) -> Path:
        """Where the file of a state lies."""
        return self.folder / f"{ident}{ENDING}"

    def get(self, ident: str) -> NamedState:
        """One state.  Raises NotFound."""
        try:
            return self._state(ident)
        except FileNotFoundError as error:
            raise NotFound(path=str(self.path(ident))) from error

    def check(self, ident: str) -> None:
        """Read all numbers of a state.  Raises DamagedState, and what opening one raises."""
        with opened_state(self.path(ident)) as container:
            facts = describe(container)
            if facts.kind == "saved":
                check_numbers(container, facts)

    # adding

    def add(self, note: StateNote, write: Callable[[BinaryIO], object]) -> str:
        """Keep what ``write`` writes as a new state; its id.  Raises what ``write`` does, DiskFull
        and StoreError; nothing is kept then.
        """
        ident = new_id()
        self._make_folder()
        with replacing(self.path(ident), 0o600) as file:
            write(file)
        self.put_note(ident, note)
        return ident

    def bring_in(self, path: Path, note: StateNote) -> str:
        """Copy the file of a state from outside, of whatever format; see ``copy_state``."""
        name = note.name or path.stem
        whole = msgspec.structs.replace(note, name=_short(name), created=self._clock())
        return self.add(whole, lambda file: copy_state(path, file))

    def duplicate(self, ident: str, name: str) -> str:
        """A second state with the same numbers."""
        note = msgspec.structs.replace(self.get(ident).note, name=_short(name), trashed=None)
        return self.bring_in(self.path(ident), note)

    def bring_out(self, ident: str, place: Path) -> None:
        """Write a copy elsewhere.  Raises as reading a state does, DiskFull and StoreError."""
        with writing(place) as file:
            copy_state(self.path(ident), file)

    # changing

    def put_note(self, ident: str, note: StateNote) -> None:
        """Store what is said of a state.  Raises DiskFull and StoreError."""
        with replacing(self._note_path(ident), 0o600) as file:
            file.write(encode(note, indent=2))

    def change(self, ident: str, **values: object) -> None:
        """Set some fields of a note.  Raises NotFound, DiskFull and StoreError."""
        if "name" in values:
            values["name"] = _short(str(values["name"]))
        with locked_beside(self.folder / "notes"):
            self.put_note(ident, msgspec.structs.replace(self.get(ident).note, **values))

    def put_in_trash(self, ident: str) -> None:
        """It stays for 30 days."""
        self.change(ident, trashed=self._clock())

    def take_out(self, ident: str) -> None:
        """Bring a state back.  Raises NotFound where it is gone for good."""
        self.change(ident, trashed=None)

    def remove(self, idents: Iterable[str]) -> None:
        """Delete these for good; one that was taken out of the trash meanwhile stays."""
        for ident in idents:
            with contextlib.suppress(FileNotFoundError), locked_beside(self.folder / "notes"):
                if self._note(ident).trashed is not None:
                    self._delete(ident)

    def remove_old(self) -> int:
        """Delete for good what has been in the trash for 30 days; how many that were."""
        if not self.folder.is_dir():
            return 0
        clear_left_overs(self.folder, _LEFT_OVER_S)
        now = self._clock()
        old = [
            state.id
            for state in self.all()
            if state.note.trashed is not None and now - state.note.trashed >= KEPT_S
        ]
        self.remove(old)
        return len(old)

    def days_left(self, state: NamedState) -> int:
        """How long one in the trash still stays, in days begun."""
        since = self._clock() - (state.note.trashed or 0.0)
        return max(1, -int(-(min(max(KEPT_S - since, 0.0), KEPT_S)) // 86_400.0))

    # inside

    def _names(self) -> Sequence[str]:
        try:
            with os.scandir(self.folder) as entries:
                return [entry.name for entry, _ in zip(entries, range(_MOST_FILES), strict=False)]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise unwritten(error, str(self.folder)) from error

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise unwritten(error, str(self.folder)) from error

    def _delete(self, ident: str) -> None:
        for path in (self.path(ident), self._note_path(ident)):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise unwritten(error, str(path)) from error

    def _note_path(self, ident: str) -> Path:
        return self.folder / f"{ident}{NOTE_ENDING}"

    def _note(self, ident: str) -> StateNote:
        """What is said of a state; an empty note where that cannot be read."""
        with contextlib.suppress(OSError, ValueError):
            return decode(read_small(self._note_path(ident), _MOST_NOTE), StateNote)
        return StateNote()

    def _state(self, ident: str) -> NamedState:
        """Raises FileNotFoundError."""
        path = self.path(ident)
        status = path.lstat()
        signature = (status.st_size, status.st_mtime_ns, status.st_ino)
        note = self._note(ident)
        if not note.created:
            note = msgspec.structs.replace(note, created=status.st_mtime)
        kept = self._headers.get(ident)
        if kept is None or kept[0] != signature:
            kept = signature, _looked_at(ident, path, status)
            self._headers[ident] = kept
        known = kept[1]
        return NamedState(ident, note, status.st_size, known.facts, known.sizes, known.failure)


def _looked_at(ident: str, path: Path, status: os.stat_result) -> NamedState:
    """What the header of a file tells; no numbers are read of one that was saved here."""
    if not stat.S_ISREG(status.st_mode):
        failure: Failure = RequestRefused(why="state-none", path=str(path))
        return NamedState(ident, StateNote(), status.st_size, failure=failure)
    try:
        facts, sizes = header_of(path)
    except (CheckpointError, RequestRefused) as error:
        return NamedState(ident, StateNote(), status.st_size, failure=error)
    return NamedState(ident, StateNote(), status.st_size, facts, sizes)


def header_of(path: Path) -> tuple[StateFacts, ModelSizes]:
    """What the file of a state tells of it, and of the model that it fits.

    Raises RequestRefused for what is no state, and the failures of opening one.
    """
    with opened_state(path) as container:
        return describe(container), ModelSizes(*sizes_in(container))


def _short(name: str) -> str:
    return " ".join(name.split())[:LONGEST_NAME]
