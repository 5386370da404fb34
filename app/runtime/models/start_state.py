"""The start state that was merged into a model's file, from which each of its texts begins."""

import torch

from app.runtime.states.state import State
from app.runtime.states.state_header import TUNED_PARTS
from app.runtime.states.tuned_states import tuned_state

from .scope import Tensors


def merged_start(checkpoint: Tensors) -> State | None:
    """The State of one text before its first token; None where the file has none of its own."""
    names = [name for name in checkpoint.tensors if name.endswith(TUNED_PARTS)]
    if not names:
        return None
    tuned = {name: checkpoint.read(name, torch.float32) for name in names}
    return tuned_state(tuned, checkpoint.spec)
