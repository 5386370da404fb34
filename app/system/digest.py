"""The SHA-256 of a file, and its comparison with an expected one."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from app.errors import NotFound, Unreadable, WrongHash

_CHUNK = 4 << 20


def digest(
    path: Path,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    stopped: Callable[[], bool] = lambda: False,
) -> str:
    """The SHA-256 of a file; "" if ``stopped`` returned True.

    ``on_progress`` gets bytes done and bytes in all.  Raises NotFound, Unreadable.
    """
    hashed, view, done = hashlib.sha256(), memoryview(bytearray(_CHUNK)), 0
    try:
        total = path.stat().st_size
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(view):
                hashed.update(view[:count])
                done += count
                on_progress(done, total)
                if stopped():
                    return ""
    except FileNotFoundError as error:
        raise NotFound(path=str(path)) from error
    except OSError as error:
        raise Unreadable(path=str(path), why=error.strerror or "") from error
    return hashed.hexdigest()


def check(
    path: Path,
    wanted: str,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Raises WrongHash if the file's SHA-256 differs from ``wanted``."""
    found = digest(path, on_progress)
    if found != wanted.lower():
        raise WrongHash(file=path.name, wanted=wanted, found=found)
