"""Files that appear whole or not at all; what the system refuses becomes a Failure."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from app.errors import DiskFull, StoreError

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A file that stands at ``path`` once all of it is written; before that nothing changes there.

    Behind a link it is the link's target that is replaced.  A device or a pipe is no file that
    could be: it is written to as it stands.  Raises DiskFull, and StoreError (facts path, why,
    said).
    """
    try:
        with path.open("wb") if _stands(path) else _beside(path) as file:
            yield file
    except OSError as error:
        raise unwritten(error, str(path)) from error


def unwritten(error: OSError, path: str) -> StoreError:
    """The failure that the system's refusal to write means."""
    if error.errno in _FULL:
        return DiskFull(path=path)
    return StoreError(path=path, why="unwritten", said=error.strerror or str(error))


def _stands(path: Path) -> bool:
    """Also for a folder, so that opening it tells what is wrong."""
    return path.exists() and not path.is_file()


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[BinaryIO]:
    target = Path(os.path.realpath(path))
    part = target.with_name(f"{target.name}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
