"""Finds the tensors of a model in what a torch file holds: a dict, a trainer's record, a module."""

from collections.abc import Iterator
from typing import Any

from app.errors import NotWeights, UnfitCheckpoint
from app.runtime.checkpoint.stored import shown

from .rebuilding import Opaque, Tensor

_WRAPPERS = (
    "state_dict",
    "model_state_dict",
    "model",
    "module",
    "model_state",
    "weights",
    "params",
    "net",
    "network",
)
_DEPTH = 4
_MODULES = 20_000
_LOOKED_AT = 1_000

Items = dict[Any, Any]


def named_tensors(content: Any) -> dict[str, Any]:
    """The dict that names the tensors, wherever it lies; those of a list are called by number.

    Raises NotWeights where there is no tensor with a name, UnfitCheckpoint where two models could
    be meant.
    """
    if isinstance(content, list) and any(isinstance(value, Tensor) for value in content):
        return {str(number): value for number, value in enumerate(content)}
    found = _inner(content, _DEPTH, set())
    if found is None:
        raise NotWeights(found=_what(content))
    return {str(name): value for name, value in found.items()}


def _inner(content: Any, depth: int, seen: set[int]) -> Items | None:
    """The dict with tensors in ``content``: a wrapper's, its own, else the largest in it.

    Each dict is looked into once: those that are ``seen`` may stand in many places.
    """
    items = _items(content)
    if items is None or depth == 0 or id(content) in seen:
        return None
    seen.add(id(content))
    for key in _WRAPPERS:
        found = _inner(items[key], depth - 1, seen) if key in items else None
        if found:
            return found
    if _count(items):
        return items
    inside = (_inner(value, depth - 1, seen) for value in list(items.values())[:_LOOKED_AT])
    return _largest([one for one in inside if one])


def _largest(found: list[Items]) -> Items | None:
    """The one with the most tensors.  Raises UnfitCheckpoint where there are two of the same."""
    largest = max(found, key=_count, default=None)
    if largest is not None and sum(one.keys() == largest.keys() for one in found) > 1:
        raise UnfitCheckpoint(why="two-for-one", name=shown(str(next(iter(largest)))))
    return largest


def _items(content: Any) -> Items | None:
    if isinstance(content, Opaque):
        is_module = isinstance(content.items.get("_modules"), dict)
        return dict(_parameters(content)) if is_module else content.items
    return content if isinstance(content, dict) else None


def _parameters(module: Opaque) -> Iterator[tuple[str, Tensor]]:
    """Those of a whole torch.nn.Module, as its state_dict would name them."""
    left, seen = [("", module)], 0
    while left and seen < _MODULES:
        prefix, one = left.pop()
        seen += 1
        for kind in ("_parameters", "_buffers"):
            held = one.items.get(kind)
            for name, value in held.items() if isinstance(held, dict) else ():
                if isinstance(value, Tensor):
                    yield f"{prefix}{name}", value
        inner = one.items.get("_modules")
        for name, value in inner.items() if isinstance(inner, dict) else ():
            if isinstance(value, Opaque) and len(prefix) < 200:
                left.append((f"{prefix}{name}.", value))


def _count(items: Items) -> int:
    """Tensors that are called as those of modules are; a trainer's others have plain words."""
    named = [name for name, value in items.items() if isinstance(value, Tensor)]
    return sum(isinstance(name, str) and ("." in name or name.isdecimal()) for name in named)


def _what(content: Any) -> str:
    items = _items(content)
    if items is not None and {"state", "param_groups"} <= set(items):
        return "optimizer-state"
    return "torch-data"
