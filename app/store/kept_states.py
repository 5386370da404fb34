"""The states of texts that workers keep on this disk: where, how many, and clearing them.

What they are is the runtime's; here only the settings and figures of them are known.
"""

import os
from pathlib import Path
from typing import NamedTuple

from app.runtime.protocol.states import StateCache
from app.runtime.states import disk_budget

from .settings import Values


class KeptStates(NamedTuple):
    """What is kept, and how many bytes were written today."""

    bytes: int
    files: int
    written_today: int


def cache_of(values: Values, folder: Path) -> StateCache | None:
    """What a worker is told; None where states are kept in memory only."""
    if not values.keep_states:
        return None
    return StateCache(
        folder=os.fsencode(folder),
        budget_bytes=values.state_budget,
        day_bytes=values.state_day_limit,
        half=values.state_half,
        other_formats=True,
    )


def kept_in(folder: Path) -> KeptStates:
    """What is known of a folder without looking through it."""
    use = disk_budget.use_of(folder)
    return KeptStates(use.bytes, use.files, use.written)


def clear(folder: Path) -> None:
    """Delete all that is kept, and nothing else.  Raises StoreError."""
    disk_budget.clear(folder)
