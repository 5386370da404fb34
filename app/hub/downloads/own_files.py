"""Open files that only a download writes to, by position; knows no hub and no record."""

import contextlib
import errno
import os
import stat
import sys
import threading
from pathlib import Path

from app.errors import AlreadyThere
from app.hub.safe_paths import PART


def open_own(path: Path) -> int:
    """A file of its own for reading and writing: never through a link, whatever kind it is.

    Raises AlreadyThere, OSError.
    """
    handle = _opened(path)
    status = os.fstat(handle)
    if stat.S_ISREG(status.st_mode) and (status.st_nlink < 2 or _is_named(path, status)):
        return handle
    os.close(handle)
    raise AlreadyThere(path=str(path))


def _is_named(path: Path, status: os.stat_result) -> bool:
    """Whether the part has its final name as well: a program fell between two steps."""
    if not path.name.endswith(PART):
        return False
    try:
        final = os.lstat(path.with_name(path.name.removesuffix(PART)))
    except OSError:
        return False
    return status.st_nlink == 2 and os.path.samestat(status, final)


def _opened(path: Path) -> int:
    if sys.platform == "win32" and path.is_symlink():
        raise AlreadyThere(path=str(path))
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    flags |= getattr(os, "O_NONBLOCK", 0)  # a pipe would wait for its other end
    try:
        return os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o644)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise AlreadyThere(path=str(path)) from error
        raise


def bytes_at_start(handle: int, size: int) -> bytes:
    """The first bytes, at most ``size``.  Raises OSError."""
    with open(os.dup(handle), "rb", buffering=0) as file:
        file.seek(0)
        return file.read(size) or b""


if sys.platform == "win32":
    _AT = threading.Lock()

    def write_at(handle: int, data: memoryview, at: int) -> int:
        """Write there; how many bytes the system took.  Raises OSError."""
        with _AT:
            os.lseek(handle, at, os.SEEK_SET)
            return os.write(handle, data)

else:

    def write_at(handle: int, data: memoryview, at: int) -> int:
        """Write there; how many bytes the system took.  Raises OSError."""
        return os.pwrite(handle, data, at)


def sync(handle: int) -> None:
    """Have the disk keep what was written.  Raises OSError."""
    getattr(os, "fdatasync", os.fsync)(handle)


def sync_folder(folder: Path) -> None:
    """Have the disk keep the names in a folder, where the system can."""
    with contextlib.suppress(OSError):  # Windows opens no folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
