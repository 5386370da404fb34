"""Turns failed allocations, also those of torch, into OutOfMemory; knows no model."""

import contextlib
import importlib
import os
import re
import sys
from collections.abc import Iterator

from app.errors import EngineUnusable, OutOfMemory
from app.system.memory import address_room, available_bytes

_NEEDED = re.compile(r"allocate (\d+) bytes")
_TORCH_SAYS = (
    "can't allocate memory",
    "not enough memory",
    "Cannot allocate memory",
    "Storage size calculation overflowed",
)

_LIBRARIES_ADDRESSES = 600 << 20  # what torch's libraries map
_CORE_ADDRESSES = 100 << 20  # and for each core: a thread's stack, and where it allocates


def load_torch() -> None:
    """Import torch, which would abort the process if a limit leaves its libraries no addresses.

    Raises OutOfMemory, and EngineUnusable (fact why) where it is not there or broken.
    """
    if "torch" in sys.modules:
        return
    room, needed = address_room(), _LIBRARIES_ADDRESSES + (os.cpu_count() or 1) * _CORE_ADDRESSES
    if room < needed:
        raise OutOfMemory(needed_bytes=needed, free_bytes=max(0, int(room)))
    try:
        importlib.import_module("torch")
    except (ImportError, OSError) as error:
        raise EngineUnusable(said=str(error)) from error


@contextlib.contextmanager
def allocations_named() -> Iterator[None]:
    """A context in which a failed allocation, in Python or torch, raises OutOfMemory.

    Its facts are needed_bytes (0 where that is not told) and free_bytes.
    """
    try:
        yield
    except MemoryError as error:
        raise _out_of_memory("") from error
    except RuntimeError as error:
        if not any(words in str(error) for words in _TORCH_SAYS):
            raise
        raise _out_of_memory(str(error)) from error


def _out_of_memory(said: str) -> OutOfMemory:
    found = _NEEDED.search(said)
    needed = int(found[1]) if found else 0
    return OutOfMemory(needed_bytes=needed, free_bytes=available_bytes())
