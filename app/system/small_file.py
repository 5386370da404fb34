"""Reads a small file so that nothing that lies under its name hangs or fills the memory.

That may be a pipe that nobody writes into, a device that never ends, a folder, or far too large a
file.  All of these are a ValueError or an OSError.
"""

import errno
import os
import stat
from pathlib import Path

from .atomic_file import retry_while_in_use

_NEVER_WAITS = ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_NOINHERIT", "O_BINARY")


class UnfitFileError(ValueError):
    """What stands there is no file that could have been kept: no file at all, or far too large."""


def read_small(path: Path, most: int, *, follow: bool = True) -> bytes:
    """All of a regular file of at most ``most`` bytes; with ``follow`` also behind a link.

    Raises OSError as the system says it, and UnfitFileError.
    """
    return retry_while_in_use(_read, path, most, follow=follow)


def _read(path: Path, most: int, *, follow: bool) -> bytes:
    flags = os.O_RDONLY
    for name in (*_NEVER_WAITS, *(() if follow else ("O_NOFOLLOW",))):
        flags |= getattr(os, name, 0)
    try:
        handle = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise UnfitFileError("it is no file") from error
        raise
    except ValueError as error:  # a name with a NUL
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error
    with open(handle, "rb") as file:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            raise UnfitFileError("it is no file")
        text = file.read(most + 1)
    if len(text) > most:
        raise UnfitFileError(f"it has more than {most} bytes")
    return text
