"""The base of all operations on a GPU: memory, kernel launches, and captures of runs."""

import math
import weakref
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from .device import DTYPES, Array, Device, Product

FLOAT = DTYPES["fp32"]

_LINE = 256
_TORCH = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class DeviceBuffer:
    """One part of the states of B texts: ``count`` floats in the memory block of each text.

    ``table`` (B,) uint64 holds the addresses of the blocks on the GPU; the part begins ``first``
    floats into each.
    """

    table: Array
    first: int
    count: int


class Base:
    """Launches kernels; while a run is captured, each launch is recorded by the capture, too."""

    note = ""
    rows = 1024

    def __init__(self, device: Device) -> None:
        self.device = device
        self._capture: Capture | None = None

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any] = FLOAT) -> Array:
        """An uninitialised array for a result."""
        if self._capture is not None:
            return self._capture.empty(shape, dtype)
        return self.device.empty(shape, dtype)

    def call(
        self,
        kernel: Any,
        grid: tuple[int, ...],
        threads: int,
        *arguments: Array | int | None,
    ) -> None:
        """Launch a kernel; arrays are passed by address, None as 0."""
        words = tuple(map(self._word, arguments))
        self.step(lambda: self.device.launch(kernel, grid, threads, words))

    def step(self, issue: Callable[[], None]) -> None:
        """Run ``issue`` now, and again in each replay of the capture, with the same arrays."""
        issue()
        if self._capture is not None:
            self._capture.steps.append(issue)

    def in_slot(self, host: torch.Tensor, slot: Array, first: int) -> Array:
        """See Ops."""
        bytes_there = slot[first : first + host.nbytes]
        return self.device.lend(bytes_there, tuple(host.shape), _stored(host.dtype), None)

    def joined(self, parts: Sequence[Array]) -> Array:
        """See Ops."""
        rows, sizes = math.prod(parts[0].shape[:-1]), [part.shape[-1] for part in parts]
        whole = self.empty((*parts[0].shape[:-1], sum(sizes)))
        lines, first = whole.reshape(rows, sum(sizes)), 0
        for part, size in zip(parts, sizes, strict=True):
            some = part.reshape(rows, size)
            for row in range(rows):
                to = lines[row : row + 1, first : first + size]
                self.step(partial(self.device.copy, to, some[row : row + 1]))
            first += size
        return whole

    def multiply(self, y: Array, x: Array, w: Array, product: Product) -> None:
        """Device.multiply as a step; the capture does not keep the arrays' memory from reuse."""
        if self._capture is not None:
            y, x, w = map(self._capture.loose, (y, x, w))
        self.step(lambda: self.device.multiply(y, x, w, product))

    def put(self, host: torch.Tensor, form: str | None = None) -> Array:
        """A host tensor copied to the GPU, in its own type or as "fp32", "fp16" or "bf16"."""
        if form is not None:
            host = host.to(_TORCH[form])
        host = host.contiguous()
        numbers = host.view(torch.uint16) if host.dtype == torch.bfloat16 else host
        flat: np.ndarray[Any, Any] = numbers.numpy()
        array = self.device.empty(flat.shape, flat.dtype)
        self.device.write(array, flat)
        return array

    def capture(self, run: Callable[[], Array]) -> "Capture":
        """See Ops."""
        capture = self._capture = Capture(self.device)
        try:
            capture.result = run()
        finally:
            self._capture = None
        capture.close()
        return capture

    def held(self, source: Any) -> Array:
        """An int64 host tensor of tokens as int32 on the GPU; a replay copies it again."""
        return self._brought(source, np.dtype(np.int32))

    def from_host(self, host: torch.Tensor) -> Array:
        """See Ops."""
        return self._brought(host, FLOAT)

    def _brought(self, source: torch.Tensor, dtype: np.dtype[Any]) -> Array:
        array = self.empty(tuple(source.shape), dtype)
        device = self.device

        def bring() -> None:
            device.write(array, np.asarray(source.numpy(), dtype))

        bring()
        if self._capture is not None:
            self._capture.inputs.append(bring)
        return array

    def _word(self, value: Array | int | None) -> int:
        if value is None:
            return 0
        return int(value) if isinstance(value, int) else self.device.address(value)


def _stored(dtype: torch.dtype) -> np.dtype[Any]:
    """How the device's library stores numbers of a type."""
    plain = torch.uint16 if dtype == torch.bfloat16 else dtype
    stored: np.dtype[Any] = torch.empty(0, dtype=plain).numpy().dtype
    return stored


class _Holder:
    """Referenced by all arrays in one piece of a capture's memory; its end frees the piece."""


class Capture:
    """The recorded steps of one run, with the memory for its intermediate results.

    Steps are recorded in a list; ``close`` makes a CUDA graph of them.  ``inputs`` are copied to
    the GPU before each run.
    """

    def __init__(self, device: Device) -> None:
        self.result: Array = None
        self.steps: list[Callable[[], None]] = []
        self.inputs: list[Callable[[], None]] = []
        self._device = device
        self._free: defaultdict[int, list[Array]] = defaultdict(list)
        self._graph: Callable[[], None] | None = None
        self._blocks: list[tuple[int, Array]] = []

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """An uninitialised array that stays allocated as long as the capture.

        Once nothing references it, later results of the run reuse its memory.
        """
        size = max(1, -(-math.prod(shape) * dtype.itemsize // _LINE)) * _LINE
        free = self._free[size]
        if free:
            block = free.pop()
        else:
            block = self._device.empty((size,), np.dtype(np.uint8))
            self._blocks.append((self._device.address(block), block))
        holder = _Holder()
        weakref.finalize(holder, free.append, block).atexit = False
        return self._device.lend(block, shape, dtype, holder)

    def loose(self, array: Array) -> Array:
        """The same array without a reference to its piece of the capture's memory."""
        begin = self._device.address(array)
        for first, block in self._blocks:
            if first <= begin < first + block.nbytes:
                piece = block[begin - first : begin - first + array.nbytes]
                return self._device.lend(piece, array.shape, array.dtype, None)
        return array

    def close(self) -> None:
        """End the recording and make one CUDA graph of all steps."""
        self._graph = self._device.graph(self._issue)

    def again(self, moved: Sequence[tuple[int, int, int]] = ()) -> bool:
        """See Captured; the arrays of a capture never move."""
        if moved or self._graph is None:
            return False
        for bring in self.inputs:
            bring()
        self._graph()
        return True

    def _issue(self) -> None:
        for step in self.steps:
            step()
