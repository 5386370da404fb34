"""Reads the file or folder of an adapter: what it changes in which tensor; knows no model.

Numbers keep the file's own type; nothing in a file is run.
"""

import hashlib
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from app.errors import CheckpointError, DamagedCheckpoint, RequestRefused
from app.runtime.checkpoint.open_container import open_container
from app.runtime.checkpoint.reading import read_tensor
from app.runtime.checkpoint.recipes import Recipe
from app.runtime.checkpoint.stored import Container, shown
from app.runtime.protocol.adapters import MergedAdapter

from .adapter_names import AdapterName, read_name
from .adapter_ways import Ways, ways_of
from .weight_changes import Change, LowRank, Replacement, ShardProduct, ShardSum

_FLOATS = ("fp64", "fp32", "fp16", "bf16")
_DIGEST_BYTES = 16
_TRANSPOSED = ", transposed"

_Parts = dict[str, dict[str, Tensor]]
"""Of each target the tensors, by their roles."""


@dataclass(frozen=True)
class Adapter:
    """What is changed in which official tensor, one step after another.

    ``starts`` are a start state (wkv matrices [head, value, key]).  ``digest`` tells it from other
    adapters, and from itself with another alpha.  ``base`` is the SHA-256 of the file that it was
    trained for, "" where that is not told.
    """

    path: Path
    changes: Mapping[str, tuple[Change, ...]]
    starts: Mapping[str, Tensor]
    digest: str
    base: str = ""


def read_adapter(asked: MergedAdapter) -> Adapter:
    """Read it whole.

    Raises RequestRefused (facts why, path) for what is no adapter, one that is not merged, and one
    whose alpha has to be asked for, and what reading a checkpoint raises.
    """
    path = Path(os.fsdecode(asked.path))
    ways = ways_of(path)
    parts = _parts_in(ways.numbers)
    _check_sum(parts, ways)
    first = _parts_in(ways.first) if ways.first is not None else {}
    making = _Making(path, ways, asked.alpha, first)
    starts = {target: own["start"] for target, own in parts.items() if "start" in own}
    changes = {
        target: making.changes(target, own) for target, own in parts.items() if "start" not in own
    }
    if asked.alpha is not None and not making.used_alpha:
        raise RequestRefused(why="adapter-no-alpha", path=str(path))
    return Adapter(path, changes, starts, _digest(changes, starts), ways.base)


def _check_sum(parts: _Parts, ways: Ways) -> None:
    """Raise DamagedCheckpoint where the numbers are not those that were described."""
    if ways.sum is None:
        return
    digest = hashlib.sha256(ways.sum.begin)
    for name in ways.sum.names:
        about = read_name(name)
        own = parts.get(about.target, {}) if about else {}
        if "shard" not in own:
            raise DamagedCheckpoint(why="tensor-data-missing", path=str(ways.numbers))
        digest.update(_bytes_of(own["shard"]))
    if digest.hexdigest() != ways.sum.sha256:
        raise DamagedCheckpoint(why="numbers-changed", path=str(ways.numbers))


class _Making:
    """Makes changes of tensors, as the adapter's description and the person tell."""

    def __init__(self, path: Path, ways: Ways, alpha: float | None, first: _Parts) -> None:
        self._path, self._ways, self._alpha, self._first = path, ways, alpha, first
        self.used_alpha = False

    def changes(self, target: str, own: dict[str, Tensor]) -> tuple[Change, ...]:
        """What one target's tensors make of it; a whole one comes first."""
        made: list[Change] = [Replacement(own["whole"])] if "whole" in own else []
        if "down" in own or "up" in own:
            made.append(self._low_rank(target, own))
        if "shard" in own:
            made.append(self._shard(own["shard"]))
        if not made:
            raise self._refused("adapter-half", target)
        return tuple(made)

    def _low_rank(self, target: str, own: dict[str, Tensor]) -> LowRank:
        if not {"down", "up"} <= own.keys():
            raise self._refused("adapter-half", target)
        down, up = own["down"], own["up"]
        if self._first:
            first = self._first.get(target, {})
            if not {"first down", "first up"} <= first.keys():
                raise self._refused("adapter-half", target)
            return LowRank(down, up, initial=(first["first down"], first["first up"]))
        rank = down.shape[0] if down.ndim == 2 else 0
        alpha = self._alpha_of(target, rank)
        return LowRank(down, up, alpha / (math.sqrt(rank) if self._ways.root else rank or 1))

    def _alpha_of(self, target: str, rank: int) -> float:
        self.used_alpha = True
        if self._alpha is not None:
            return self._alpha
        module = f".{target.removesuffix('.weight')}"
        own = [alpha for name, alpha in self._ways.alphas if module.endswith(f".{name}")]
        alpha = own[0] if own else self._ways.alpha
        if alpha is None:
            raise RequestRefused(why="adapter-alpha", path=str(self._path), rank=rank)
        return alpha

    def _shard(self, block: Tensor) -> Change:
        ways = self._ways
        if block.ndim == 3:
            return ShardProduct(block, by_row=ways.by_row)
        return ShardSum(block, ways.scale, repeats=ways.repeats)

    def _refused(self, why: str, target: str) -> RequestRefused:
        return RequestRefused(why=why, path=str(self._path), name=shown(target))


def _parts_in(path: Path) -> _Parts:
    try:
        container = open_container(path)
        try:
            return _named(container, path)
        finally:
            container.close()
    except CheckpointError as failure:
        failure.facts.setdefault("path", str(path))
        raise


def _named(container: Container, path: Path) -> _Parts:
    known = {name: read_name(name) for name in container.tensors}
    if not any(known.values()):
        raise RequestRefused(why="adapter-none", path=str(path))
    parts: _Parts = {}
    for name, about in known.items():
        if about is None:
            raise RequestRefused(why="adapter-part", path=str(path), name=shown(name))
        role = about.role.removesuffix(_TRANSPOSED)
        own = parts.setdefault(about.target, {})
        if role in own:
            raise DamagedCheckpoint(why="two-for-one", name=shown(name))
        own[role] = _numbers(container, name, about)
    return parts


def _numbers(container: Container, name: str, about: AdapterName) -> Tensor:
    """The tensor as the official tools have it; in the files of web-rwkv some are transposed."""
    stored = container.tensors[name]
    if stored.dtype not in _FLOATS:
        raise DamagedCheckpoint(why="not-floats", dtype=stored.dtype)
    tensor = read_tensor(container, Recipe(stored.name), None)
    if not torch.isfinite(tensor).all():
        raise DamagedCheckpoint(why="not-finite", name=shown(name))
    if about.role == "shard" and tensor.ndim == 2:
        return tensor.T
    matrix = about.role == "start" and name.endswith("time_state") and tensor.ndim == 3
    if matrix and container.format == "safetensors":
        return tensor.mT
    return tensor.T if about.role == f"down{_TRANSPOSED}" and tensor.ndim == 2 else tensor


def _digest(changes: Mapping[str, tuple[Change, ...]], starts: Mapping[str, Tensor]) -> str:
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for target in sorted(changes):
        for change in changes[target]:
            digest.update(f"\0{target}\0{type(change).__name__}".encode())
            for field in fields(change):  # type: ignore[arg-type]
                _note(digest, getattr(change, field.name))
    for name in sorted(starts):
        digest.update(f"\0{name}\0start".encode())
        _note(digest, starts[name])
    return digest.hexdigest()


def _note(digest: hashlib.blake2b, value: object) -> None:
    if isinstance(value, tuple):
        for one in value:
            _note(digest, one)
    elif isinstance(value, Tensor):
        digest.update(f"\0{value.dtype}{tuple(value.shape)}".encode())
        digest.update(_bytes_of(value))
    else:
        digest.update(f"\0{value!r}".encode())


def _bytes_of(tensor: Tensor) -> memoryview:
    flat = tensor.contiguous().view(-1).view(torch.uint8)
    return memoryview(flat.numpy())  # type: ignore[arg-type]
