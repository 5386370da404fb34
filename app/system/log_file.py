"""A log file that several processes append to and rotate; what cannot be written is given up.

A line is appended under a lock that stands beside the file, in one write, and nobody has the file
open without the lock: so no line is lost or torn, also while another process rotates, and Windows,
which renames no open file, can rotate too.  Where the file system has no locks, or a process
keeps the lock for seconds, lines are still appended, and somebody else rotates.
"""

import contextlib
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

from .atomic_file import retry_while_in_use
from .bug_hook import SurvivingBugs
from .file_lock import locked

MOST_BYTES = 1 << 20
KEPT = 3

_PATIENCE_S = 2.0
_LOOK_S = 0.002
_TAIL_BYTES = 1 << 18
_OPEN = os.O_CREAT
for _name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_NOINHERIT", "O_BINARY"):
    _OPEN |= getattr(os, _name, 0)  # a pipe that lies there must not hold anybody up


class LogFile(logging.Handler):
    """Appends to ``path``, whose folder is made with the first line; keeps ``KEPT`` older files.

    With ``beside`` a thread writes, so that whoever logs never waits for a disk; ``flush`` waits
    until all is written.  ``first`` is written before the first event: who this is.
    """

    def __init__(
        self,
        path: Path,
        *,
        beside: bool = False,
        first: Callable[[], str] = str,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        super().__init__()
        self._path, self._most_bytes = path, most_bytes
        self._first: Callable[[], str] | None = first
        self._lines: SimpleQueue[str | threading.Event | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        if beside:
            self._thread = threading.Thread(target=self._write_beside, name="log", daemon=True)
            self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one event; a record that cannot be formatted is a bug, and is reported as one."""
        with SurvivingBugs():
            line = self.format(record)
            if self._thread is not None:
                self._lines.put(line)
            else:
                self._write(line)

    def flush(self) -> None:
        """Wait until what was logged is written, for two seconds at most."""
        if self._thread is not None and self._thread.is_alive():
            written = threading.Event()
            self._lines.put(written)
            written.wait(_PATIENCE_S)

    def close(self) -> None:
        """Write what is left, and end the thread."""
        if self._thread is not None:
            self._lines.put(None)
            self._thread.join(_PATIENCE_S)
            self._thread = None
        super().close()

    def begin(self) -> None:
        """Write who this is now, and not with the first event."""
        if self._thread is not None:
            self._lines.put("")
        else:
            self._write("")

    def _write_beside(self) -> None:
        while True:
            lines, waiting, last = _taken(self._lines)
            if lines is not None:
                with SurvivingBugs():
                    self._write(lines)
            for event in waiting:
                event.set()
            if last:
                return

    def _write(self, lines: str) -> None:
        if self._first is not None:
            first, self._first = self._first, None
            lines = first() + lines
        text = lines.encode("utf-8", "backslashreplace")
        with contextlib.suppress(OSError):
            try:
                self._append(text)
            except FileNotFoundError:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._append(text)

    def _append(self, text: bytes) -> None:
        with _held(self._path.with_name(f"{self._path.name}.lock")) as alone:
            handle = _opened(self._path)
            try:
                size = os.fstat(handle).st_size
                if alone and size and size + len(text) > self._most_bytes:
                    os.close(handle)
                    handle = -1
                    self._rotate()
                    handle = _opened(self._path)
                    size = os.fstat(handle).st_size
                _write_whole(handle, text, size, alone=alone)
            finally:
                if handle >= 0:
                    os.close(handle)

    def _rotate(self) -> None:
        """Give each file the next number; the newest, which somebody may be reading, goes first.

        Windows refuses to rename what is being read: then all stay, and go another time.
        """
        aside = self._path.with_name(f"{self._path.name}.0")
        names = [aside, *older(self._path)[1:]]
        with contextlib.suppress(OSError):
            if not aside.exists():
                retry_while_in_use(os.replace, self._path, aside)
            for before, after in zip(names[-2::-1], names[:0:-1], strict=True):
                if before.exists():
                    retry_while_in_use(os.replace, before, after)


def older(path: Path, kept: int = KEPT) -> list[Path]:
    """``path`` and the files it was rotated to, the newest first; not all of them need be there."""
    return [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, kept + 1))]


def tail(path: Path, lines: int) -> list[str]:
    """The last lines, also of the file before where this one has too few; [] where none is there.

    They come from the last 256 KiB of each.
    """
    found: list[str] = []
    for file in older(path):
        if len(found) < lines:
            found = _last_lines(file) + found
    return found[-lines:] if lines else []


def _last_lines(file: Path) -> list[str]:
    try:
        handle = os.open(file, os.O_RDONLY | (_OPEN & ~os.O_CREAT))
    except OSError:
        return []
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        return []
    with open(handle, "rb") as log:
        cut = status.st_size > _TAIL_BYTES
        if cut:
            log.seek(-_TAIL_BYTES, os.SEEK_END)
        text = log.read(_TAIL_BYTES).decode("utf-8", "replace")
    return text.split("\n")[1 if cut else 0 :][:-1]


def _taken(
    queue: "SimpleQueue[str | threading.Event | None]",
) -> tuple[str | None, list[threading.Event], bool]:
    """Wait for something, and take all that is there: lines, who waits for them, and the end."""
    entry = queue.get()
    lines: str | None = None
    waiting: list[threading.Event] = []
    while entry is not None:
        if isinstance(entry, str):
            lines = (lines or "") + entry
        else:
            waiting.append(entry)
        try:
            entry = queue.get_nowait()
        except Empty:
            return lines, waiting, False
    return lines, waiting, True


@contextlib.contextmanager
def _held(lock: Path) -> Iterator[bool]:
    """Whether the lock was free within two seconds; it is held meanwhile.  Raises OSError."""
    handle = os.open(lock, os.O_RDWR | _OPEN, 0o600)
    try:
        until_s = time.monotonic() + _PATIENCE_S
        while not (alone := locked(handle)) and time.monotonic() < until_s:
            time.sleep(_LOOK_S)
        yield alone
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    """To append to.  Raises OSError, also where something else than a file stands there."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | _OPEN, 0o600)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError("it is no file")
    return handle


def _write_whole(handle: int, text: bytes, size: int, *, alone: bool) -> None:
    """All of it or, on a full disk, nothing: no half of a line stays."""
    if os.write(handle, text) < len(text) and alone:
        os.ftruncate(handle, size)
