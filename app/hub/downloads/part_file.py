"""A file that is growing: ``NAME.part``, what is in it, and the moment it gets its name.

Beside it lie ``NAME.part.json``, written after the bytes it speaks of are on the disk, so that it
holds after a power cut, and ``NAME.part.live``, written after every piece.  The second one costs
no waiting and is believed only until the machine is started again: a program that is killed loses
no byte, a power cut those since the disk was last asked to keep them.
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
    """What file it is; another one means to begin anew.  ``sha256`` is "" where nobody tells."""

    etag: str
    bytes: int
    sha256: str = ""


class Record(msgspec.Struct, kw_only=True):
    """What is known of the part: which bytes are in it.

    ``validator`` is the ETag of the host that sent them, ``serial`` counts beginnings.  ``done``:
    all is there and was found right, so that only the name was missing.
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
    """The growing file that will be ``path``; locked against everyone else while it is open.

    Raises DownloadBusy, AlreadyThere (something odd has its name), StoreError and DiskFull.
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
        """How many bytes are there from the first on."""
        with self._lock:
            return self.ranges.prefix

    @property
    def total(self) -> int:
        """How many bytes are there."""
        with self._lock:
            return self.ranges.total

    @property
    def spans(self) -> list[Span]:
        """What is there."""
        with self._lock:
            return list(self.ranges)

    def gaps(self, size: int) -> list[Span]:
        """What is missing of ``size`` bytes."""
        with self._lock:
            return self.ranges.gaps(size)

    def adopt(self, identity: Identity, url: str) -> bool:
        """Go on with what is there where it is the same file; otherwise begin anew, and say so."""
        if self.record and self.record.identity == identity:
            self.record.url = url
            return False
        began = bool(self.record and self.ranges.total)
        self.begin_anew(identity, url)
        return began

    def begin_anew(self, identity: Identity, url: str) -> None:
        """Forget every byte; the record first, so that none of them is ever believed again."""
        serial = self.record.serial + 1 if self.record else time.time_ns()
        self.record = Record(identity=identity, url=url, serial=serial)
        with self._lock:
            self.ranges = Ranges()
            self._write_record(self.record)
            with _translate_errors(self.path):
                os.ftruncate(self._file, 0)

    def write(self, data: bytes, at: int) -> None:
        """Put the bytes there, and note that they are; of a disk that gets full, those that fit."""
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
        """The first bytes, at most ``size``, as far as they are there."""
        there = min(size, self.prefix)
        with _translate_errors(self.path):
            return bytes_at_start(self._file, there)

    def keep(self) -> None:
        """Have the disk keep everything so far."""
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
        """Give it its name; what has that name already is left alone.  Raises AlreadyThere.

        ``keep_record`` leaves the record there for whom the file is one of several.
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
        """Whether an earlier run has given this very file its name, and only that is left of it."""
        record = self.record
        if record is None or not record.done or record.identity != identity:
            return False
        if self.part.stat().st_size and not os.path.samefile(self.part, self.path):
            return False
        return self.path.is_file() and self.path.stat().st_size == identity.bytes

    def discard(self, *, keep_record: bool = False) -> None:
        """Take the part away."""
        self._make_movable()
        with _translate_errors(self.path):
            retry_while_in_use(self.part.unlink, missing_ok=True)
            self._forget(keep_record=keep_record)

    def _make_movable(self) -> None:
        """Windows renames and deletes no file that is open; elsewhere the lock is kept longer."""
        if sys.platform == "win32":
            self._close()

    def _forget(self, *, keep_record: bool) -> None:
        forget(self.path, endings=(LIVE,) if keep_record else (RECORD, LIVE))

    def _found(self) -> Ranges:
        """The bytes that can be believed to be there."""
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
    """Take away what is left of a download.  Raises OSError."""
    for ending in endings:
        retry_while_in_use(path.with_name(path.name + ending).unlink, missing_ok=True)


def already(path: Path) -> int:
    """How many bytes of ``path`` an earlier run has left, looking only."""
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
    """Rename without replacing anything.  Raises AlreadyThere, OSError."""
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
    """Wait for whoever is just ending; the system lets go of it with the process."""
    until = time.monotonic() + patience_s
    while not locked(handle):
        if time.monotonic() > until:
            raise DownloadBusy(path=str(path))
        time.sleep(_PAUSE_S)


def _boot() -> str:
    """A word that changes when the machine is started again."""
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
