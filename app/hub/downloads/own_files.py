"""Files that are written by position and only by a download, opened without following links."""

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
    """Open a file for reading and writing, made if it is missing; never follows a link.

    Raises AlreadyThere if something else has the name, and OSError.
    """
    handle = _opened(path)
    status = os.fstat(handle)
    if stat.S_ISREG(status.st_mode) and (status.st_nlink < 2 or _is_named(path, status)):
        return handle
    os.close(handle)
    raise AlreadyThere(path=str(path))


def _is_named(path: Path, status: os.stat_result) -> bool:
    """Whether the part has its final name as well, as a program was killed between two steps."""
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
    """The first bytes of the file, at most ``size``. Raises OSError."""
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
    """Wait until the file's data is on the disk. Raises OSError."""
    getattr(os, "fdatasync", os.fsync)(handle)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, if the system supports that."""
    with contextlib.suppress(OSError):  # Windows opens no folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
