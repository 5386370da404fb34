"""Downloads one file in the calling thread, through all failures of the network.

The bytes grow in ``NAME.part`` (``part_file``), come over one or more connections
(``connection_pool``), are hashed while they come (``part_hash``), and get their name if the hash is
the expected one.
"""

import hashlib
import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from app.errors import (
    AlreadyThere,
    ChangedOnHub,
    Failure,
    HubBusy,
    HubError,
    HubGarbled,
    HubMissing,
    HubRefused,
    NetworkSettingRefused,
    NoRoom,
    PageInstead,
    StoreError,
    WrongHash,
)
from app.hub.catalogue.disk_fit import RESERVE_BYTES
from app.hub.sources.remote import Hub, RemoteFile
from app.runtime.checkpoint.file_names import INDEX_ENDING, is_model_name
from app.runtime.checkpoint.file_signatures import ENOUGH, facts_of, no_model, no_side_file
from app.system.atomic_file import unwritten
from app.system.digest import digest

from .connection_pool import ChangedError, ConnectionPool, FetchOptions, waiting_s
from .http_range import RangeClient
from .part_file import Identity, PartFile
from .part_hash import Hasher
from .rate_limit import Rate, RateLimit
from .verified_files import Verified, state_of

_RESTARTS = 6
_LOOK_S = 0.1
_ROOM_S = 1.0
_KEEP_S, _KEEP = 5.0, 256 << 20
_LONGEST_WAIT_S = 3600.0
_MORE_S, _WORTH = 3.0, 1.15
_LARGE = 128 << 20
_LARGEST = 1 << 50  # no file is; and no number beyond it goes through the pipe
_GIT = re.compile(r"[0-9a-f]{40}")

State = Literal["running", "waiting", "checking"]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to download, and to where.

    ``bytes`` 0 and ``sha256`` "" mean that they are not known.
    """

    repo: str
    file: str
    path: str
    revision: str = "main"
    bytes: int = 0
    sha256: str = ""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """``done`` of ``total`` bytes are on the disk, ``checked`` of them are hashed.

    The state "waiting" lasts ``wait_s`` seconds, because of ``failure``.
    """

    state: State = "running"
    done: int = 0
    total: int = 0
    checked: int = 0
    failure: Failure | None = None
    wait_s: float = 0.0


class StoppedError(Exception):
    """``Transfer.stop`` was called; what was downloaded is kept."""


class Transfer:
    """Downloads what ``order`` says. ``rate_limit`` may be shared with other transfers.

    ``keep_record``: the file is one of several, and its record stays until all are complete.
    ``claim`` is called once the file is locked, and raises if the place belongs to another
    download.  After ``run``, ``found`` is the hash of the file and ``revision`` the hub's commit.
    """

    def __init__(
        self,
        hub: Hub,
        order: Order,
        *,
        how: FetchOptions | None = None,
        rate_limit: RateLimit | None = None,
        free_bytes: Callable[[Path], int] | None = None,
        keep_record: bool = False,
        claim: Callable[[], None] | None = None,
        verified: Verified | None = None,
    ) -> None:
        self._keep_record, self._claim = keep_record, claim
        self._verified = verified or Verified(None)
        self.found = self.revision = ""
        self._hub, self._order = hub, order
        self._how, self._rate_limit = how or FetchOptions(), rate_limit or RateLimit()
        self._free_bytes = free_bytes or free_on
        self._path = Path(order.path)
        self._stopped = threading.Event()
        self._total = order.bytes
        self.sha256 = ""
        self._checking = False
        self._known = False  # what its first bytes are
        self._refused: PageInstead | None = None
        self._waiting: tuple[Failure, float] | None = None
        self._part: PartFile | None = None
        self._pool: ConnectionPool | None = None
        self._hasher: Hasher | None = None

    @property
    def progress(self) -> Progress:
        """How far it is; may be called from any thread."""
        part, pool, hasher = self._part, self._pool, self._hasher
        trouble, failure = self._waiting, pool.trouble if pool else None
        if pool and failure:
            trouble = failure, pool.again_at_s
        state: State = "checking" if self._checking else "waiting" if trouble else "running"
        return Progress(
            state=state,
            done=part.total if part else 0,
            total=self._total,
            checked=hasher.count if hasher else 0,
            failure=trouble[0] if trouble else None,
            wait_s=max(0.0, trouble[1] - time.monotonic()) if trouble else 0.0,
        )

    def stop(self) -> None:
        """Make ``run`` raise StoppedError soon; may be called from any thread."""
        self._stopped.set()
        pool = self._pool
        if pool:
            pool.halt()

    def run(self) -> None:
        """Fetch it.  Raises StoppedError, and the Failure that nothing can be done about here.

        HubError (with ``how.tries``), DownloadError, and StoreError; DiskFull and NoRoom keep what
        is there, WrongHash does not.
        """
        with PartFile(self._path) as part:
            self._part = part
            try:
                if self._claim is not None:
                    self._claim()
                self._bring(part)
            finally:
                if not part.total and part.part.exists():
                    part.discard()

    def _bring(self, part: PartFile) -> None:
        for _ in range(_RESTARTS):
            remote = self._look_up()
            identity = Identity(etag=remote.etag, bytes=remote.bytes, sha256=self._wanted(remote))
            self._total, self.sha256 = remote.bytes, identity.sha256
            self.revision = remote.commit
            if os.path.lexists(self._path) and self._is_there(part, identity):
                part.discard(keep_record=self._keep_record)
                return
            part.adopt(identity, remote.url)
            kept = part.total
            self._known = False
            try:
                found = self._fetched(part, remote)
            except ChangedError:
                part.begin_anew(identity, remote.url)
                continue
            except PageInstead as failure:
                if failure is self._refused:
                    part.begin_anew(identity, remote.url)
                raise
            if _is_promised(part, identity, found):
                self.sha256 = self.found = found
                self._verified.keep(part.part, found)
                part.finish(keep_record=self._keep_record)
                self._verified.keep(self._path, found)
                return
            part.begin_anew(identity, remote.url)
            if not kept:
                raise WrongHash(file=self._order.file, wanted=identity.sha256, found=found)
        raise ChangedOnHub(file=self._order.file)

    def _look_up(self) -> RemoteFile:
        """Ask the hub for the size and hash of the file, again while the network fails."""
        order, fails = self._order, 0
        while True:
            self._raise_if_stopped()
            try:
                return self._sized(self._hub.facts(order.repo, order.file, order.revision))
            except (HubMissing, HubRefused, NetworkSettingRefused, PageInstead):
                raise
            except HubError as failure:
                fails += 1
                if self._how.tries and fails >= self._how.tries:
                    raise
                self._bide(failure, fails)

    def _sized(self, remote: RemoteFile) -> RemoteFile:
        if not 0 < remote.bytes <= _LARGEST:
            raise HubGarbled(file=self._order.file, why="length-untold")
        return remote

    def _bide(self, failure: HubError, fails: int) -> None:
        asked = failure.facts.get("wait_s", 0) if isinstance(failure, HubBusy) else 0
        wait_s = max(min(float(asked), _LONGEST_WAIT_S), waiting_s(self._how, fails))
        self._waiting = failure, time.monotonic() + wait_s
        self._stopped.wait(wait_s)
        self._waiting = None

    def _wanted(self, remote: RemoteFile) -> str:
        """The SHA-256 that the file must have.

        Raises ChangedOnHub if catalogue and hub disagree.
        """
        order = self._order
        wanted, told = order.sha256.lower(), remote.sha256.lower()
        if (wanted and told and wanted != told) or (order.bytes and order.bytes != remote.bytes):
            raise ChangedOnHub(file=order.file)
        return wanted or told

    def _is_there(self, part: PartFile, identity: Identity) -> bool:
        """Whether the very file is there under its final name. Raises AlreadyThere for another one.

        Its bytes are read unless this program has verified them; a record beside the file is no
        proof.  If no hash is known, only a file that this program downloaded counts.
        """
        path = self._path
        if path.is_file() and path.stat().st_size == identity.bytes:
            self._verified.follow(part.part, path)  # it fell before it could tell the final name
            if identity.sha256:
                self.found = self._verified.sha256_of(path) or self._read()
                if self.found == identity.sha256:
                    return True
            elif _has_git_name(identity):
                self.found = self._read()
                if _git_hash(path) == identity.etag:
                    return True
            elif part.is_done(identity):
                self.found = self._verified.sha256_of(path)
                if self.found and self._read() == self.found:
                    return True
        raise AlreadyThere(path=str(path))

    def _read(self) -> str:
        """The SHA-256 of the file under its final name. Raises StoppedError."""
        self._checking, before = True, state_of(self._path)
        try:
            found = digest(self._path, stopped=self._stopped.is_set)
        finally:
            self._checking = False
        self._raise_if_stopped()
        self._verified.keep(self._path, found, before)
        return found

    def _fetched(self, part: PartFile, remote: RemoteFile) -> str:
        """Download all bytes; returns their SHA-256."""
        self._make_sure_of_room(part)
        client = RangeClient(
            remote.url, self._hub.headers(), proxy=self._hub.proxy, stall_s=self._how.stall_s
        )
        self._hasher = Hasher(part, remote.bytes)
        self._pool = ConnectionPool(part, client, self._how, self._rate_limit, self._hasher.offer)
        try:
            if self._stopped.is_set():
                self._pool.halt()
            self._watch(part, self._pool)
            return self._hashed(self._hasher)
        finally:
            self._pool.close()
            client.close()
            self._hasher.stop()
            self._pool = None

    def _watch(self, part: PartFile, pool: ConnectionPool) -> None:
        """Until all bytes have arrived: sync them, check the disk's room, try more connections."""
        growth = _Growth(pool, self._how.connections, self._rate_limit)
        room_at_s, kept_at_s, kept = time.monotonic(), time.monotonic(), part.total
        try:
            while not pool.wait(_LOOK_S):
                now = time.monotonic()
                self._refuse_other_things(part)
                if now - room_at_s > _ROOM_S:
                    room_at_s = now
                    self._make_sure_of_room(part)
                if now - kept_at_s > _KEEP_S or part.total - kept > _KEEP:
                    part.keep()
                    kept_at_s, kept = time.monotonic(), part.total
                growth.look(part.total, self._total)
        finally:
            pool.close()
            if part.gaps(self._total) and not isinstance(pool.failure, StoreError):
                part.keep()
        if pool.failure:
            raise pool.failure
        self._raise_if_stopped()
        self._refuse_other_things(part)

    def _refuse_other_things(self, part: PartFile) -> None:
        """Raises PageInstead if no hash is known and the first bytes are no such file's.

        The bytes are deleted then.
        """
        record, start = part.record, part.start(ENOUGH)
        if self._known or record is None or len(start) < min(ENOUGH, self._total):
            return
        self._known = True
        name = self._path.name
        is_model = is_model_name(name) and not name.endswith(INDEX_ENDING)
        found = no_model(start) if is_model else no_side_file(name, start)
        if found and not record.identity.sha256:
            host = self._hub.endpoint.host
            self._refused = PageInstead(host=host, file=self._order.file, **facts_of(found, start))
            raise self._refused

    def _hashed(self, hasher: Hasher) -> str:
        self._checking = True
        try:
            while not hasher.wait(_LOOK_S):
                self._raise_if_stopped()
        finally:
            self._checking = False
        if hasher.failure:
            raise hasher.failure
        return hasher.hexdigest()

    def _make_sure_of_room(self, part: PartFile) -> None:
        try:
            free = self._free_bytes(self._path.parent)
        except OSError as error:  # the disk was taken away
            raise unwritten(error, str(self._path)) from error
        needed = self._total - part.total
        if free < needed + RESERVE_BYTES:
            raise NoRoom(path=str(self._path), needed_bytes=needed, free_bytes=free)

    def _raise_if_stopped(self) -> None:
        if self._stopped.is_set():
            raise StoppedError


class _Growth:
    """Adds connections as long as each brings at least 15 % more speed."""

    def __init__(self, pool: ConnectionPool, most: int, rate_limit: RateLimit) -> None:
        self._pool, self._most, self._rate_limit = pool, most, rate_limit
        self._rate, self._at_s, self._before = Rate(), time.monotonic(), 0.0

    def look(self, done: int, total: int) -> None:
        """Now so many bytes are done."""
        pool, now = self._pool, time.monotonic()
        rate = self._rate.note(done)
        if pool.trouble or now - self._at_s < _MORE_S:
            return
        self._at_s = now
        useful = pool.ranged and total - done > _LARGE and not self._rate_limit.limit
        if useful and pool.count < self._most and rate > self._before * _WORTH:
            self._before = rate
            pool.add()


def free_on(folder: Path) -> int:
    """Free bytes on the disk of a folder."""
    return shutil.disk_usage(folder).free


def _is_promised(part: PartFile, identity: Identity, found: str) -> bool:
    if identity.sha256:
        return found == identity.sha256
    return not _has_git_name(identity) or _git_hash(part.part) == identity.etag.lower()


def _has_git_name(identity: Identity) -> bool:
    """Whether the ETag is the git blob id of a small file, which can be computed from its bytes."""
    return bool(_GIT.fullmatch(identity.etag.lower())) and identity.bytes < _LARGE


def _git_hash(path: Path) -> str:
    """The git blob id of these bytes: the SHA-1 that hubs tell for small files."""
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
