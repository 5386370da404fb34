"""Where the window's socket lies, and whose process is at the other end; opens no socket itself."""

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_LONGEST = 103 if sys.platform == "darwin" else 107  # bytes of a path that a socket takes
_LETTERS = 16


def socket_address(data_folder: Path) -> str:
    """A name that the starts for one data folder agree upon; "" where no safe place is found.

    On Windows a pipe, elsewhere a path in a folder that only this account can enter: below the
    runtime folder, the data folder or the folder for temporary files, whichever is short enough
    and has a name that is text, which Qt needs.
    """
    digest = hashlib.sha256(os.fsencode(os.path.realpath(data_folder))).hexdigest()[:_LETTERS]
    if sys.platform == "win32":
        return f"rookery-{digest}"
    for folder in _folders(data_folder):
        place = str(folder / f"{digest}.sock")
        if len(os.fsencode(place)) <= _LONGEST and _is_text(place) and _is_own(folder):
            return place
    return ""


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_left_over(address: str) -> bool:
    """Whether a socket of this account lies there, which nobody may answer at any more."""
    try:
        status = os.lstat(address)
    except (OSError, ValueError):
        return False
    return stat.S_ISSOCK(status.st_mode) and status.st_uid == os.getuid()


def is_own_account(descriptor: int) -> bool:
    """Whether the process at the other end of a connected socket runs in this account."""
    try:
        return _is_own_peer(descriptor)
    except (OSError, AttributeError):  # the system does not tell
        return False


def _folders(data_folder: Path) -> Iterator[Path]:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime) and os.path.isdir(runtime):
        yield Path(runtime, "rookery")
    yield Path(os.path.realpath(data_folder), "run")
    yield Path(tempfile.gettempdir(), f"rookery-{os.getuid()}")


if sys.platform == "win32":

    def _is_own_peer(descriptor: int) -> bool:
        import ctypes
        from ctypes import wintypes

        import psutil

        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        ends = []
        for ask in (kernel.GetNamedPipeServerProcessId, kernel.GetNamedPipeClientProcessId):
            process = wintypes.ULONG()
            if not ask(wintypes.HANDLE(descriptor), ctypes.byref(process)):
                return False
            ends.append(process.value)
        try:
            return len({psutil.Process(one).username() for one in ends}) == 1
        except psutil.Error:  # what another account runs is not told
            return False

    def _is_own(folder: Path) -> bool:
        return True

else:

    def _is_own_peer(descriptor: int) -> bool:
        if sys.platform == "linux":
            import socket
            import struct

            form = struct.Struct("3i")
            with socket.socket(fileno=os.dup(descriptor)) as peer:
                told = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, form.size)
            return bool(form.unpack(told)[1] == os.geteuid())
        import ctypes

        user, group = ctypes.c_uint(), ctypes.c_uint()
        answer = ctypes.CDLL(None).getpeereid(descriptor, ctypes.byref(user), ctypes.byref(group))
        return bool(answer == 0 and user.value == os.geteuid())

    def _is_own(folder: Path) -> bool:
        """A folder of this account that nobody else can enter; it is made where there is none."""
        try:
            folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            status = os.lstat(folder)
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
                return False
            if stat.S_IMODE(status.st_mode) & 0o077:
                folder.chmod(0o700)
        except OSError:
            return False
        return True
