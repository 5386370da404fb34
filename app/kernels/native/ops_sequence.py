"""Operations other than matrix products: norms, mixes, recurrences, gates."""

import torch
from torch import Tensor

from app.kernels.ops import Affine, Delta, Loras
from app.kernels.portable import GROUP_EPS, LAYER_EPS

from .base import KINDS, ready
from .ops_loras import LoraOps
from .ops_matrix import MOST_ROWS

FEW_ROWS = MOST_ROWS  # tokens whose blends stay float32, for products of few rows

_MOST_KEYS, _MOST_SIZE7 = 256, 128  # wkv6.h, wkv7.h
_MOST_CHAINS7 = 4  # attend7.h
_LEAST_COLUMNS = 16
_PARTS_A_THREAD = 3  # of the work, so that threads end together


class SequenceOps(LoraOps):
    """Operations along the channels and along time."""

    def embed(self, table: Tensor, tokens: Tensor, norm: Affine) -> Tensor:
        """See Ops."""
        if not ready(table) or table.dtype not in KINDS or tokens.dtype != torch.int64:
            result: Tensor = self.fallback("embed", table, tokens, norm)
            return result
        batch, steps = tokens.shape
        width = table.shape[1]
        y = self.empty((batch, steps, width))
        where = (batch, steps, width, *tokens.stride(), LAYER_EPS, KINDS[table.dtype])
        self.call("embed", y, table, tokens, *norm, *where)
        return y

    def norm(self, x: Tensor, norm: Affine) -> Tensor:
        """See Ops."""
        if not ready(x):
            result: Tensor = self.fallback("norm", x, norm)
            return result
        y = self.empty(x.shape)
        width = x.shape[-1]
        self.call("norm", y, x, *norm, x.numel() // width, width, LAYER_EPS)
        return y

    def mix(self, x: Tensor, norm: Affine, last: Tensor, mixes: Tensor) -> Tensor:
        """See Ops; the blends of a few tokens are float32, as those of ``mix6``."""
        if not ready(x, last, mixes):
            result: Tensor = self.fallback("mix", x, norm, last, mixes)
            return result
        return self._mix(x, norm, last, mixes, None)

    def shift6(self, x: Tensor, norm: Affine, last: Tensor, base: Tensor) -> tuple[Tensor, Tensor]:
        """See Ops; the blend of a few tokens is float32."""
        if not ready(x, last, base):
            result: tuple[Tensor, Tensor] = self.fallback("shift6", x, norm, last, base)
            return result
        pair = self.empty((2, *x.shape))
        return self._mix(x, norm, last, base, pair), pair

    def mix6(self, shifted: Tensor, low: Tensor, up: Tensor, mixes: Tensor) -> Tensor:
        """See Ops; the blends of a few tokens are float32, and of all where it is to be exact."""
        n, width, rank = up.shape
        few = self.exact or low.numel() // (n * rank) <= FEW_ROWS
        known = {low.dtype, mixes.dtype} <= {torch.float32, up.dtype}
        if not few or not known or not ready(shifted, low, up, mixes):
            return super().mix6(shifted, low, up, mixes)
        y, rows = self.empty((n, *shifted.shape[1:])), low.numel() // (n * rank)
        kinds = KINDS[low.dtype], KINDS[up.dtype], KINDS[y.dtype], KINDS[mixes.dtype]
        self.call("mix6", y, shifted, low, up, mixes, n, rows, width, rank, *kinds)
        return y

    def wkv4(self, rkv: Tensor, decay: Tensor, bonus: Tensor, state: Tensor) -> Tensor:
        """See Ops."""
        if not ready(rkv, decay, bonus, state):
            result: Tensor = self.fallback("wkv4", rkv, decay, bonus, state)
            return result
        r, k, v = rkv
        y = self.empty(r.shape)
        self.call("wkv4", y, r, k, v, decay, bonus, state, *r.shape)
        return y

    def wkv6(self, rkv: Tensor, log_decay: Tensor, bonus: Tensor, state: Tensor) -> Tensor:
        """See Ops."""
        heads, size = bonus.shape
        if size > _MOST_KEYS or not ready(rkv, log_decay, bonus, state):
            result: Tensor = self.fallback("wkv6", rkv, log_decay, bonus, state)
            return result
        r, k, v = rkv
        batch, steps, _ = r.shape
        y = self.empty(r.shape)
        sizes = (batch, steps, heads, size, log_decay.dim() == 3, _part(batch * heads, size))
        self.call("wkv6", y, r, k, v, log_decay, bonus, state, *sizes)
        return y

    def gate6(self, y: Tensor, gate: Tensor | None, norm: Affine, heads: int) -> Tensor:
        """See Ops."""
        if not ready(y, gate):
            result: Tensor = self.fallback("gate6", y, gate, norm, heads)
            return result
        out, size = self.empty(y.shape), y.shape[-1] // heads
        rows = y.numel() // y.shape[-1]
        self.call("gate6", out, y, gate, *norm, rows, heads, size, GROUP_EPS)
        return out

    def decay6(self, raw: Tensor) -> Tensor:
        """See Ops."""
        if not ready(raw):
            result: Tensor = self.fallback("decay6", raw)
            return result
        y = self.empty(raw.shape)
        self.call("decay6", y, raw, raw.numel())
        return y

    def prepare7(
        self, k: Tensor, v: Tensor, low: Tensor, first: Tensor | None, keys: Tensor, heads: int
    ) -> Delta:
        """See Ops; the decay and the rate take the place of their chains."""
        if not ready(k, v, low, first, keys):
            result: Delta = self.fallback("prepare7", k, v, low, first, keys, heads)
            return result
        decay, rate, value = low[-2], low[-1], None if first is None else low[0]
        size, rows = k.shape[-1] // heads, k.numel() // k.shape[-1]
        new_v = v if first is None else self.empty(v.shape)
        delta = Delta(decay, self.empty(k.shape), new_v, self.empty(k.shape), rate)
        made = (delta.log_decay, delta.k, delta.v, delta.kk, delta.rate)
        self.call("prepare7", *made, k, v, value, decay, rate, first, keys, rows, heads, size)
        return delta

    def wkv7(self, r: Tensor, delta: Delta, state: Tensor) -> Tensor:
        """See Ops."""
        batch, steps, _ = r.shape
        heads, size = state.shape[1:3]
        if (steps > 1 and size > _MOST_SIZE7) or not ready(r, *delta, state):
            result: Tensor = self.fallback("wkv7", r, delta, state)
            return result
        y = self.empty(r.shape)
        sizes = (batch, steps, heads, size, _part(batch * heads, size))
        self.call("wkv7", y, r, *delta, state, *sizes)
        return y

    def gate7(
        self, y: Tensor, r: Tensor, delta: Delta, gate: Tensor, bonus: Tensor, norm: Affine
    ) -> Tensor:
        """See Ops."""
        if not ready(y, r, delta.k, delta.v, gate, bonus):
            result: Tensor = self.fallback("gate7", y, r, delta, gate, bonus, norm)
            return result
        out, (heads, size) = self.empty(y.shape), bonus.shape
        rows = y.numel() // y.shape[-1]
        parts = (y, r, delta.k, delta.v, gate, bonus, *norm)
        self.call("gate7", out, *parts, rows, heads, size, GROUP_EPS)
        return out

    def chains7(
        self,
        rkv: tuple[Tensor, Tensor, Tensor],
        blends: Tensor,
        loras: Loras,
        first: Tensor | None,
        keys: Tensor,
        bonus: Tensor,
        norm: Affine,
        state: Tensor,
    ) -> Tensor:
        """See Ops; of one token of a few texts, what a head needs stays with one thread."""
        r, (heads, size) = rkv[0], bonus.shape
        few = r.shape[1] == 1 and len(r) <= FEW_ROWS and size <= _MOST_SIZE7
        few = few and len(loras.ranks) <= _MOST_CHAINS7
        fits = few and self.knows(blends, loras) and ready(*rkv, first, keys, bonus, state)
        if not fits:
            return super().chains7(rkv, blends, loras, first, keys, bonus, norm, state)
        low, y = self.lower(blends, loras), self.empty(r.shape)
        sizes = (len(low), low.shape[-1], len(r), heads, size, KINDS[loras.up.dtype])
        others = (*rkv, first, keys, bonus, *norm, state, GROUP_EPS)
        self.call("attend7", y, low, loras.up, loras.bias, *sizes, *others, *loras.ranks)
        return y

    def _mix(
        self, x: Tensor, norm: Affine, last: Tensor, mixes: Tensor, pair: Tensor | None
    ) -> Tensor:
        batch, steps, width = x.shape
        n, kind = len(mixes), mixes.dtype
        wide = self.exact or batch * steps <= FEW_ROWS
        y = self.empty((n, *x.shape), torch.float32 if wide else kind)
        sizes = (n, batch, steps, width, LAYER_EPS, KINDS[kind], KINDS[y.dtype])
        self.call("mix", y, pair, x, *norm, last, mixes, *sizes)
        return y


def _part(heads: int, size: int) -> int:
    """How many columns of a head's state are one part of the work: a power of two of them all."""
    columns = size
    wanted = _PARTS_A_THREAD * torch.get_num_threads()
    while columns % (2 * _LEAST_COLUMNS) == 0 and heads * size // columns < wanted:
        columns //= 2
    return columns
