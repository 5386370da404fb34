"""All files of one model from a hub to the disk: one after the other, and seen only when whole."""

import contextlib
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.errors import AlreadyThere, DownloadBusy, HubMissing, HubWithdrawn, VocabularyMissing
from app.hub.catalogue.entries import Entry, Part
from app.hub.safe_paths import LIVE, PART, RECORD
from app.hub.sources.remote import Hub
from app.runtime.origin import note_of, origin_of, write_origin
from app.system.atomic_file import unwritten

from .connection_pool import FetchOptions
from .destination import Destination
from .download_events import logged
from .other_sources import sources
from .part_file import already, forget, put_in_place
from .placing import is_of, leading, origin_note, parts_of, place_of
from .rate_limit import RateLimit
from .transfer import Order, Progress, StoppedError, Transfer
from .verified_files import Verified
from .vocabulary_download import VocabularyFile

_PLACES = 5  # tried one after the other, where they turn out to be another's


def already_of(entry: Entry, folder: Path, into: str | None = None) -> int:
    """Bytes that an earlier run of this download left on the disk; 0 if that cannot be told.

    Raises UnsafeName.
    """
    try:
        places = place_of(entry, folder, into)
        if not places.alone and places.final.is_dir():
            return sum(part.bytes for part in parts_of(entry))
        return sum(map(already, places.paths))
    except (OSError, AlreadyThere):  # a disk that does not answer, or no place at all
        return 0


def discard(entry: Entry, folder: Path, into: str | None = None) -> None:
    """Delete the files of an unfinished download, and nothing that belongs to another one.

    Raises StoreError, UnsafeName, AlreadyThere.
    """
    places = place_of(entry, folder, into)
    try:
        if places.alone:
            forget(places.final)
            if not os.path.lexists(places.final):
                note_of(places.final).unlink(missing_ok=True)
            if places.into:
                with contextlib.suppress(OSError):  # what else is in there stays
                    places.gathered.rmdir()
        elif places.gathered.is_dir() and not places.gathered.is_symlink():
            shutil.rmtree(places.gathered)
    except OSError as error:
        raise unwritten(error, str(places.final)) from error


def _give_up_empty(places: Destination, entry: Entry) -> None:
    """Delete the note and the folder of a download of which no byte has come."""
    growing = places.growing(leading(entry))
    origin = origin_of(growing)
    if (
        any(map(os.path.lexists, _left_at(places, entry)))
        or origin is None
        or not is_of(origin, entry)
    ):
        return
    with contextlib.suppress(OSError):
        note_of(growing).unlink()
        if places.into:
            places.gathered.rmdir()  # what else is in there stays


def _left_at(places: Destination, entry: Entry) -> list[Path]:
    """The paths of all files that a download can have there, except its note."""
    paths = [*places.paths, places.opened(leading(entry))]
    endings = ("", PART, RECORD, LIVE)
    return [path.with_name(path.name + ending) for path in paths for ending in endings]


class Bundle:
    """Downloads all files of an entry into ``folder``, in the calling thread.

    ``into`` is the folder below it that was chosen before (see ``Destination``).  Files that were
    read to their end are recorded in ``verified``.  ``others`` are hubs to ask for files that
    ``hub`` no longer has.
    """

    def __init__(
        self,
        hub: Hub,
        entry: Entry,
        folder: Path,
        *,
        how: FetchOptions | None = None,
        rate_limit: RateLimit,
        into: str | None = None,
        verified: Verified | None = None,
        others: Sequence[Hub] = (),
    ) -> None:
        self._hub, self._entry, self._folder = hub, entry, folder
        self._others = others
        self._how, self._rate_limit, self._into = how or FetchOptions(), rate_limit, into
        self._verified = verified or Verified(None)
        self._parts, self._hashes = parts_of(entry), dict[str, str]()
        self._revision = ""
        self._refused: dict[str, str] = {}
        self._places = self._placed()
        self._stopped = threading.Event()
        self._now: tuple[int, Transfer | None] = 0, None  # bytes of the files before, and this one
        self._vocabulary = VocabularyFile(
            hub,
            entry,
            how=self._how,
            rate_limit=rate_limit,
            verified=self._verified,
            begin=self._begin,
        )
        self.missing: VocabularyMissing | None = None
        self._total = sum(part.bytes for part in self._parts) + self._vocabulary_bytes()

    @property
    def progress(self) -> Progress:
        """How far all files together are; may be called from any thread."""
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
        """The SHA-256 of a model in one file, once it is whole; "" for others."""
        return self._hashes.get(self._entry.file, "") if self._places.alone else ""

    def stop(self) -> None:
        """Make ``run`` raise StoppedError soon; may be called from any thread."""
        self._stopped.set()
        transfer = self._now[1]
        if transfer:
            transfer.stop()

    def run(self) -> Path:
        """Download everything.

        Returns the path that opens the model.  Raises what ``Transfer.run`` does.

        If the vocabulary from another repository could not be fetched, ``missing`` says why.
        """
        with logged(self._hub, self._entry, lambda: self.progress):
            return self._bring_whole()

    def _bring_whole(self) -> Path:
        path = self._run_somewhere()
        self._now = self.progress.total - self._vocabulary_bytes(), None
        try:
            self._vocabulary.bring(path.parent, self._stopped)
        except VocabularyMissing as failure:
            self.missing = failure
            self._total, self._now = self._now[0], (self._now[0], None)
        return path

    def _vocabulary_bytes(self) -> int:
        return self._vocabulary.bytes_missing(self._places.opened(leading(self._entry)).parent)

    def _begin(self, transfer: Transfer) -> None:
        self._now = self._now[0], transfer
        if self._stopped.is_set():
            raise StoppedError

    def _run_somewhere(self) -> Path:
        for _ in range(_PLACES):
            try:
                return self._run()
            except AlreadyThere:
                if not self._places.alone:
                    raise
                self._go_elsewhere()
            except DownloadBusy:  # by another program: of this model, or of what took the place
                before, self._places = self._places, self._placed()
                if self._places.final == before.final:
                    raise
            finally:
                _give_up_empty(self._places, self._entry)
        raise AlreadyThere(path=str(self._places.final))

    def _placed(self) -> Destination:
        known = self._verified.sha256_of
        taken = self._refused
        return place_of(self._entry, self._folder, self._into, taken=taken, sha256_of=known)

    def _go_elsewhere(self) -> None:
        """Choose another place, if the bytes that lie at this one turn out to be another file's."""
        self._refused[str(self._places.final)] = self._entry.repo
        self._places = self._placed()

    def _run(self) -> Path:
        places = self._places
        self._now = 0, None
        if not places.alone and os.path.lexists(places.final):
            there = places.opened(leading(self._entry))
            origin = origin_of(there)
            if origin and is_of(origin, self._entry):  # only its vocabulary was missing
                return there
            raise AlreadyThere(path=str(places.final))
        self._claim()
        for part, path in zip(self._parts, places.paths, strict=True):
            self._fetch(part, path, alone=places.alone)
        self._note()
        if not places.alone:
            self._complete(places.paths)
        self._remember()
        return places.opened(leading(self._entry))

    def _fetch(self, part: Part, path: Path, *, alone: bool) -> None:
        """Download one file from the first source that has it. Raises HubMissing if none has."""
        before, missing = self._now[0], None
        for hub, revision in sources(self._hub, self._others, self._entry, part):
            order = Order(
                repo=self._entry.repo,
                file=part.path,
                path=str(path),
                revision=revision,
                bytes=part.bytes,
                sha256=part.sha256,
            )
            self._now = before, None
            try:
                self._bring(hub, order, alone=alone)
                return
            except HubMissing as failure:
                missing = missing or failure
        raise self._gone(part) if self._entry.withdrawn else missing or self._gone(part)

    def _gone(self, part: Part) -> HubWithdrawn:
        host, tried = self._hub.endpoint.host, [one.endpoint.host for one in self._others]
        also = {"tried": ", ".join(tried)} if tried and part.sha256 else {}
        return HubWithdrawn(host=host, repo=self._entry.repo, file=part.path, **also)

    def _bring(self, hub: Hub, order: Order, *, alone: bool) -> None:
        transfer = Transfer(
            hub,
            order,
            how=self._how,
            rate_limit=self._rate_limit,
            keep_record=not alone,
            claim=self._claim,
            verified=self._verified,
        )
        before = self._now[0]
        self._begin(transfer)
        transfer.run()
        self._hashes[order.file] = transfer.found
        if order.file == self._entry.file:
            self._revision = transfer.revision
        if not alone:
            self._now = before + transfer.progress.total, None

    def _claim(self) -> None:
        """Write this entry's note of origin, after the place was locked and found to be free.

        Raises AlreadyThere if the place belongs to another entry.
        """
        places, growing = self._places, self._places.growing(leading(self._entry))
        origin = origin_of(growing)
        if origin is not None and is_of(origin, self._entry):
            return
        if origin is not None and any(map(os.path.lexists, _left_at(places, self._entry))):
            raise AlreadyThere(path=str(places.final))
        try:
            growing.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritten(error, str(places.final)) from error
        write_origin(growing, origin_note(self._entry, places))

    def _note(self) -> None:
        """Write the note of origin again, with the hashes that were computed."""
        origin = origin_note(self._entry, self._places, self._revision)
        files = (
            msgspec.structs.replace(
                one,
                sha256=self._hashes.get(one.file) or one.sha256,
                bytes=path.stat().st_size,
            )
            for one, path in zip(origin.files, self._places.paths, strict=True)
        )
        whole = msgspec.structs.replace(origin, files=tuple(files))
        write_origin(self._places.growing(leading(self._entry)), whole)

    def _remember(self) -> None:
        for index, part in enumerate(self._parts):
            self._verified.keep(self._places.opened(index), self._hashes.get(part.path, ""))

    def _complete(self, paths: Sequence[Path]) -> None:
        """Give the folder its final name, once all files are verified."""
        places = self._places
        try:
            for path in paths:
                forget(path, (RECORD, LIVE))
            put_in_place(places.gathered, places.final)
        except OSError as error:
            raise unwritten(error, str(places.final)) from error
