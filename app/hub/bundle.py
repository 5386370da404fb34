"""All files of one model from a hub to the disk: one after the other, and seen only when whole."""

import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.errors import AlreadyThere
from app.runtime.whole_files import unwritten

from .catalogue import Entry, Part
from .crew import How
from .pace import Pace
from .parts import LIVE, RECORD, already, forget, put_in_place
from .places import Places
from .remote import Hub
from .transfer import Order, Progress, StoppedError, Transfer


def parts_of(entry: Entry) -> tuple[Part, ...]:
    """Every file of an entry."""
    return entry.parts or (Part(path=entry.file, bytes=entry.bytes, sha256=entry.sha256),)


def places_of(entry: Entry, folder: Path) -> Places:
    """Where they go.  Raises UnsafeName."""
    return Places(folder, entry.repo, [part.path for part in parts_of(entry)])


def opened_of(entry: Entry, folder: Path) -> Path:
    """The path that opens the model once it is whole.  Raises UnsafeName."""
    parts, places = parts_of(entry), places_of(entry, folder)
    leading = next((at for at, part in enumerate(parts) if part.path == entry.file), 0)
    return places.opened(leading)


def already_of(entry: Entry, folder: Path) -> int:
    """How many bytes an earlier run has left of it; 0 where the disk does not say.

    Raises UnsafeName.
    """
    places = places_of(entry, folder)
    try:
        if not places.alone and places.final.is_dir():
            return sum(part.bytes for part in parts_of(entry))
        return sum(map(already, places.paths))
    except OSError:  # a disk that does not answer
        return 0


def discard(entry: Entry, folder: Path) -> None:
    """Take away what an unfinished download has left.  Raises StoreError, UnsafeName."""
    places = places_of(entry, folder)
    try:
        if places.alone:
            forget(places.final)
        elif places.gathered.is_dir() and not places.gathered.is_symlink():
            shutil.rmtree(places.gathered)
    except OSError as error:
        raise unwritten(error, str(places.final)) from error


class Bundle:
    """Fetches an entry into ``folder``; blocks its thread."""

    def __init__(
        self, hub: Hub, entry: Entry, folder: Path, *, how: How | None = None, pace: Pace
    ) -> None:
        self._hub, self._entry, self._folder = hub, entry, folder
        self._how, self._pace = how or How(), pace
        self._parts, self._places = parts_of(entry), places_of(entry, folder)
        self._stopped = threading.Event()
        self._now: tuple[int, Transfer | None] = 0, None  # bytes of the files before, and this one
        self._total = sum(part.bytes for part in self._parts)

    @property
    def progress(self) -> Progress:
        """Where it is now, all files together; from any thread."""
        before, transfer = self._now
        if transfer is None:
            return Progress(done=before, checked=before, total=max(self._total, before))
        one = transfer.progress
        return msgspec.structs.replace(
            one,
            done=before + one.done,
            checked=before + one.checked,
            total=max(self._total, before + one.total),
        )

    @property
    def sha256(self) -> str:
        """Of a model in one file, once it is there; of others ""."""
        transfer = self._now[1]
        return transfer.sha256 if transfer and self._places.alone else ""

    def stop(self) -> None:
        """From any thread: let ``run`` end soon with StoppedError."""
        self._stopped.set()
        transfer = self._now[1]
        if transfer:
            transfer.stop()

    def run(self) -> Path:
        """The path that opens it, once it is whole.  Raises what ``Transfer.run`` does."""
        places = self._places
        if not places.alone and os.path.lexists(places.final):
            raise AlreadyThere(path=str(places.final))
        for part, path in zip(self._parts, places.paths, strict=True):
            self._fetch(part, path, alone=places.alone)
        if not places.alone:
            self._complete(places.paths)
        return opened_of(self._entry, self._folder)

    def _fetch(self, part: Part, path: Path, *, alone: bool) -> None:
        order = Order(
            repo=self._entry.repo,
            file=part.path,
            path=str(path),
            revision=self._entry.revision,
            bytes=part.bytes,
            sha256=part.sha256,
        )
        transfer = Transfer(self._hub, order, how=self._how, pace=self._pace, keep_record=not alone)
        before = self._now[0]
        self._now = before, transfer
        if self._stopped.is_set():
            raise StoppedError
        transfer.run()
        if not alone:
            self._now = before + transfer.progress.total, None

    def _complete(self, paths: Sequence[Path]) -> None:
        """All are right: the folder gets its name at once."""
        places = self._places
        try:
            for path in paths:
                forget(path, (RECORD, LIVE))
            put_in_place(places.gathered, places.final)
        except OSError as error:
            raise unwritten(error, str(places.final)) from error
