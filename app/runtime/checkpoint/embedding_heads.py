"""The heads of models for sentence embeddings, which lie beside an ordinary RWKV-7 in its file.

Names and shapes: EmbeddingRWKV, github.com/howard-hou/EmbeddingRWKV.
"""

import re
from typing import TYPE_CHECKING

from app.errors import UnfitCheckpoint

from .recipes import Recipe
from .stored import Container

if TYPE_CHECKING:
    import torch

_HEAD = re.compile(r"head\.(cls|sts|retr)_head\.((?:fc1|fc2|norm)\.(?:weight|bias))")
_PARTS = ("fc1.weight", "fc2.weight", "norm.weight", "norm.bias")
_SPARE = ("fc1.bias", "fc2.bias")


def is_embedding_head(name: str) -> bool:
    """Whether a tensor belongs to such a head, and not to the model itself."""
    return _HEAD.fullmatch(name) is not None


def read_heads(container: Container) -> "dict[str, dict[str, torch.Tensor]]":
    """The tensors of each head, float32, by its task ("retr", "sts", "cls"); most files have none.

    Raises UnfitCheckpoint where one is not whole, DamagedCheckpoint, Unreadable.
    """
    import torch

    from .reading import read_tensor

    found: dict[str, dict[str, torch.Tensor]] = {}
    for name in container.tensors:
        match = _HEAD.fullmatch(name)
        if match is not None:
            tensor = read_tensor(container, Recipe(name), torch.float32)
            found.setdefault(match[1], {})[match[2]] = tensor
    for task, parts in found.items():
        _check(task, parts)
    return found


def _check(task: str, parts: "dict[str, torch.Tensor]") -> None:
    for part in _PARTS:
        if part not in parts:
            raise UnfitCheckpoint(why="tensor-missing", missing=f"head.{task}_head.{part}")
    width = parts["norm.weight"].numel()
    inner = parts["fc1.weight"].shape[0]
    wanted = {
        "fc1.weight": (inner, width),
        "fc2.weight": (width, inner),
        "norm.weight": (width,),
        "norm.bias": (width,),
        "fc1.bias": (inner,),
        "fc2.bias": (width,),
    }
    for part in (*_PARTS, *_SPARE):
        if part in parts and tuple(parts[part].shape) != wanted[part]:
            shape = "x".join(map(str, parts[part].shape))
            raise UnfitCheckpoint(why="odd-shape", name=f"head.{task}_head.{part}", shape=shape)
