"""Whether this machine can hold and run Rookery at all; asked before anything is fetched."""

import os
import platform
import shutil
import sys
from pathlib import Path

from .words import INTEL_MAC, NO_PERMISSION, NO_ROOM, NOT_64_BIT, SetupError


def needed_gigabytes() -> float:
    """The room of a finished set-up with the test extras, in 10^9 bytes (measured on Linux)."""
    return 2.2


def free_gigabytes(folder: Path) -> float:
    """The room left on the disk of ``folder``, in 10^9 bytes."""
    return shutil.disk_usage(folder).free / 1e9


def check_machine(folder: Path, again: str) -> None:
    """Raise SetupError where a set-up in ``folder`` cannot succeed."""
    if sys.maxsize < 2**32:
        raise SetupError(NOT_64_BIT.format(python=sys.executable))
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        raise SetupError(INTEL_MAC)
    if not os.access(folder, os.W_OK):
        raise SetupError(NO_PERMISSION.format(folder=folder))


def check_room(folder: Path, again: str) -> None:
    """Raise SetupError where a new virtual environment does not fit on the disk."""
    free, needed = free_gigabytes(folder), needed_gigabytes()
    if free < needed:
        raise SetupError(NO_ROOM.format(needed=needed, free=free, folder=folder, again=again))
