"""Atomic writes: a file gets its name only once it is complete; OSError becomes a Failure.

Until then it is written as ``.NAME.<12 random digits>.new`` in the same folder, so that two
writers of one file do not share a temporary file, and the last to finish wins.
"""

import contextlib
import errno
import os
import re
import secrets
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

from app.errors import DiskFull, StoreError

from .file_lock import locked

P = ParamSpec("P")
T = TypeVar("T")

_FULL = (errno.ENOSPC, errno.EDQUOT)
_IN_USE = (5, 32, 33)  # ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
_LONGEST = 50  # letters of a name that are kept, of up to 4 bytes each: file systems take 255
_LEFT_OVER = re.compile(r"\..+\.[0-9a-f]{12}\.new", re.DOTALL)
_OLD_S = 3600.0
_cleared: set[str] = set()
_PAUSES_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3)


@contextlib.contextmanager
def writing(path: Path, mode: int = 0o666, *, through_links: bool = False) -> Iterator[BinaryIO]:
    """A file object whose content replaces ``path`` when the block ends without an exception.

    ``mode`` are the permissions of a new file, less the umask; a replaced file keeps its own.  If
    ``path`` is a link, the link is replaced, or with ``through_links`` its target.  A device or a
    pipe is written to directly.  Raises DiskFull, and StoreError (facts path, why, said).
    """
    try:
        if _stands(path):
            with path.open("wb") as file:
                yield file
        else:
            with _beside(_target(path, through_links=through_links), mode) as file:
                yield file
    except OSError as error:
        raise unwritten(error, str(path)) from error


@contextlib.contextmanager
def replacing(path: Path, mode: int = 0o666, *, through_links: bool = False) -> Iterator[BinaryIO]:
    """As ``writing``, for the program's own records: also in place of a device, pipe or socket."""
    try:
        through_links = through_links and path.is_file()
        with _beside(_target(path, through_links=through_links), mode) as file:
            yield file
    except OSError as error:
        raise unwritten(error, str(path)) from error


def retry_while_in_use(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``act``, and again for up to 0.7 s if Windows says that the file is in use.

    That happens when another program has the file open for a moment.  Other errors, and the last
    one, are raised unchanged.
    """
    for pause_s in _PAUSES_S:
        try:
            return act(*args, **kwargs)
        except OSError as error:
            if getattr(error, "winerror", None) not in _IN_USE:
                raise
        time.sleep(pause_s)
    return act(*args, **kwargs)


def unwritten(error: OSError, path: str) -> StoreError:
    """The Failure for an OSError of a write: DiskFull, or StoreError."""
    if error.errno in _FULL:
        return DiskFull(path=path)
    return StoreError(path=path, why="unwritten", said=error.strerror or str(error))


def _target(path: Path, *, through_links: bool) -> Path:
    """What is replaced: behind links to folders, but a link itself unless they are followed."""
    if through_links:
        return Path(os.path.realpath(path))
    return Path(os.path.realpath(path.parent), path.name)


def _stands(path: Path) -> bool:
    """Whether ``path`` is a device or a pipe; also a folder, which open() then refuses."""
    if path.is_absolute() and path.parts[1:2] in (("dev",), ("proc",)) and sys.platform != "win32":
        return path.exists() and path.parts[1:3] != ("dev", "shm")
    return path.exists() and not path.is_file()


@contextlib.contextmanager
def _beside(target: Path, mode: int) -> Iterator[BinaryIO]:
    _clear_once(target.parent)
    handle, growing = open_unique(target, mode)
    try:
        with open(handle, "wb") as file:
            if sys.platform != "win32":  # Windows keeps an open file by itself
                locked(handle)
            yield file
            file.flush()
            _keep_permissions(target, handle)
            os.fsync(file.fileno())
        retry_while_in_use(os.replace, growing, target)
    except BaseException:
        with contextlib.suppress(OSError):
            growing.unlink()
        raise


def open_unique(target: Path, mode: int = 0o666) -> tuple[int, Path]:
    """A new empty file with an unused random name in the folder of ``target``; follows no link."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    for name in ("O_NOFOLLOW", "O_BINARY", "O_CLOEXEC", "O_NOINHERIT"):
        flags |= getattr(os, name, 0)
    base = target.name[:_LONGEST]
    while True:
        growing = target.with_name(f".{base}.{secrets.token_hex(6)}.new")
        try:
            return os.open(growing, flags, mode), growing
        except FileExistsError:
            continue


def _keep_permissions(target: Path, handle: int) -> None:
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            status = os.lstat(target)
            if stat.S_ISREG(status.st_mode):
                os.fchmod(handle, stat.S_IMODE(status.st_mode))


def clear_left_overs(folder: Path, old_s: float = _OLD_S) -> None:
    """Delete temporary files that killed writers have left in ``folder``.

    Files that were changed within ``old_s`` seconds, or are locked, may still be in use and are
    kept.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _LEFT_OVER.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _clear(Path(entry.path), old_s)


def _clear_once(folder: Path) -> None:
    """The same, once in each run."""
    if str(folder) not in _cleared:
        _cleared.add(str(folder))
        clear_left_overs(folder)


def _clear(left_over: Path, old_s: float) -> None:
    with contextlib.suppress(OSError):
        if time.time() - left_over.stat().st_mtime < old_s:
            return
        if sys.platform != "win32":
            handle = os.open(left_over, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if locked(handle):
                    left_over.unlink()
            finally:
                os.close(handle)
        else:
            left_over.unlink()  # refused while it is open
