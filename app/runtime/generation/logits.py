"""Logits as NumPy arrays: checked, made probabilities, and the best of them found.

V is the vocabulary: every array here is (V,) or a part of it.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.errors import NumbersBroken

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]


def finite(logits: "torch.Tensor") -> Floats:
    """Float32 ``logits`` (V,) where they lie.  Raises NumbersBroken for NaN and infinity."""
    numbers: Floats = logits.numpy()
    if not np.isfinite(numbers).all():
        raise NumbersBroken(found="NaN" if np.isnan(numbers).any() else "infinity")
    return numbers


def softmax(logits: Floats) -> Floats:
    """The probabilities of ``logits`` (V,), summed in float32 as pip rwkv does."""
    powers = powers_of(logits)
    powers /= powers.sum()
    return powers


def powers_of(logits: Floats, temperature: float = 1.0) -> Floats:
    """e to the logits over the temperature, the greatest of them being 1."""
    with np.errstate(over="ignore"):
        powers: Floats = logits - logits.max()
        if temperature != 1:
            powers /= np.float32(temperature)
    return np.exp(powers, out=powers)


def best_of(numbers: Floats, count: int) -> Ids:
    """The places of the ``count`` greatest, first to last; of equal ones the lower comes first."""
    if count == 0:
        return np.empty(0, np.int64)
    found = np.flatnonzero(numbers >= np.partition(numbers, -count)[-count])
    return found[np.argsort(-numbers[found], kind="stable")[:count]]
