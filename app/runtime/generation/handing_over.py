"""Hands the states that one worker remembers over to the next one of the same model, by files.

A state that was computed in another format is near what the new one would compute: what goes on
from it is approximate.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.runtime.protocol.states import HandOver, Park, Parked, StatesHandedOver, TakeOver
from app.runtime.states import state_formats
from app.runtime.states.state_files import save
from app.runtime.states.state_key import StateKey, TokenPrefix
from app.runtime.states.state_memory import memory
from app.runtime.states.state_store import Known, StateStore, Trail
from app.system.memory import give_back_freed, resident_bytes

if TYPE_CHECKING:
    from app.runtime.opened import Opened

_ENDING = ".safetensors"


def handed_over(
    request: HandOver | TakeOver | Park, opened: "Opened", store: StateStore
) -> StatesHandedOver | Parked:
    """What is told when it is done.

    Raises DiskFull, StoreError, OutOfMemory and the failures of reading a state.
    """
    if isinstance(request, HandOver):
        return hand_over_states(request, opened, store)
    if isinstance(request, TakeOver):
        return take_over_states(request, opened, store)
    store.give_back()
    memory.give_back()
    give_back_freed()
    return Parked(id=request.id, resident_bytes=resident_bytes())


def hand_over_states(request: HandOver, opened: "Opened", store: StateStore) -> StatesHandedOver:
    """Write the states used last, oldest first by name.  Raises DiskFull and StoreError."""
    folder, chosen, total = Path(os.fsdecode(request.folder)), [], 0
    for known in store.recent():
        total += known.state.nbytes
        if total > request.most_bytes:
            break
        if known.key.tokens:  # else it is that of a file, which is there
            chosen.append(known)
    for number, known in enumerate(reversed(chosen)):
        _write(known, folder / f"{number:06}{_ENDING}", opened)
    return StatesHandedOver(id=request.id, count=len(chosen))


def _write(known: Known, path: Path, opened: "Opened") -> None:
    key = known.key
    trail = Trail(TokenPrefix(key.point), approximate=known.approximate)
    facts = msgspec.structs.replace(
        opened.state_facts(trail), tokens=key.tokens, since=key.tokens, prefix=key.prefix
    )
    save(known.state.host(), path, facts, known.logits)


def take_over_states(request: TakeOver, opened: "Opened", store: StateStore) -> StatesHandedOver:
    """Remember the states in a folder; one that belongs to another model raises RequestRefused."""
    count = 0
    for path in sorted(Path(os.fsdecode(request.folder)).glob(f"*{_ENDING}")):
        state, logits, facts = state_formats.load(path, opened.model.spec, opened.binding)
        other = facts.approximate or facts.format not in ("", opened.made_with.format)
        key = StateKey(opened.point(facts.start), facts.since, facts.prefix)
        count += store.put(Known(key, opened.model.place(state), logits, other))
    return StatesHandedOver(id=request.id, count=count)
