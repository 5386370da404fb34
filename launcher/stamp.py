"""Tells whether the virtual environment holds all that is asked for, by one small file."""

import hashlib
import json
import os
import sys
import tomllib
from pathlib import Path

from .place import Place


def key(place: Place) -> str:
    """The fingerprint of everything that decides what must be installed, and where."""
    digest = hashlib.sha256()
    for part in (
        json.dumps(_wishes(place), sort_keys=True).encode(),
        place.constraints.read_bytes(),
        f"{sys.version_info[0]}.{sys.version_info[1]} {sys.platform}".encode(),
        os.fsencode(place.root),
        *(path.read_bytes() for path in _native_sources(place)),
    ):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def holds(place: Place, extras: frozenset[str]) -> bool:
    """Whether the set-up is whole: finished, for these lists, with at least these extras."""
    if place.unfinished.exists() or not place.python.exists():
        return False
    found = _read(place)
    return found.get("key") == key(place) and extras <= extras_of(place)


def extras_of(place: Place) -> frozenset[str]:
    """The extras that a finished set-up holds; none where there is no finished one."""
    extras = _read(place).get("extras", [])
    return frozenset(extras) if isinstance(extras, list) else frozenset()


def sign(place: Place, extras: frozenset[str]) -> None:
    """Declare the set-up whole; the last thing that is done to it."""
    text = json.dumps({"key": key(place), "extras": sorted(extras)})
    beside = place.stamp.with_suffix(".new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(place.stamp)
    place.unfinished.unlink()


def _native_sources(place: Place) -> list[Path]:
    """What the native kernels are built from: where it changes, they are built anew."""
    folder = place.kernels
    return sorted([*folder.glob("*.cpp"), *folder.glob("*.h"), *folder.glob("kernels/*.h")])


def _wishes(place: Place) -> list[object]:
    """The part of pyproject.toml that says what to install; its other parts may change freely."""
    project = tomllib.loads(place.project.read_text(encoding="utf-8"))["project"]
    return [project["dependencies"], project.get("optional-dependencies", {})]


def _read(place: Place) -> dict[str, object]:
    try:
        found = json.loads(place.stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
