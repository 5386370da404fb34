"""How much a state holds, layer by layer and head by head; asks no model, needs no torch."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from app.runtime.checkpoint.stored import BYTES_PER_NUMBER, Container, Stored
from app.runtime.checkpoint.wrappers import unwrapped
from app.runtime.states.state_header import opened_state

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

_MATRIX = re.compile(r"(?:state\.(\d+)\.S|blocks\.(\d+)\.att\.time_state|(\d+))", re.ASCII)
_VECTORS = re.compile(r"state\.(\d+)\.(aa|bb|pp)", re.ASCII)


def norms_in(path: Path) -> list[list[float]]:
    """The Frobenius norm of every head's matrix, a row for each layer.

    In generation 4, which has no heads, those of numerator, denominator and peak.  Raises the
    failures of opening a state.
    """
    with opened_state(path) as container:
        found: dict[int, list[float]] = {}
        for name, stored in unwrapped(container.tensors).items():
            matrix, vector = _MATRIX.fullmatch(name), _VECTORS.fullmatch(name)
            if matrix and len(stored.shape) == 3:
                layer = int(next(filter(None, matrix.groups())))
                found[layer] = _norms(container, stored, heads=stored.shape[0])
            elif vector:
                found.setdefault(int(vector[1]), []).extend(_norms(container, stored, heads=1))
        return [found[layer] for layer in sorted(found)]


def _norms(container: Container, stored: Stored, *, heads: int) -> list[float]:
    """Only of files that were written here, in which numbers lie in order."""
    import numpy as np  # here: most starts look into no state

    source, begin = container.place(stored)
    raw = source.read(begin + stored.offset, stored.nbytes)
    flat = _floats(np, raw, stored.dtype).reshape(heads, -1)
    return [float(norm) for norm in np.sqrt(np.square(flat, dtype=np.float64).sum(-1))]


def _floats(numpy: "Any", raw: bytes, dtype: str) -> "NDArray[np.float32]":
    if dtype == "bf16":
        wide = numpy.frombuffer(raw, "<u2").astype("<u4") << 16
        found: NDArray[np.float32] = wide.view("<f4")
        return found
    floats: NDArray[np.float32] = numpy.frombuffer(raw, f"<f{BYTES_PER_NUMBER[dtype]}").astype(
        "<f4"
    )
    return floats
