"""What the header of a state's file tells, and whether its numbers are whole; imports no torch."""

import contextlib
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from app.errors import (
    CheckpointError,
    DamagedCheckpoint,
    DamagedState,
    RequestRefused,
    UnsupportedFormat,
)
from app.runtime.checkpoint.open_container import open_container
from app.runtime.checkpoint.stored import Container, shown
from app.runtime.checkpoint.wrappers import unwrapped
from app.runtime.protocol.states import StateFacts

FORMAT, EARLIER_FORMAT = "rookery-state-2", "rookery-state-1"
TUNED_PARTS = ("att.time_state", "att.ts_state", "ffn.ts_state")
"""The ends of names in tuned states: wkv (H, N, N), and the last inputs of both halves (C,)."""

TUNED = re.compile(r"blocks\.(\d{1,4})\.(att\.time_state|(?:att|ffn)\.ts_state)", re.ASCII)
"""Names in tuned states."""

_SAVED = re.compile(r"state\.(\d{1,4})\.(S|aa|att_x)", re.ASCII)
_WANTED = "state-file"
_OTHERWISE = {"format": "made_with"}  # the header's own "format" is that of the file
_UNTOLD = ("kind", "checksum")
_EARLIER_FACTS = ("generation", "fingerprint", "tokenizer")  # of the first format
_MOST_TOKENS = 1 << 62
_PIECE_BYTES = 1 << 20
_MOST_TENSORS = 5 * 1000


@contextlib.contextmanager
def opened_state(path: Path) -> Iterator[Container]:
    """The open file; a failure names it, and damage is that of a state."""
    try:
        container = open_container(path)
        try:
            yield container
        finally:
            container.close()
    except DamagedCheckpoint as failure:
        facts = {"path": str(path), **failure.facts}
        raise DamagedState(failure.detail, **facts) from failure
    except (CheckpointError, RequestRefused) as failure:
        failure.facts.setdefault("path", str(path))
        if failure.code == UnsupportedFormat.code:
            failure.facts["wanted"] = _WANTED
        raise


def describe(container: Container) -> StateFacts:
    """What an open file tells of the state in it, from its header and the bytes of its numbers.

    Raises RequestRefused (fact why) for what is no state, DamagedState.
    """
    facts = facts_in(container)
    if facts is not None and facts.checksum:
        return facts
    if facts is not None:
        return msgspec.structs.replace(facts, checksum=_checksum(container))
    names = list(container.tensors)
    if names and all(name.isascii() and name.isdigit() for name in names):
        return StateFacts(kind="listed", checksum=_checksum(container))
    if not names or not all(TUNED.fullmatch(name) for name in unwrapped(container.tensors)):
        raise RequestRefused(why="state-none", found=shown(next(iter(names), "")))
    return StateFacts(kind="tuned", checksum=_checksum(container))


class StateSizes(NamedTuple):
    """Of the model that a state fits, as far as its names and shapes tell; 0 where they do not."""

    layers: int = 0
    width: int = 0
    heads: int = 0
    head_size: int = 0


def sizes_in(container: Container) -> StateSizes:
    """What the shapes in a file tell.  A list of tensors tells nothing by itself."""
    layers, sizes = set(), StateSizes()
    for name, stored in unwrapped(container.tensors).items():
        match = TUNED.fullmatch(name) or _SAVED.fullmatch(name)
        if match is None:
            continue
        layers.add(int(match[1]))
        if len(stored.shape) == 3:
            sizes = sizes._replace(heads=stored.shape[0], head_size=stored.shape[1])
        elif match[2] in ("att_x", "att.ts_state"):
            sizes = sizes._replace(width=stored.numbers)
    return sizes._replace(layers=len(layers))


def facts_in(container: Container) -> StateFacts | None:
    """What the header of a state of ours tells; None for a file of another kind.

    Raises DamagedState where the header is none that this program writes.
    """
    told = container.metadata
    if told.get("format") not in (FORMAT, EARLIER_FORMAT):
        return None
    names = [field.name for field in msgspec.structs.fields(StateFacts) if field.name != "kind"]
    found = {name: told.get(_OTHERWISE.get(name, name)) for name in names}
    given = {name: value for name, value in found.items() if value is not None}
    try:
        facts = msgspec.convert(given, StateFacts, strict=False)
    except msgspec.ValidationError as error:
        raise DamagedState(why="header-damaged") from error
    if told["format"] == EARLIER_FORMAT:
        known = {name: getattr(facts, name) for name in _EARLIER_FACTS}
        return StateFacts(**known)  # all else would be believed without a checksum
    if told.get("layout") != layout_of(facts.generation):
        raise DamagedState(why="state-layout")
    if not facts.checksum or not 0 <= facts.since <= facts.tokens < _MOST_TOKENS:
        raise DamagedState(why="header-damaged")
    return facts


def check_numbers(container: Container, facts: StateFacts) -> None:
    """Raises DamagedState where the numbers are not those that were written.

    Files of the first format have no checksum, so nothing is known of them.
    """
    if container.metadata["format"] == EARLIER_FORMAT:
        return
    digest = digest_of(facts)
    for stored in sorted(container.tensors.values(), key=lambda stored: stored.offset):
        digest.update(stored.name.encode())
        source, begin = container.place(stored)
        for first in range(0, stored.nbytes, _PIECE_BYTES):
            size = min(_PIECE_BYTES, stored.nbytes - first)
            digest.update(source.read(begin + stored.offset + first, size))
    if digest.hexdigest() != facts.checksum:
        raise DamagedState(why="state-changed")


def layout_of(generation: str) -> str:
    """What the axes of a state's parts mean."""
    if generation == "4":
        return "numerator, denominator, peak"
    return "head, value, key" if generation == "7.0" else "head, key, value"


def _told(facts: StateFacts) -> dict[str, str]:
    """What is not in the numbers, as the header has it."""
    named = msgspec.structs.asdict(facts).items()
    told = {name: str(value) for name, value in named if name not in _UNTOLD}
    return {_OTHERWISE.get(name, name): value for name, value in told.items()}


def digest_of(facts: StateFacts) -> "hashlib.blake2b":
    """Of what the header tells; the tensors follow, each with its name."""
    return hashlib.blake2b(repr(sorted(_told(facts).items())).encode(), digest_size=16)


def metadata(facts: StateFacts) -> dict[str, str]:
    """The header of a file of ours, but for the list of tensors."""
    layout, told = layout_of(facts.generation), _told(facts)
    return {**told, "format": FORMAT, "layout": layout, "checksum": facts.checksum}


def _checksum(container: Container) -> str:
    """Of all numbers as they lie in the file, with their names, types and shapes."""
    if len(container.tensors) > _MOST_TENSORS:
        raise DamagedState(why="too-many-tensors", count=len(container.tensors))
    digest = hashlib.blake2b(container.format.encode(), digest_size=16)
    for stored in sorted(container.tensors.values()):
        digest.update(repr((stored.name, stored.dtype, stored.shape, stored.strides)).encode())
        source, begin = container.place(stored)
        begin += stored.offset
        digest.update(source.read(begin, min(stored.nbytes, source.size - begin)))
    return digest.hexdigest()
