"""What hubs have told, kept on the disk with its age.  A cache: what is lost is asked again."""

import contextlib
import hashlib
import time
from pathlib import Path
from typing import TypeVar

import msgspec

from app.errors import StoreError
from app.system.atomic_file import replacing
from app.system.json_file import decode, encode
from app.system.small_file import read_small

Told = TypeVar("Told", bound=msgspec.Struct)

_LAYOUT = 1
_LARGEST = 16 << 20


class _Kept(msgspec.Struct, frozen=True):
    layout: int
    at: float
    told: msgspec.Raw


class Cache:
    """Answers by key below ``folder``; safe to use from several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str, kind: type[Told]) -> tuple[Told, float] | None:
        """What was kept under ``key`` and when, in seconds since the epoch; None where nothing is.

        What is damaged, of another layout or from the future counts as not there.
        """
        path = self._path(key)
        try:
            kept = decode(read_small(path, _LARGEST), _Kept)
            if kept.layout != _LAYOUT or kept.at > time.time() + 60:
                return None
            return decode(bytes(kept.told), kind), kept.at
        except (OSError, ValueError):
            return None

    def put(self, key: str, told: msgspec.Struct) -> float:
        """Keep it from now on, and say when that is; on a disk that refuses it stays as it was."""
        kept = _Kept(_LAYOUT, time.time(), msgspec.Raw(encode(told)))
        path = self._path(key)
        with contextlib.suppress(OSError, StoreError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                file.write(encode(kept))
        return kept.at

    def _path(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
