"""Measures what bounds a model on the CPU: how fast memory is read, and how fast products are.

Takes 0.1 to 0.2 s on an idle machine.
"""

import time
from collections.abc import Callable

import torch

from .ops import Ops
from .read_bandwidth import read_bandwidth
from .weight_formats import FORMATS

READ_BLOCK_BYTES = 128 << 20  # more than the caches of ordinary processors hold
_READ_LIMIT_S = 0.1
_ROWS, _WIDTH = 256, 1024
_TRIES = 3


def multiply_per_s(ops: Ops, form: str) -> float:
    """Multiplications a second in a product of 256 rows with a matrix in one format."""
    matrix = FORMATS[form].pack(ops, torch.rand(_WIDTH, _WIDTH) - 0.5, form)
    rows = torch.rand(1, _ROWS, _WIDTH) - 0.5
    best = min(_seconds(lambda: matrix(rows)) for _ in range(_TRIES))
    return _ROWS * _WIDTH * _WIDTH / best


def read_per_s() -> float:
    """Bytes a second that all threads together read of memory."""
    return read_bandwidth(_READ_LIMIT_S, READ_BLOCK_BYTES)


def all_multiply_per_s(ops: Ops) -> dict[str, float]:
    """The same for every format that computes on the CPU."""
    with torch.inference_mode():
        return {form: multiply_per_s(ops, form) for form in FORMATS}


def _seconds(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun
