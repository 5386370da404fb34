"""A file that is being downloaded: ``NAME.part``, its two records, and its final renaming.

``NAME.part.json`` is written after the data that it records is on the disk, so it is right after a
power cut.  ``NAME.part.live`` is written after every piece, without waiting for the disk, and is
used only until the machine is restarted.  So a killed program loses no byte, and a power cut loses
those since the data was last synced.
"""

import contextlib
import os
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import msgspec

from app.errors import AlreadyThere, DownloadBusy
from app.hub.safe_paths import LIVE, PART, RECORD
from app.system.atomic_file import replacing, retry_while_in_use, unwritten
from app.system.file_lock import locked
from app.system.json_file import decode, encode
from app.system.small_file import read_small

from .byte_ranges import Ranges, Span
from .own_files import bytes_at_start, open_own, sync, sync_folder, write_at

_PATIENCE_S = 10.0
_PAUSE_S = 0.05
_LARGEST = 16 << 20


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Which file it is; with another identity the download begins anew.

    ``sha256`` is "" if it is not known.
    """

    etag: str
    bytes: int
    sha256: str = ""


class Record(msgspec.Struct, kw_only=True):
    """Which bytes of the file have arrived.

    ``validator`` is the ETag of the host that sent them, ``serial`` counts how often the download
    began anew.  ``done``: the file is complete and verified, and only has to be renamed.
    """

    identity: Identity
    url: str = ""
    validator: str = ""
    serial: int = 0
    ranges: tuple[Span, ...] = ()
    done: bool = False


class _Live(msgspec.Struct):
    boot: str
    serial: int
    ranges: tuple[Span, ...]


class PartFile:
    """The part of the file that will be ``path``; locked against all others while it is open.

    Raises DownloadBusy, AlreadyThere (if its name is taken by something else), StoreError and
    DiskFull.
    """

    def __init__(self, path: Path, patience_s: float = _PATIENCE_S) -> None:
        self.path = path
        self.part = path.with_name(path.name + PART)
        self._record_path = path.with_name(path.name + RECORD)
        self._lock = threading.Lock()
        self._boot = _boot()
        self._widest = 0
        with _translate_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._live = open_own(path.with_name(path.name + LIVE))
        try:
            _own(self._live, path, patience_s)
            with _translate_errors(path):
                self._file = open_own(self.part)
        except BaseException:
            os.close(self._live)
            raise
        self.record = _read(self._record_path)
        self.ranges = self._found()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        for handle in (self._file, self._live):
            if handle >= 0:
                os.close(handle)
        self._file = self._live = -1

    @property
    def prefix(self) -> int:
        """The number of bytes that have arrived from byte 0 on without a gap."""
        with self._lock:
            return self.ranges.prefix

    @property
    def total(self) -> int:
        """The number of bytes that have arrived."""
        with self._lock:
            return self.ranges.total

    @property
    def spans(self) -> list[Span]:
        """The spans [start, end) that have arrived."""
        with self._lock:
            return list(self.ranges)

    def gaps(self, size: int) -> list[Span]:
        """The spans that are missing of a file of ``size`` bytes."""
        with self._lock:
            return self.ranges.gaps(size)

    def adopt(self, identity: Identity, url: str) -> bool:
        """Keep what has arrived if ``identity`` is the same file; else begin anew.

        Returns whether bytes were dropped by that.
        """
        if self.record and self.record.identity == identity:
            self.record.url = url
            return False
        began = bool(self.record and self.ranges.total)
        self.begin_anew(identity, url)
        return began

    def begin_anew(self, identity: Identity, url: str) -> None:
        """Drop all bytes: first from the record on the disk, so that they are never used again."""
        serial = self.record.serial + 1 if self.record else time.time_ns()
        self.record = Record(identity=identity, url=url, serial=serial)
        with self._lock:
            self.ranges = Ranges()
            self._write_record(self.record)
            with _translate_errors(self.path):
                os.ftruncate(self._file, 0)

    def write(self, data: bytes, at: int) -> None:
        """Write the bytes at their position and record them; on a full disk, those that fit."""
        view, end = memoryview(data), at
        try:
            with _translate_errors(self.path):
                while view:
                    written = write_at(self._file, view, end)
                    view, end = view[written:], end + written
        finally:
            if end > at:
                with self._lock:
                    self.ranges.add(at, end)
                    self._note()

    def start(self, size: int) -> bytes:
        """The first bytes, at most ``size``, as far as they have arrived."""
        there = min(size, self.prefix)
        with _translate_errors(self.path):
            return bytes_at_start(self._file, there)

    def keep(self) -> None:
        """Wait until all bytes so far, and the record of them, are on the disk."""
        record = self.record
        if record is None:
            return
        with self._lock:
            ranges = tuple(self.ranges)
        with _translate_errors(self.path):
            sync(self._file)
        record.ranges = ranges
        self._write_record(record)

    def finish(self, *, keep_record: bool = False) -> None:
        """Give the file its final name, without replacing anything. Raises AlreadyThere.

        ``keep_record`` leaves the record there, for a file that is one of several.
        """
        with _translate_errors(self.path):
            sync(self._file)
        if self.record:
            self.record.ranges, self.record.done = tuple(self.spans), True
            self._write_record(self.record)
        self._make_movable()
        with _translate_errors(self.path):
            put_in_place(self.part, self.path)
            self._forget(keep_record=keep_record)

    def is_done(self, identity: Identity) -> bool:
        """Whether an earlier run renamed this very file, so that only its record is left."""
        record = self.record
        if record is None or not record.done or record.identity != identity:
            return False
        if self.part.stat().st_size and not os.path.samefile(self.part, self.path):
            return False
        return self.path.is_file() and self.path.stat().st_size == identity.bytes

    def discard(self, *, keep_record: bool = False) -> None:
        """Delete the part and its records."""
        self._make_movable()
        with _translate_errors(self.path):
            retry_while_in_use(self.part.unlink, missing_ok=True)
            self._forget(keep_record=keep_record)

    def _make_movable(self) -> None:
        """Close the file on Windows, which renames and deletes no open file.

        Keep the lock elsewhere.
        """
        if sys.platform == "win32":
            self._close()

    def _forget(self, *, keep_record: bool) -> None:
        forget(self.path, endings=(LIVE,) if keep_record else (RECORD, LIVE))

    def _found(self) -> Ranges:
        """The spans of the records that can be trusted."""
        if self.record is None:
            return Ranges()
        size = os.fstat(self._file).st_size
        spans = list(self.record.ranges)
        live = _live(self._live)
        if live and live.boot == self._boot and live.serial == self.record.serial:
            spans += live.ranges
        return Ranges((start, min(end, size)) for start, end in spans)

    def _note(self) -> None:
        serial = self.record.serial if self.record else 0
        body = msgspec.json.encode(_Live(self._boot, serial, tuple(self.ranges)))
        line = b"%08x %s\n" % (zlib.crc32(body), body)
        self._widest = max(self._widest, len(line))
        with _translate_errors(self.path):
            write_at(self._live, memoryview(line.ljust(self._widest)), 0)

    def _write_record(self, record: Record) -> None:
        with replacing(self._record_path) as file:
            file.write(encode(record))


def forget(path: Path, endings: tuple[str, ...] = (PART, RECORD, LIVE)) -> None:
    """Delete what is left of a download. Raises OSError."""
    for ending in endings:
        retry_while_in_use(path.with_name(path.name + ending).unlink, missing_ok=True)


def already(path: Path) -> int:
    """How many bytes of ``path`` an earlier run has downloaded; changes nothing."""
    if path.is_file():
        return path.stat().st_size
    record = _read(path.with_name(path.name + RECORD))
    if record is None:
        return 0
    spans = list(record.ranges)
    with contextlib.suppress(OSError):
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        handle = os.open(path.with_name(path.name + LIVE), flags)
        try:
            live = _live(handle)
        finally:
            os.close(handle)
        if live and live.boot == _boot() and live.serial == record.serial:
            spans += live.ranges
    return Ranges(spans).total


def put_in_place(part: Path, final: Path) -> None:
    """Rename ``part`` to ``final`` without replacing anything. Raises AlreadyThere, OSError."""
    if part.is_dir():
        if os.path.lexists(final):
            raise AlreadyThere(path=str(final))
        retry_while_in_use(part.rename, final)
    else:
        _link(part, final)
    sync_folder(final.parent)


def _link(part: Path, final: Path) -> None:
    try:
        os.link(part, final)
    except FileExistsError as error:
        if not os.path.samefile(part, final):
            raise AlreadyThere(path=str(final)) from error
    except OSError as error:  # a file system without links
        if os.path.lexists(final):
            raise AlreadyThere(path=str(final)) from error
        retry_while_in_use(part.rename, final)
        return
    retry_while_in_use(part.unlink)


def _read(path: Path) -> Record | None:
    try:
        return decode(read_small(path, _LARGEST, follow=False), Record)
    except (OSError, ValueError):
        return None


def _live(handle: int) -> _Live | None:
    os.lseek(handle, 0, os.SEEK_SET)
    line = os.read(handle, 1 << 20).partition(b"\n")[0]
    crc, _, body = line.partition(b" ")
    if crc != b"%08x" % zlib.crc32(body):
        return None
    try:
        return decode(body, _Live)
    except ValueError:
        return None


def _own(handle: int, path: Path, patience_s: float) -> None:
    """Lock the file, and wait a little for a process that is just ending."""
    until = time.monotonic() + patience_s
    while not locked(handle):
        if time.monotonic() > until:
            raise DownloadBusy(path=str(path))
        time.sleep(_PAUSE_S)


def _boot() -> str:
    """A text that is another one after each start of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        import psutil

        return str(int(psutil.boot_time()) // 60)


@contextlib.contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritten(error, str(path)) from error
