"""Whether a file on the disk is the one that was promised."""

from collections.abc import Callable
from pathlib import Path

from app.errors import NotFound, Unreadable, WrongHash

from . import sha256

_CHUNK = 4 << 20


def digest(
    path: Path,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    stopped: Callable[[], bool] = lambda: False,
) -> str:
    """The SHA-256 of a file; "" where ``stopped`` said so.

    ``on_progress`` gets bytes done and bytes in all.  Raises NotFound, Unreadable.
    """
    hashed, view = sha256.begin(), memoryview(bytearray(_CHUNK))
    try:
        total = path.stat().st_size
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(view):
                hashed.update(view[:count])
                on_progress(hashed.count, total)
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
    """Raises WrongHash where the file's SHA-256 is another one than ``wanted``."""
    found = digest(path, on_progress)
    if found != wanted.lower():
        raise WrongHash(file=path.name, wanted=wanted, found=found)
