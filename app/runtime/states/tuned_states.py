"""A start state made of what state tuning trains: wkv matrices, and perhaps what is shifted in.

The matrices are [head, value, key] in all generations, as RWKV-PEFT's kernels have them
(the wkv6state and rwkv7_state_clampw kernels of github.com/JL-er/RWKV-PEFT): as they are
for generation 7, and transposed for 5 and 6, whose states here are [head, key, value].
"""

from collections.abc import Mapping

from torch import Tensor

from app.runtime.spec import Spec

from .state import State, fill
from .state_header import TUNED_PARTS


def tuned_state(tuned: Mapping[str, Tensor], spec: Spec) -> State:
    """A State of one text from tensors called ``blocks.<layer>.<one of TUNED_PARTS>``.

    What is missing is as in a blank state.  Shapes are the caller's to check.
    """
    state = State.blank(spec)
    for layer, (att_shift, ffn_shift, wkv) in enumerate(state.views):
        matrix, att_last, ffn_last = (tuned.get(f"blocks.{layer}.{part}") for part in TUNED_PARTS)
        if matrix is not None:
            fill(wkv[0], matrix if spec.generation == "7.0" else matrix.mT)
        if att_last is not None:
            fill(att_shift[0], att_last.flatten())
        if ffn_last is not None:
            fill(ffn_shift[0], ffn_last.flatten())
    return state
