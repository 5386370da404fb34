"""The model of each generation: only mathematics, on whatever operations it is given."""

from collections.abc import Callable

import torch

from app.errors import OutOfMemory
from app.kernels import Ops
from app.runtime.planning.footprint import footprint
from app.runtime.planning.strategy import Strategy
from app.system.memory import available_bytes

from .rwkv4 import Rwkv4
from .rwkv5 import Rwkv5
from .rwkv6 import Rwkv6
from .rwkv7 import Rwkv7
from .scope import Scope, Tensors
from .sublayers import Rwkv

__all__ = ["GENERATIONS", "Rwkv", "build"]

GENERATIONS: dict[str, type[Rwkv]] = {
    "4": Rwkv4,
    "5.0": Rwkv5,
    "5.1": Rwkv5,
    "5.2": Rwkv5,
    "6.0": Rwkv6,
    "7.0": Rwkv7,
}


def build(
    checkpoint: Tensors,
    ops: Ops,
    strategy: Strategy,
    progress: Callable[[int, int], None] | None = None,
    free_bytes: int | None = None,
) -> Rwkv:
    """The model of an open checkpoint, its tensors read one by one into their final type.

    ``progress`` is told (layers done, layers); ``free_bytes`` are free where the model will lie,
    None for what this machine has.  Raises OutOfMemory before anything is read where they cannot
    hold the model, and what reading a checkpoint raises.
    """
    needed = footprint(checkpoint.spec, strategy, checkpoint.dtype).total
    free = available_bytes() if free_bytes is None else free_bytes
    if needed > free:
        raise OutOfMemory(needed_bytes=needed, free_bytes=free, strategy=strategy.text)
    scope = Scope(checkpoint, ops, strategy)
    with torch.inference_mode():
        return GENERATIONS[checkpoint.spec.generation](scope, progress or (lambda *_: None))
