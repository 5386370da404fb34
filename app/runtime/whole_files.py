"""Files that appear whole or not at all; what the system refuses becomes a Failure."""

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

from app.errors import DiskFull, StoreError

P = ParamSpec("P")
T = TypeVar("T")

_FULL = (errno.ENOSPC, errno.EDQUOT)
_IN_USE = (5, 32, 33)  # ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
_PAUSES_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3)


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
        patiently(os.replace, part, target)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
