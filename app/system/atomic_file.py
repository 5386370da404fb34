"""Files that appear whole or not at all; what the system refuses becomes a Failure.

Until it is whole, a file has a name of its own that nobody else has: ``.NAME.<12 digits>.new`` in
the same folder.  So two who write one file do not meet, and the last one stands.
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
    """A file that stands at ``path`` once all of it is written; before that nothing changes there.

    ``mode`` are the permissions of a new file, less the umask; one that is replaced keeps its own.
    A link is replaced, and what it leads to stays as it is, unless ``through_links`` asks for the
    target to be replaced.  A device or a pipe is no file that could be: it is written to as it
    stands.  Raises DiskFull, and StoreError (facts path, why, said).
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


def patiently(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Replace, delete or read a file, also while another program has it open for a moment.

    Windows refuses that, with the error of a file that is in use; it is asked again for 0.7 s in
    all.  Every other error, and the last one, is raised as it came.
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
    """The failure that the system's refusal to write means."""
    if error.errno in _FULL:
        return DiskFull(path=path)
    return StoreError(path=path, why="unwritten", said=error.strerror or str(error))


def _target(path: Path, *, through_links: bool) -> Path:
    """What is replaced: behind links to folders, but a link itself unless they are followed."""
    if through_links:
        return Path(os.path.realpath(path))
    return Path(os.path.realpath(path.parent), path.name)


def _stands(path: Path) -> bool:
    """Also for a folder, so that opening it tells what is wrong, and for all that is in /dev."""
    if path.is_absolute() and path.parts[1:2] in (("dev",), ("proc",)) and sys.platform != "win32":
        return path.exists() and path.parts[1:3] != ("dev", "shm")
    return path.exists() and not path.is_file()


@contextlib.contextmanager
def _beside(target: Path, mode: int) -> Iterator[BinaryIO]:
    _clear_left_overs(target.parent)
    handle, growing = open_unique(target, mode)
    try:
        with open(handle, "wb") as file:
            if sys.platform != "win32":  # Windows keeps an open file by itself
                locked(handle)
            yield file
            file.flush()
            _keep_permissions(target, handle)
            os.fsync(file.fileno())
        patiently(os.replace, growing, target)
    except BaseException:
        with contextlib.suppress(OSError):
            growing.unlink()
        raise


def open_unique(target: Path, mode: int = 0o666) -> tuple[int, Path]:
    """A new empty file in the folder of ``target`` under a name that nobody has; never a link."""
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


def _clear_left_overs(folder: Path) -> None:
    """Once in each run, take away what writers that were killed have left in ``folder``.

    What was touched within the hour, or is locked, may still be written.
    """
    if str(folder) in _cleared:
        return
    _cleared.add(str(folder))
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _LEFT_OVER.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _clear(Path(entry.path))


def _clear(left_over: Path) -> None:
    with contextlib.suppress(OSError):
        if time.time() - left_over.stat().st_mtime < _OLD_S:
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
