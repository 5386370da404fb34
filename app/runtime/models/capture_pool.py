"""One-token runs of a model on a card: one captured graph for each size of batch.

A batch is filled up to the next size with rows that nobody looks at.  What a graph works on stays:
what is given (the ids of the tokens, say), and a table with the addresses of the texts' memories.
So texts come and go without a new capture.  Batches of more than 128 run without one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from app.kernels import Array, Ops
from app.kernels.ops import Captured
from app.runtime.states.gpu_states import GpuState, Views

from .handover import Handed, on_host

_LARGEST = 128


@dataclass
class _Bucket:
    given: Handed
    table: Array
    addresses: "np.ndarray[tuple[int, ...], np.dtype[np.uint64]]"
    views: Views
    captured: Captured | None = None


class CapturePool:
    """Captures of one run over what is given for one token of B texts, and a GpuState of them."""

    def __init__(self, ops: Ops) -> None:
        self._ops = ops
        self._known: dict[tuple[int, bool], _Bucket] = {}
        self._spare: Array | None = None

    def __call__(
        self, run: Callable[[Handed, Any], tuple[Array, ...]], given: Handed, state: Any
    ) -> Handed:
        """What ``run`` would give, on the host; see ``on_host``."""
        size = bucket_for(state.batch)
        if size > _LARGEST:
            return on_host(self._ops, run(given, state))
        key = (size, self._ops.skipping)
        bucket = self._known.get(key) or self._fresh(size, given, state)
        self._fill(bucket, given, state)
        if bucket.captured is None:
            like = _Like(size, bucket.views)
            bucket.captured = self._ops.capture(lambda: run(bucket.given, like))
            assert bucket.captured is not None
            self._known[key] = bucket
        else:
            bucket.captured.again()
        return on_host(self._ops, [one[: state.batch] for one in bucket.captured.result])

    def _fresh(self, size: int, given: Handed, state: GpuState) -> _Bucket:
        device = state.device
        table = device.empty((size,), np.dtype(np.uint64))
        held = tuple(torch.zeros((size, *one.shape[1:]), dtype=one.dtype) for one in given)
        return _Bucket(held, table, np.zeros(size, np.uint64), state.plan.views(table))

    def _fill(self, bucket: _Bucket, given: Handed, state: GpuState) -> None:
        for held, one in zip(bucket.given, given, strict=True):
            held[: len(one)] = one
        addresses = np.full(len(bucket.addresses), self._nowhere(state), np.uint64)
        addresses[: state.batch] = state.addresses
        if (addresses != bucket.addresses).any():
            bucket.addresses = addresses
            state.device.write(bucket.table, addresses)

    def _nowhere(self, state: GpuState) -> int:
        """The block that the rows nobody looks at share."""
        if self._spare is None:
            self._spare = state.device.empty((state.plan.size,), np.dtype(np.float32))
            state.device.clear(self._spare)
        return state.device.address(self._spare)


class Uncaptured:
    """In place of a CapturePool where layers are streamed: no graph has copies beside the work."""

    def __init__(self, ops: Ops) -> None:
        self._ops = ops

    def __call__(
        self, run: Callable[[Handed, Any], tuple[Array, ...]], given: Handed, state: Any
    ) -> Handed:
        """What ``run`` gives, on the host; see ``on_host``."""
        return on_host(self._ops, run(given, state))


@dataclass(frozen=True)
class _Like:
    """What a run asks of a state."""

    batch: int
    views: Views


def bucket_for(batch: int) -> int:
    """The size that a batch is filled up to: a power of two."""
    return 1 << (batch - 1).bit_length()
