"""Answers of hubs, cached on disk with the time they were received."""

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
    """Answers by key below ``folder``; safe for use by several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str, kind: type[Told]) -> tuple[Told, float] | None:
        """The value that was stored under ``key`` and its time in seconds since 1970; else None.

        A file that is damaged, of another version or from the future counts as missing.
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
        """Store a value; returns its time. If the disk refuses, nothing is stored."""
        kept = _Kept(_LAYOUT, time.time(), msgspec.Raw(encode(told)))
        path = self._path(key)
        with contextlib.suppress(OSError, StoreError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                file.write(encode(kept))
        return kept.at

    def _path(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
