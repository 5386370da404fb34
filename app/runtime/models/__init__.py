"""The model of each generation: only mathematics, on whatever operations it is given."""

from collections.abc import Callable, Mapping

import torch

from app.errors import OutOfMemory
from app.kernels import Ops
from app.runtime.planning.footprint import footprints
from app.runtime.planning.strategy import Strategy
from app.system.memory import available_bytes

from .assembly import Assembly
from .rwkv4 import Rwkv4
from .rwkv5 import Rwkv5
from .rwkv6 import Rwkv6
from .rwkv7 import Rwkv7
from .scope import Tensors
from .sublayers import Rwkv, StateHome

__all__ = ["GENERATIONS", "Rwkv", "StateHome", "build"]

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
    ops: Ops | Mapping[str, Ops],
    strategy: Strategy,
    progress: Callable[[int, int], None] | None = None,
    free_bytes: Mapping[str, int] | None = None,
) -> Rwkv:
    """The model of an open checkpoint, its tensors read one by one into their final type.

    ``ops`` are those of each device that the strategy names, or of all of them.  ``progress`` is
    told (layers done, layers); ``free_bytes`` are free on these devices, what this machine has on
    those that are missing.  Raises OutOfMemory before anything is read where one of them cannot
    hold its part of the model, and what reading a checkpoint raises.
    """
    for device, part in footprints(checkpoint.spec, strategy, checkpoint.dtype).items():
        free = (free_bytes or {}).get(device)
        free = available_bytes() if free is None else free
        if part.total > free:
            facts = {"strategy": strategy.text, "device": device}
            raise OutOfMemory(needed_bytes=part.total, free_bytes=free, **facts)
    family = GENERATIONS[checkpoint.spec.generation]
    on_each = ops if isinstance(ops, Mapping) else dict.fromkeys(strategy.devices, ops)
    with torch.inference_mode():
        parts = Assembly(checkpoint, on_each, family.time_mix, family.channel_mix, progress)
        return family(checkpoint, parts.runners(strategy))
