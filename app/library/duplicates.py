"""Finds models that are on the disk more than once, by sizes and samples of their bytes."""

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from app.runtime.checkpoint.describe import ModelFile

_SAMPLES = 24
_SAMPLE_BYTES = 4096


class Duplicates(msgspec.Struct, frozen=True, kw_only=True):
    """Models that are probably equal: their sizes and samples of their bytes agree.

    ``paths`` open them, the oldest first; several names of the same bytes (links) count once, and
    stand together in one of ``places``.  ``wasted_bytes`` is what all but one of the places take.
    """

    paths: tuple[str, ...]
    places: tuple[tuple[str, ...], ...]
    wasted_bytes: int


def duplicates_among(
    models: Iterable[ModelFile], cancelled: Callable[[], bool] = lambda: False
) -> tuple[Duplicates, ...]:
    """The groups of models that look alike, the most wasteful first; reads 100 kB of each.

    Only models of the same number and sizes of files are read at all.
    """
    by_sizes: dict[tuple[int, ...], list[ModelFile]] = {}
    for model in models:
        sizes = _sizes(model)
        if sizes and model.kind not in ("unfinished", "missing", "unreadable"):
            by_sizes.setdefault(sizes, []).append(model)
    found = []
    for sizes, alike in by_sizes.items():
        groups: dict[str, list[ModelFile]] = {}
        for model in alike if len(alike) > 1 else ():
            if cancelled():
                return ()
            if print_ := _print(model):
                groups.setdefault(print_, []).append(model)
        found += [_duplicates(group, sum(sizes)) for group in groups.values() if len(group) > 1]
    real = [duplicates for duplicates in found if len(duplicates.places) > 1]
    return tuple(sorted(real, key=lambda duplicates: (-duplicates.wasted_bytes, duplicates.paths)))


def _sizes(model: ModelFile) -> tuple[int, ...]:
    try:
        return tuple(Path(file).stat().st_size for file in sorted(model.files))
    except (OSError, ValueError):
        return ()


def _place(model: ModelFile) -> tuple[tuple[int, int], ...]:
    """Which bytes on which disk: equal for links of all kinds."""
    states = [Path(file).stat() for file in model.files]
    return tuple(sorted((status.st_dev, status.st_ino) for status in states))


def _duplicates(models: list[ModelFile], size: int) -> Duplicates:
    places: dict[tuple[tuple[int, int], ...], list[str]] = {}
    for model in sorted(models, key=lambda model: (model.modified, model.path)):
        try:
            places.setdefault(_place(model), []).append(model.path)
        except OSError:  # gone meanwhile
            continue
    paths = tuple(path for names in places.values() for path in names)
    return Duplicates(
        paths=paths,
        places=tuple(map(tuple, places.values())),
        wasted_bytes=size * (len(places) - 1),
    )


def _print(model: ModelFile) -> str:
    """A digest of samples from all over its files; "" where one cannot be read."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        for file in sorted(model.files):
            with Path(file).open("rb", buffering=0) as source:
                size = os.fstat(source.fileno()).st_size
                step = max(_SAMPLE_BYTES, size // _SAMPLES)
                for at in [*range(0, size, step), max(0, size - _SAMPLE_BYTES)]:
                    source.seek(at)
                    digest.update(source.read(_SAMPLE_BYTES))
    except (OSError, ValueError):
        return ""
    return digest.hexdigest()
