"""The SHA-256 of a file."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from app.errors import NotFound, Unreadable

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
        raise Unreadable(path=str(path), said=error.strerror or "") from error
    return hashed.hexdigest()
