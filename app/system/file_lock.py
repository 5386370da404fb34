"""Locks between programs and threads; the system lets go of them when a process ends."""

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
    """Let nobody else who asks for it read and then write ``path`` meanwhile.

    The lock is ``NAME.lock`` beside the file, which stays there: one that is deleted would be
    two.  A file system that keeps no locks lets everyone in.  Raises StoreError where the folder
    cannot be written, or somebody keeps it locked for longer than ``patience_s``.
    """
    from filelock import FileLock, Timeout  # only for who writes

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

    _FAR = 1 << 30  # past everything that is written, for Windows refuses to read what is locked

    def locked(handle: int) -> bool:
        """Own the open file until it is closed; False where another one owns it."""
        os.lseek(handle, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            return error.errno not in _TAKEN
        return True

else:
    import fcntl

    def locked(handle: int) -> bool:
        """Own the open file until it is closed; False where another one owns it.

        A file system that keeps no locks gives the file to everyone who asks.
        """
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in _TAKEN
        return True
