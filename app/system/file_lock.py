"""Locks between programs and threads; the system releases them when a process ends."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from app.errors import StoreError

_TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)
_PATIENCE_S = 10.0
_LOOK_S = 0.01


@contextlib.contextmanager
def locked_beside(path: Path, patience_s: float = _PATIENCE_S) -> Iterator[None]:
    """Hold the lock of ``path``, for reading the file and then writing it.

    The lock is the file ``NAME.lock`` beside it, which is never deleted: after that two programs
    could lock different files.  On a file system without locks nothing is locked.  Raises
    StoreError if the folder cannot be written, or if the lock is not free within ``patience_s``.
    """
    from filelock import FileLock, Timeout  # here: most starts write nothing

    lock = FileLock(
        path.with_name(f"{path.name}.lock"),
        timeout=patience_s,
        mode=0o600,
        poll_interval=_LOOK_S,
        fallback_to_soft=False,
    )
    try:
        lock.acquire()
    except Timeout as error:
        said = "another program keeps it locked"
        raise StoreError(path=str(path), why="unwritten", said=said) from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            said = error.strerror or str(error)
            raise StoreError(path=str(path), why="refused", said=said) from error
    try:
        yield
    finally:
        lock.release()


if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 30  # beyond the end of the file: Windows refuses to read bytes that are locked

    def locked(handle: int) -> bool:
        """Lock the open file until it is closed; False if it is locked already."""
        os.lseek(handle, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            return error.errno not in _TAKEN
        return True

else:
    import fcntl

    def locked(handle: int) -> bool:
        """Lock the open file until it is closed; False if it is locked already.

        On a file system without locks the answer is always True.
        """
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in _TAKEN
        return True
