"""What one device hands to the next: tensors in memory of the host."""

from collections.abc import Sequence

from torch import Tensor

from app.kernels import Array, Ops

Handed = tuple[Tensor, ...]
"""At first the tokens (B, T); then the residual (B, T, C), and in generation 7 the values of layer
0 (B, T, A), which all later layers blend in.  Behind the head it is the logits alone.
"""


def on_host(ops: Ops, arrays: Sequence[Array]) -> Handed:
    """Results of a device; one alone may be overwritten by what the device gives next."""
    if len(arrays) == 1:
        return (ops.host(arrays[0]),)
    return tuple(ops.host(one).clone() for one in arrays)
