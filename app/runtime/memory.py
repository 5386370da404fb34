"""Allocations that fail as a Failure; knows no model."""

import contextlib
import re
from collections.abc import Iterator

from app.errors import OutOfMemory

from .probe import available_bytes

_NEEDED = re.compile(r"allocate (\d+) bytes")
_TORCH_SAYS = (
    "can't allocate memory",
    "not enough memory",
    "Cannot allocate memory",
    "Storage size calculation overflowed",
)


@contextlib.contextmanager
def allocations_named() -> Iterator[None]:
    """An allocation that the system refuses, in Python or torch, becomes OutOfMemory.

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
