"""The states of texts that workers keep on this disk: where, how many, and clearing them.

What they are is the runtime's; here only the settings and figures of them are known.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from app.runtime.protocol.states import StateCache
from app.runtime.states import disk_budget, state_owners
from app.store.settings import Values


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


def owner_lists(folder: Path) -> list[str]:
    """Whose states are kept there; to be asked before the conversations that there are."""
    return state_owners.owner_lists(folder)


def forget_all_but(folder: Path, conversations: Iterable[str], lists: Iterable[str]) -> int:
    """Delete what is kept of conversations that are gone; how many states.  Raises StoreError."""
    return state_owners.forget_all_but(folder, conversations, lists)


def clear(folder: Path) -> None:
    """Delete all that is kept, and nothing else.  Raises StoreError."""
    disk_budget.clear(folder)
