"""Numbers of a state that are told without the state itself: norms of its heads, whole heads.

L layers, H heads, N numbers a side of a head's matrix, A numbers of a vector in generation 4.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .state import RecurrentState, State

Floats = NDArray[np.float32]


def norms_of(state: RecurrentState, row: int = 0) -> Floats:
    """Frobenius norms of the heads' matrices (L, H); in generation 4 of the three vectors (L, 3).

    The squares are added up in float64.
    """
    wkv = _wkv(state.host(), row)
    flat = wkv if wkv.ndim == 3 else wkv.reshape(*wkv.shape[:2], -1)
    layers = [np.sqrt(np.square(layer, dtype=np.float64).sum(-1)) for layer in flat]
    return np.stack(layers).astype(np.float32)


def heads_of(
    state: RecurrentState, places: Sequence[tuple[int, int]], row: int = 0
) -> tuple[Floats, ...]:
    """The matrices (N, N) of some (layer, head); in generation 4 a layer's vectors (3, A).

    A matrix is as the official implementations keep it: [key, value] in generations 5 and 6,
    [value, key] in 7.
    """
    wkv = _wkv(state.host(), row)
    return tuple(wkv[layer] if wkv.ndim == 3 else wkv[layer, head] for layer, head in places)


def _wkv(state: State, row: int) -> NDArray[Any]:
    """One text's part, (L, H, N, N) or (L, 3, A)."""
    found: NDArray[Any] = state.wkv[:, row].numpy()
    return found
