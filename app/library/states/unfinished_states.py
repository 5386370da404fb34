"""Texts that are being read for a named state: what is left of them where the program is killed.

Beside the named states lie, for each, the job, the ids of its tokens, and the state up to the last
place that was kept.  Asks no model.
"""

import contextlib
import os
import sys
from array import array
from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.errors import CheckpointError, Failure, NotFound, RequestRefused
from app.store.records import new_id
from app.system.atomic_file import replacing, retry_while_in_use, unwritten
from app.system.json_file import decode, encode
from app.system.running_programs import runs, this_program
from app.system.small_file import read_small

from .named_states import NamedStates, header_of
from .state_records import ReadingJob, Unfinished

_JOB, _TOKENS, _STATE = ".reading", ".tokens", ".growing"
_MOST_JOB = 1 << 20
_MOST_TOKENS = 1 << 30


class UnfinishedStates:
    """Keeps jobs in the folder of the named states that they will be."""

    def __init__(self, named: NamedStates) -> None:
        self._named = named

    def all(self) -> list[Unfinished]:
        """Every job, the newest first; a damaged one is left out, and stays where it lies."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self._named.folder):
                if name.endswith(_JOB):
                    with contextlib.suppress(Failure):
                        found.append(self.get(name.removesuffix(_JOB)))
        return sorted(found, key=lambda one: (-one.job.note.created, one.id))

    def get(self, ident: str) -> Unfinished:
        """One job.  Raises NotFound where it is not there or damaged."""
        try:
            job = decode(read_small(self._path(ident, _JOB), _MOST_JOB), ReadingJob)
        except (OSError, ValueError) as error:
            raise NotFound(path=str(self._path(ident, _JOB))) from error
        return Unfinished(ident, job, min(job.tokens, self._done(ident, job)))

    def begin(self, job: ReadingJob, ids: Sequence[int]) -> Unfinished:
        """Keep a new job, written by this program.  Raises DiskFull and StoreError."""
        ident = new_id()
        folder = self._named.folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise unwritten(error, str(folder)) from error
        with replacing(self._path(ident, _TOKENS), 0o600) as file:
            file.write(_packed(ids))
        self._put(ident, msgspec.structs.replace(job, writer=this_program()))
        return self.get(ident)

    def take(self, ident: str) -> Unfinished:
        """The job is this program's from now on.  Raises NotFound, DiskFull and StoreError."""
        self._put(ident, msgspec.structs.replace(self.get(ident).job, writer=this_program()))
        return self.get(ident)

    def is_read_elsewhere(self, one: Unfinished) -> bool:
        """Whether another window reads it now."""
        writer = one.job.writer
        return bool(writer) and writer != this_program() and runs(writer)

    def tokens(self, ident: str) -> list[int]:
        """The ids of its text.  Raises NotFound where they are damaged or not there."""
        path = self._path(ident, _TOKENS)
        try:
            data = read_small(path, 4 * _MOST_TOKENS)
            ids = _unpacked(data)
        except (OSError, ValueError) as error:
            raise NotFound(path=str(path)) from error
        if len(ids) != self.get(ident).job.tokens:
            raise NotFound(path=str(path))
        return ids

    def state_path(self, ident: str) -> Path:
        """The file of the state up to the last place that was kept."""
        return self._path(ident, _STATE)

    def finish(self, ident: str) -> str:
        """All of the text is in its state: it is a named one from now on, with this id.

        Raises NotFound where it is not, and StoreError.
        """
        one = self.get(ident)
        if one.left:
            raise NotFound(path=str(self.state_path(ident)))
        self._named.put_note(ident, one.job.note)
        try:
            retry_while_in_use(os.replace, self.state_path(ident), self._named.path(ident))
        except OSError as error:
            raise unwritten(error, str(self._named.path(ident))) from error
        self._remove(ident, _JOB, _TOKENS)
        return ident

    def discard(self, ident: str) -> None:
        """Delete a job and what was read for it."""
        self._remove(ident, _JOB, _TOKENS, _STATE)

    def _done(self, ident: str, job: ReadingJob) -> int:
        """How many of its tokens are in the state that is kept."""
        try:
            facts, _ = header_of(self.state_path(ident))
        except (CheckpointError, RequestRefused):
            return 0
        same = facts.kind == "saved" and facts.fingerprint == job.fingerprint
        return max(0, facts.tokens - job.before) if same else 0

    def _put(self, ident: str, job: ReadingJob) -> None:
        with replacing(self._path(ident, _JOB), 0o600) as file:
            file.write(encode(job, indent=2))

    def _remove(self, ident: str, *endings: str) -> None:
        for ending in endings:
            with contextlib.suppress(OSError):
                self._path(ident, ending).unlink()

    def _path(self, ident: str, ending: str) -> Path:
        return self._named.folder / f"{Path(ident).name}{ending}"


def _packed(ids: Sequence[int]) -> bytes:
    numbers = array("I", ids)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _unpacked(data: bytes) -> list[int]:
    numbers = array("I")
    if len(data) % numbers.itemsize:
        raise ValueError("it is cut")
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return list(numbers)
