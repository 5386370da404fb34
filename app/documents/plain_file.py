"""Opens an ordinary file so that nothing that lies under its name hangs whoever reads it."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from app.errors import DocumentError, NotFound, Unreadable

_NEVER_WAITS = ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_NOINHERIT", "O_BINARY")


def open_plain(path: Path, most: int, *, follow: bool = True) -> BinaryIO:
    """A regular file of at most ``most`` bytes; with ``follow`` also behind a link.

    Raises NotFound, Unreadable, and DocumentError (why "not-ordinary", "large").
    """
    flags = os.O_RDONLY
    for name in (*_NEVER_WAITS, *(() if follow else ("O_NOFOLLOW",))):
        flags |= getattr(os, name, 0)
    try:
        handle = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise NotFound(path=str(path)) from error
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ELOOP):  # a socket, a link
            raise DocumentError(why="not-ordinary", path=str(path)) from error
        raise Unreadable(path=str(path), said=error.strerror or "") from error
    told = os.fstat(handle)
    if not stat.S_ISREG(told.st_mode):
        os.close(handle)
        raise DocumentError(why="not-ordinary", path=str(path))
    if told.st_size > most:
        os.close(handle)
        raise DocumentError(why="large", path=str(path), limit_bytes=most)
    return os.fdopen(handle, "rb")
