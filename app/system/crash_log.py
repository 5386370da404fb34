"""Files in which a process that falls leaves where it was; the next start reads and offers them.

A running process has a file of its own open and locked, ``crash-KIND-PID.txt``, into which
Python's faulthandler writes the stack of every thread when a signal ends it.  An empty one is no
crash, and one that is locked belongs to a process that runs.  A file that was offered has the time
of the crash in its name.
"""

import contextlib
import faulthandler
import os
import re
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from app.errors import Failure

from .file_lock import locked
from .log import flush, keeps_texts, logger
from .log_lines import error_lines, without_secrets

_NAME = re.compile(r"crash-([a-z]+)-(\d+)(\.\d)?(-\d{8}-\d{6})?\.txt", re.ASCII)
_TRIES = 9
_KEPT = 20
_KEPT_S = 60 * 86400.0
_MOST_BYTES = 1 << 18
_FLAGS = 0
for _name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_NOINHERIT", "O_BINARY", "O_NOFOLLOW"):
    _FLAGS |= getattr(os, _name, 0)

_log = logger("crash")
_folder: Path | None = None
_own: tuple[int, Path] | None = None  # this process's file while it is open


class Crash(msgspec.Struct, frozen=True):
    """What one process left: its kind ("window", "worker", "downloader"), when, and the stacks."""

    path: Path
    kind: str
    when_s: float
    text: str


@contextlib.contextmanager
def watched(kind: str, folder: Path) -> Iterator[None]:
    """Until the block ends, a crash of this process leaves a file in ``folder``.

    So does an exception that ends the block.  Where no file can be made, stacks go to stderr.
    """
    global _folder, _own
    before, _folder = _folder, folder
    _own = _claimed(kind, folder)
    _enable(_own)
    try:
        yield
    except (Failure, BrokenPipeError):  # the world's fault, and told by whoever started this
        raise
    except Exception as error:
        leave(error)
        _forget(keep=True)
        raise
    finally:
        _forget(keep=False)
        _folder = before


def record(error: BaseException, words: str = "nobody foresaw this") -> None:
    """Log an error nobody foresaw; as text, for a record would hold all that its frames hold."""
    _log.error("%s\n%s", words, error_lines(error, texts=keeps_texts()))


def leave(error: BaseException) -> None:
    """Log the error that ends this process at once, and put it into the process's file."""
    record(error, "this ended the process")
    _write_own(error)
    flush()


def trace_left_by(pid: int, exit_code: int) -> str:
    """What a child process left that has ended; "" where it ended well or left nothing.

    Takes its file away where that tells of no crash.
    """
    found = ""
    for path in _files(_folder) if _folder is not None else ():
        name = _NAME.fullmatch(path.name)
        if name and int(name[2]) == pid and not name[4]:
            with contextlib.suppress(OSError):
                text = _read(path)
                if exit_code == 0 or not text:
                    path.unlink()
                elif exit_code < 0 or exit_code > 255:  # by a signal, or as Windows ends programs
                    found = text
    return found


def unreported(folder: Path) -> list[Crash]:
    """Crashes that were not offered yet, the newest first; the next call does not have them.

    Takes away what is empty, old or too much.  Files of processes that run are left alone.
    """
    found = []
    for path in _files(folder):
        name = _NAME.fullmatch(path.name)
        if name and not name[4]:
            with contextlib.suppress(OSError):
                crash = _taken(path, name[1])
                if crash is not None:
                    found.append(crash)
    _tidy(folder)
    return sorted(found, key=lambda crash: -crash.when_s)


def crashes(folder: Path) -> list[Crash]:
    """All that are kept, the newest first, offered or not."""
    found = []
    for path in _files(folder):
        name = _NAME.fullmatch(path.name)
        with contextlib.suppress(OSError):
            if name and (text := _read(path)):
                found.append(Crash(path, name[1], path.stat().st_mtime, text))
    return sorted(found, key=lambda crash: -crash.when_s)


def _claimed(kind: str, folder: Path) -> tuple[int, Path] | None:
    """An empty file of this process, open and locked."""
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, _TRIES + 1):
            again = f".{number}" if number > 1 else ""
            path = folder / f"crash-{kind}-{os.getpid()}{again}.txt"
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _FLAGS, 0o600)
            if _is_free(handle, path):
                return handle, path
            os.close(handle)  # an earlier process of that number has left something in it
    return None


def _is_free(handle: int, path: Path) -> bool:
    """Whether it is empty, not locked, and still there: a start that tidies may have taken it."""
    if not locked(handle):
        return False
    os.lseek(handle, 0, os.SEEK_SET)
    status = os.fstat(handle)
    with contextlib.suppress(OSError):
        return status.st_size == 0 and os.path.samestat(status, os.stat(path))
    return False


def _enable(own: tuple[int, Path] | None) -> None:
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # no stderr at all
        if own is not None:
            faulthandler.enable(own[0])
        else:
            faulthandler.enable()


def _write_own(error: BaseException) -> None:
    if _own is not None:
        text = without_secrets(error_lines(error, texts=keeps_texts()))
        with contextlib.suppress(OSError):
            os.write(_own[0], f"{text}\n".encode("utf-8", "backslashreplace"))


def _forget(*, keep: bool) -> None:
    """Close this process's file; on Windows an open one cannot be taken away."""
    global _own
    faulthandler.disable()
    if _own is not None:
        handle, path = _own
        _own = None
        with contextlib.suppress(OSError):
            if not keep and sys.platform != "win32":
                path.unlink()
            os.close(handle)
            if not keep and sys.platform == "win32":
                path.unlink()


def _taken(path: Path, kind: str) -> Crash | None:
    """One that tells of a crash gets its time into its name; an empty one goes.  Raises OSError."""
    handle = os.open(path, os.O_RDWR | _FLAGS)
    try:
        if not locked(handle):
            return None
        status = os.fstat(handle)
        os.lseek(handle, 0, os.SEEK_SET)
        text = os.read(handle, _MOST_BYTES).decode("utf-8", "replace")
        if not text and sys.platform != "win32":
            path.unlink()
    finally:
        os.close(handle)
    if not text:
        path.unlink(missing_ok=True)
        return None
    when = datetime.fromtimestamp(status.st_mtime).strftime("%Y%m%d-%H%M%S")
    now = path.with_name(f"{path.stem}-{when}.txt")
    os.rename(path, now)  # another start that took it first has left nothing to rename
    return Crash(now, kind, status.st_mtime, text)


def _read(path: Path) -> str:
    handle = os.open(path, os.O_RDONLY | _FLAGS)
    try:
        return os.read(handle, _MOST_BYTES).decode("utf-8", "replace")
    finally:
        os.close(handle)


def _files(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [
                folder / entry.name
                for entry in entries
                if _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
            ]
    except OSError:
        return []


def _tidy(folder: Path) -> None:
    """Of those that were offered the newest stay, for sixty days."""
    aged = []
    for path in _files(folder):
        name = _NAME.fullmatch(path.name)
        if name and name[4]:
            with contextlib.suppress(OSError):
                aged.append((path.stat().st_mtime, path))
    for place, (when_s, path) in enumerate(sorted(aged, reverse=True)):
        if place >= _KEPT or time.time() - when_s > _KEPT_S:
            with contextlib.suppress(OSError):
                path.unlink()
