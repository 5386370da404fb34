"""Small files that keep JSON: read so that nothing that lies there hangs or fills the memory.

Whatever stands under the name may come from anywhere: a pipe that nobody writes into, a device
that never ends, a folder, brackets a million deep.  All of that is a ValueError or an OSError.
"""

import errno
import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from .atomic_file import patiently

T = TypeVar("T")

_DEEPEST = 100
_NEVER_WAITS = ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_NOINHERIT", "O_BINARY")


class UnfitFileError(ValueError):
    """What stands there is no file that could have been kept: no file at all, or far too large."""


def read_small(path: Path, most: int, *, follow: bool = True) -> bytes:
    """All of a regular file of at most ``most`` bytes; with ``follow`` also behind a link.

    Raises OSError as the system says it, and UnfitFileError.
    """
    return patiently(_read, path, most, follow=follow)


def decode(text: bytes, kind: type[T]) -> T:
    """``kind`` out of JSON.  Raises ValueError whatever is wrong with it.

    A name of a file may be no text: half a surrogate pair, which ``encode`` wrote, comes back.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError:
        if b"\\ud" not in text and b"\\uD" not in text:
            raise
    return msgspec.convert(loads(text), kind)


def loads(text: bytes) -> Any:
    """Any JSON, _DEEPEST levels at most.  Raises ValueError whatever is wrong with it."""
    try:
        found = json.loads(text.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    level = [found]
    for _ in range(_DEEPEST):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return found
    raise ValueError("it is nested too deeply")


def encode(value: object, *, indent: int = 0) -> bytes:
    """JSON that every reader takes, also where a text holds half a surrogate pair."""
    try:
        text = msgspec.json.encode(value)
        return msgspec.json.format(text, indent=indent) if indent else text
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value), indent=indent or None).encode("ascii")


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _read(path: Path, most: int, *, follow: bool) -> bytes:
    flags = os.O_RDONLY
    for name in (*_NEVER_WAITS, *(() if follow else ("O_NOFOLLOW",))):
        flags |= getattr(os, name, 0)
    try:
        handle = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise UnfitFileError("it is no file") from error
        raise
    except ValueError as error:  # a name with a NUL
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error
    with open(handle, "rb") as file:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            raise UnfitFileError("it is no file")
        text = file.read(most + 1)
    if len(text) > most:
        raise UnfitFileError(f"it has more than {most} bytes")
    return text
