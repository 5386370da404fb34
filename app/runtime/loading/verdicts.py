"""What the self-tests of cards found, kept on the disk: each is made once."""

import contextlib
import hashlib
import time
from functools import cache
from importlib import metadata
from pathlib import Path

import msgspec

from app import __version__
from app.errors import StoreError
from app.kernels.cuda import nvrtc
from app.system.atomic_file import replacing
from app.system.file_lock import locked_beside
from app.system.gpus import Gpu
from app.system.json_file import decode, encode
from app.system.small_file import read_small

_MOST = 500
_LARGEST = 4 << 20
_AGAIN_S = 7 * 86400.0
_PACKAGES = (
    *("cupy-cuda12x", "nvidia-cuda-nvrtc-cu12", "nvidia-cublas-cu12"),
    *("cupy-cuda13x", "nvidia-cuda-nvrtc", "nvidia-cublas"),
)


class Verdict(msgspec.Struct, frozen=True):
    """``error`` is in words, as ``Agreement`` has it; ``at`` in seconds since the epoch."""

    passed: bool
    error: str
    at: float


class Verdicts:
    """A file of verdicts; what is damaged or cannot be written costs another self-test."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def get(self, key: str) -> Verdict | None:
        """The verdict under ``key``; a bad one expires after a week, to test again."""
        found = self._all().get(key)
        if found is None or found.passed or 0 <= time.time() - found.at < _AGAIN_S:
            return found
        return None

    def put(self, key: str, *, passed: bool, error: str) -> None:
        """Keep one; of very many the oldest go."""
        if self._file is None:
            return
        with contextlib.suppress(OSError, StoreError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with locked_beside(self._file):
                known = self._all()
                known.pop(key, None)
                known[key] = Verdict(passed, error, time.time())
                kept = dict(list(known.items())[-_MOST:])
                with replacing(self._file) as file:
                    file.write(encode(kept))

    def _all(self) -> dict[str, Verdict]:
        if self._file is None:
            return {}
        try:
            return decode(read_small(self._file, _LARGEST), dict[str, Verdict])
        except (OSError, ValueError):
            return {}


def standard_verdicts() -> Verdicts:
    """Those of this person, beside the compiled kernels."""
    folder = nvrtc.standard_folder()
    return Verdicts(folder.with_name("self-tests.json") if folder else None)


def key_of(fingerprint: str, form: str, *gpus: Gpu) -> str:
    """What a verdict is about: the model, its format, the cards, and all that computes on them.

    ``form`` is the strategy's text where the model is split.
    """
    cards = (part for gpu in gpus for part in (gpu.name, gpu.driver))
    parts = (fingerprint, form, *cards, *_libraries(), __version__, _kernels())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@cache
def _libraries() -> tuple[str, ...]:
    """The versions of the packages for cards; "" for one that is not installed."""
    return tuple(map(_version, _PACKAGES))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


@cache
def _kernels() -> str:
    """The kernels' texts, which change between two versions where the program is developed."""
    digest = hashlib.sha256()
    for text in sorted(nvrtc.SOURCES.glob("*.cu*")):
        digest.update(text.read_bytes())
    return digest.hexdigest()
