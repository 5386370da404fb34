"""What an adapter is, from names and descriptions alone; reads no numbers, needs no torch."""

from pathlib import Path
from typing import Literal, NamedTuple

from app.errors import CheckpointError, RequestRefused
from app.runtime.checkpoint.open_container import open_container
from app.runtime.checkpoint.stored import shown

from .adapter_names import read_name
from .adapter_ways import ways_of

AdapterKind = Literal["lora", "pissa", "shards", "bat", "state", "whole"]


class AdapterLook(NamedTuple):
    """Its kind, rank (0 where it has none) and alpha, and whether alpha has to be asked for."""

    kind: AdapterKind
    rank: int = 0
    alpha: float | None = None
    wants_alpha: bool = False


def look_at_adapter(path: Path) -> AdapterLook:
    """What lies at ``path``, a file or folder.

    Raises RequestRefused (facts why, path) for what is no adapter or is of a kind that is not
    merged, and what opening a checkpoint raises.
    """
    ways = ways_of(path)
    try:
        container = open_container(ways.numbers)
    except CheckpointError as failure:
        failure.facts.setdefault("path", str(path))
        raise
    try:
        roles: dict[str, tuple[int, ...]] = {}
        for name, stored in container.tensors.items():
            about = read_name(name)
            if about is None:
                raise RequestRefused(why="adapter-part", path=str(path), name=shown(name))
            roles.setdefault(about.role.partition(",")[0], stored.shape)
    finally:
        container.close()
    if "down" in roles:
        shape = roles["down"]
        rank = min(shape) if len(shape) == 2 else 0
        told = ways.alpha is not None or bool(ways.alphas)
        kind: AdapterKind = "pissa" if ways.first is not None else "lora"
        return AdapterLook(kind, rank, ways.alpha, wants_alpha=kind == "lora" and not told)
    if "shard" in roles:
        shape = roles["shard"]
        return AdapterLook("bat" if len(shape) == 3 else "shards", min(shape))
    if not roles.keys() & {"start", "whole"}:
        raise RequestRefused(why="adapter-none", path=str(path))
    return AdapterLook("state" if "start" in roles else "whole")
