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
    """Float32 ``logits`` (V,) where they lie.  Raises NumbersBroken for NaN and infinity.

    A sum that is finite has only finite terms, and is found in one pass.
    """
    numbers: Floats = logits.numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        total = numbers.sum()
    if not (np.isfinite(total) or np.isfinite(numbers).all()):
        raise NumbersBroken(found="NaN" if np.isnan(numbers).any() else "infinity")
    return numbers


def below_best(logits: Floats) -> Floats:
    """How far each of ``logits`` is below the greatest, as a number that is 0 or negative."""
    with np.errstate(over="ignore"):
        below: Floats = logits - logits.max()
    return below


def softmax(below: Floats) -> Floats:
    """The probabilities of logits ``below`` the best (V,), summed in float32 as pip rwkv does."""
    powers = np.exp(below)
    powers /= powers.sum()
    return powers


def heated(below: Floats, temperature: float) -> Floats:
    """e to logits ``below`` the best over the temperature; the best one has 1."""
    if temperature != 1:
        with np.errstate(over="ignore"):
            below = below / np.float32(temperature)
    powers: Floats = np.exp(below)
    return powers


def best_of(numbers: Floats, count: int) -> Ids:
    """The places of the ``count`` greatest, first to last; of equal ones the lower comes first."""
    if count == 0:
        return np.empty(0, np.int64)
    found = np.flatnonzero(numbers >= np.partition(numbers, -count)[-count])
    return found[np.argsort(-numbers[found], kind="stable")[:count]]
