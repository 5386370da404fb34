"""A file that one program at a time owns; the system lets go of it when the process ends."""

import errno
import os
import sys

_TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)

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
