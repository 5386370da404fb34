"""Operations on a GPU that are no matrix products: norms, mixes, recurrences, gates.

Shapes are (B, T, C): batch, time, channels; an attention width A is H heads of size N.
"""

import math
from typing import Any

import torch

from app.errors import KernelError
from app.kernels.ops import Affine, Delta

from .base import FLOAT, Base, DeviceBuffer
from .device import DTYPES, FORMS, Array

MOST_BLENDS = 8  # mix.cu

_MIX6_TYPES = (*((form, form) for form in DTYPES), ("bf16", "fp32"), ("fp16", "fp32"))
_SIZES = ((64, 1), (32, 0), (64, 0), (128, 0), (256, 0))  # heads.cuh: COLUMNS, WHOLE
_MOST_FUSED = 128  # a head's size in attend7
_HELD = 16  # heads.cuh: numbers of a line that a thread holds
_WARP = 32
_HEADS_A_BLOCK = 4  # gate.cu
_ELEMENTS_A_BLOCK = 128
_MIX6_THREADS, _MIX6_ROWS = 128, 32
_WKV4_THREADS = 64
_NORM_THREADS = 512
_RUN = 16  # rows of one text that one block mixes at most

_Program = tuple[str, dict[str, int | str]]


def _for_heads(program: str) -> tuple[_Program, ...]:
    return tuple((program, {"COLUMNS": columns, "WHOLE": whole}) for columns, whole in _SIZES)


PROGRAMS: tuple[_Program, ...] = (
    *tuple[_Program, ...](("norm", {"TABLE": form}) for form in DTYPES),
    *tuple[_Program, ...](("mix", {"MIX": form}) for form in DTYPES),
    *tuple[_Program, ...](("mix6", {"UP": up, "MIX": form}) for up, form in _MIX6_TYPES),
    *_for_heads("wkv6"),
    *_for_heads("wkv7"),
    ("wkv4", {}),
    ("gate", {}),
)


class SequenceOps(Base):
    """Operations along channels and along time."""

    def table(self, host: torch.Tensor) -> Array:
        """An embedding table (V, C) in its own type."""
        return self.put(host)

    def zeros(self, shape: tuple[int, ...]) -> Array:
        """See Ops."""
        array = self.empty(shape)
        self.step(lambda: self.device.clear(array))
        return array

    def embed(self, table: Array, tokens: torch.Tensor, norm: Affine) -> Array:
        """See Ops; a replay of a capture reads the tokens again."""
        ids = self.held(tokens)
        width = table.shape[1]
        y = self.empty((*ids.shape, width))
        kernel = self.device.kernel("norm", "embed", TABLE=FORMS[table.dtype])
        grid = (_count(ids.shape),)
        self.call(kernel, grid, _norm_threads(width), y, table, ids, *norm, width)
        return y

    def norm(self, x: Array, norm: Affine) -> Array:
        """See Ops; x is (B, T, C), or (B, C) with a stride between rows."""
        y, width = self.empty(x.shape), x.shape[-1]
        stride = x.strides[0] // FLOAT.itemsize if len(x.shape) == 2 else width
        kernel = self.device.kernel("norm", "layer_norm", TABLE="fp32")
        grid = (_count(x.shape[:-1]),)
        self.call(kernel, grid, _norm_threads(width), y, x, *norm, width, stride)
        return y

    def mix(self, x: Array, norm: Affine, last: DeviceBuffer, mixes: Array) -> Array:
        """See Ops; at most MOST_BLENDS blends."""
        return self._mix(x, norm, last, mixes, None)

    def shift6(
        self, x: Array, norm: Affine, last: DeviceBuffer, base: Array
    ) -> tuple[Array, Array]:
        """See Ops."""
        pair = self.empty((2, *x.shape))
        return self._mix(x, norm, last, base, pair), pair

    def mix6(self, shifted: Array, low: Array, up: Array, mixes: Array) -> Array:
        """See Ops; low is float32 or has the type of ``up``, and so has ``mixes``."""
        n, width, rank = up.shape
        rows = _count(shifted.shape[1:-1])
        y = self.empty((n, *shifted.shape[1:]), mixes.dtype)
        kernel = self.device.kernel("mix6", "mix6", UP=FORMS[up.dtype], MIX=FORMS[mixes.dtype])
        grid = (_parts(width, _MIX6_THREADS), n, _parts(rows, _MIX6_ROWS))
        wide = low.dtype == FLOAT
        sizes = (rows, width, rank, _MIX6_ROWS)
        self.call(kernel, grid, _MIX6_THREADS, y, shifted, low, wide, up, mixes, *sizes)
        return y

    def wkv4(self, rkv: Array, decay: Array, bonus: Array, state: DeviceBuffer) -> Array:
        """See Ops."""
        batch, steps, width = rkv.shape[1:]
        y = self.empty((batch, steps, width))
        kernel = self.device.kernel("wkv4", "wkv4")
        memory, grid = (state.table, state.first), (_parts(width, _WKV4_THREADS), batch)
        parts = (rkv[0], rkv[1], rkv[2], decay, bonus)
        self.call(kernel, grid, _WKV4_THREADS, y, *parts, *memory, steps, width)
        return y

    def wkv6(self, rkv: Array, log_decay: Array, bonus: Array, state: DeviceBuffer) -> Array:
        """See Ops.  Raises KernelError for heads larger than 256."""
        (heads, size), (batch, steps, width) = bonus.shape, rkv.shape[1:]
        y = self.empty((batch, steps, width))
        form = _form("wkv6", size)
        kernel = self.device.kernel("wkv6", "wkv6", **form)
        lines = _lines(form)
        grid, threads = (_parts(size, lines), heads, batch), lines * form["COLUMNS"] // _HELD
        by_token = len(log_decay.shape) > 2
        parts = (rkv[0], rkv[1], rkv[2], log_decay, by_token, bonus)
        self.call(kernel, grid, threads, y, *parts, state.table, state.first, steps, size)
        return y

    def gate6(self, y: Array, gate: Array | None, norm: Affine, heads: int) -> Array:
        """See Ops."""
        out, sizes = self.empty(y.shape), _by_head(y, heads)
        kernel = self.device.kernel("gate", "gate6")
        self.call(kernel, _head_grid(*sizes), _HEADS_A_BLOCK * _WARP, out, y, gate, *norm, *sizes)
        return out

    def decay6(self, raw: Array) -> Array:
        """See Ops."""
        y, count = self.empty(raw.shape), _count(raw.shape)
        grid = (_parts(count, _ELEMENTS_A_BLOCK),)
        self.call(self.device.kernel("gate", "decay6"), grid, _ELEMENTS_A_BLOCK, y, raw, count)
        return y

    def prepare7(
        self, k: Array, v: Array, low: Array, first: Array | None, keys: Array, heads: int
    ) -> Delta:
        """See Ops; decay and rate overwrite their chains."""
        value, decay, rate = _chains(low, first)
        new_v = v if first is None else self.empty(v.shape)
        delta = Delta(decay, self.empty(k.shape), new_v, self.empty(k.shape), rate)
        sizes = _by_head(k, heads)
        kernel = self.device.kernel("gate", "prepare7")
        made = (delta.k, None if first is None else new_v, delta.kk)
        parts = (*made, k, v, value, decay, rate, first, keys)
        self.call(kernel, _head_grid(*sizes), _HEADS_A_BLOCK * _WARP, *parts, *sizes)
        return delta

    def wkv7(self, r: Array, delta: Delta, state: DeviceBuffer) -> Array:
        """See Ops.  Raises KernelError for heads larger than 256."""
        batch, steps, width = r.shape
        size = state.count // width  # of H N N numbers, H N wide
        form = _form("wkv7", size)
        y = self.empty(r.shape)
        kernel = self.device.kernel("wkv7", "wkv7", **form)
        lines = _lines(form)
        grid = (_parts(size, lines), width // size, batch)
        threads = lines * form["COLUMNS"] // _HELD
        self.call(kernel, grid, threads, y, r, *delta, state.table, state.first, steps, size)
        return y

    def gate7(
        self, y: Array, r: Array, delta: Delta, gate: Array, bonus: Array, norm: Affine
    ) -> Array:
        """See Ops."""
        out, sizes = self.empty(y.shape), _by_head(y, len(bonus))
        kernel = self.device.kernel("gate", "gate7")
        parts = (out, y, r, delta.k, delta.v, gate, bonus, *norm)
        self.call(kernel, _head_grid(*sizes), _HEADS_A_BLOCK * _WARP, *parts, *sizes)
        return out

    def attend7(
        self,
        rkv: tuple[Array, Array, Array],
        low: Array,
        first: Array | None,
        keys: Array,
        gate: Array,
        bonus: Array,
        norm: Affine,
        state: DeviceBuffer,
    ) -> Array:
        """See Ops; for one token it is one launch."""
        r, k, v = rkv
        heads, size = bonus.shape
        if r.shape[1] > 1 or size > _MOST_FUSED:
            delta = self.prepare7(k, v, low, first, keys, heads)
            return self.gate7(self.wkv7(r, delta, state), r, delta, gate, bonus, norm)
        form = _form("wkv7", size)
        y, threads = self.empty(r.shape), form["COLUMNS"] * form["COLUMNS"] // _HELD
        kernel = self.device.kernel("wkv7", "attend7", **form)
        parts = (r, k, v, *_chains(low, first), first, keys, gate, bonus, *norm)
        memory = (state.table, state.first)
        self.call(kernel, (heads, len(r)), threads, y, *parts, *memory, size)
        return y

    def _mix(
        self, x: Array, norm: Affine, last: DeviceBuffer, mixes: Array, pair: Array | None
    ) -> Array:
        batch, steps, width = x.shape
        n, processors = len(mixes), self.device.processors
        if n > MOST_BLENDS:
            raise ValueError(f"{n} blends at once")
        y = self.empty((n, *x.shape), mixes.dtype)
        together = 4 if width % 4 == 0 else 1
        # few rows are spread over many small blocks; of many, each block takes a run
        threads = 128 if batch * steps <= processors else 512
        threads = min(threads, _whole_warps(width // together))
        slices = _parts(width, threads * together)
        run = min(_RUN, steps, _parts(batch * steps * slices, 4 * processors))
        kernel = self.device.kernel("mix", "mix", MIX=FORMS[mixes.dtype])
        memory = (last.table, last.first)
        parts = (y, pair, x, *norm, *memory, mixes, n, steps, width, run)
        self.call(kernel, (slices, _parts(steps, run), batch), threads, *parts)
        return y


def _chains(low: Array, first: Array | None) -> tuple[Array | None, Array, Array]:
    """The low-rank chains of value (if there is one), decay and rate."""
    return None if first is None else low[0], low[-2], low[-1]


def _by_head(x: Array, heads: int) -> tuple[int, int, int]:
    """Rows, heads, and channels of a head of an array (..., A)."""
    return _count(x.shape[:-1]), heads, x.shape[-1] // heads


def _head_grid(rows: int, heads: int, _size: int) -> tuple[int, ...]:
    return (_parts(rows * heads, _HEADS_A_BLOCK),)


def _form(program: str, size: int) -> dict[str, Any]:
    """The compile-time constants for a head size."""
    for columns, whole in _SIZES:
        if size == columns if whole else size <= columns:
            return {"COLUMNS": columns, "WHOLE": whole}
    raise KernelError(program=program, why="heads-too-large", head_size=size)


def _lines(form: dict[str, Any]) -> int:
    """How many lines of a head's state one block computes (heads.cuh)."""
    return 32 if form["COLUMNS"] <= 128 else 16


def _norm_threads(width: int) -> int:
    return min(_NORM_THREADS, _whole_warps(width // 4))


def _whole_warps(threads: int) -> int:
    return _WARP * max(1, _parts(threads, _WARP))


def _count(shape: tuple[int, ...]) -> int:
    return math.prod(shape)


def _parts(whole: int, part: int) -> int:
    """How many parts of ``size`` make up the whole, rounded up."""
    return -(-whole // part)
