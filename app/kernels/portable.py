"""Every operation in plain torch: the reference and the fallback of faster backends."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .allocator import keep_freed_memory
from .chunked_wkv import wkv4_chunks, wkv6_chunks, wkv7_chunks
from .ops import Affine, Captured, Delta, Loras
from .packing import transposed
from .pointer_table import PointerTable
from .portable_quantised import PortableQuantised

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

LAYER_EPS = 1e-5
GROUP_EPS = 64e-5
_LEAST_NORM = 1e-12
_FEW_ROWS = 8
_CANDIDATES = 256
_BLOCK_ROWS = 1024
_HALF_DECAY = -0.606531  # -e^(-1/2), in the six digits that every official implementation uses


class PortableOps(PortableQuantised):
    """``Ops`` on the CPU through torch, in float32 or with smaller weights."""

    name = "portable"
    rows = 512
    alike = exact = False
    most_alike = 1  # torch adds up in another order for each number of rows
    device: Any = None
    takes_pointer_tables = False

    def __init__(self, note: str = "") -> None:
        self.note = note
        keep_freed_memory()

    def capture(self, run: Callable[[], Tensor]) -> Captured | None:
        """See Ops; torch's calls cannot be run again."""
        return None

    def upload(self, host: Tensor, dtype: str) -> Tensor:
        """See Ops."""
        return host.to(DTYPES[dtype])

    def transposed(self, host: Tensor, dtype: str) -> Tensor:
        """See Ops."""
        return transposed(host.to(DTYPES[dtype]))

    def place_loras(self, host: Loras, dtype: str) -> Loras:
        """See Ops."""
        down, up = self.upload(host.down, dtype), self.upload(host.up.contiguous(), dtype)
        return host._replace(down=down, up=up, bias=self.upload(host.bias, "fp32"))

    def table(self, host: Tensor) -> Tensor:
        """See Ops."""
        return host

    def host(self, array: Tensor) -> Tensor:
        """See Ops."""
        return array

    def from_host(self, host: Tensor) -> Tensor:
        """See Ops."""
        return host

    def zeros(self, shape: tuple[int, ...]) -> Tensor:
        """See Ops."""
        return torch.zeros(shape)

    def in_slot(self, host: Tensor, slot: Tensor, first: int) -> Tensor:
        """See Ops."""
        return host

    def step(self, act: Callable[[], None]) -> None:
        """See Ops."""
        act()

    def joined(self, parts: Sequence[Tensor]) -> Tensor:
        """See Ops."""
        return torch.cat(tuple(parts), -1)

    def embed(self, table: Tensor, tokens: Tensor, norm: Affine) -> Tensor:
        """See Ops."""
        return self.norm(table[tokens].float(), norm)

    def norm(self, x: Tensor, norm: Affine) -> Tensor:
        """See Ops."""
        return functional.layer_norm(x, x.shape[-1:], *norm, LAYER_EPS)

    def mix(self, x: Tensor, norm: Affine, last: Tensor, mixes: Tensor) -> Tensor:
        """See Ops."""
        h, change = self._shift(x, norm, last)
        return _blend(h, change, mixes, self._kind_of(mixes))

    def matmul(self, x: Tensor, weight: Tensor, act: str) -> Tensor:
        """See Ops."""
        return _activate(_linear(x, self._exactly(weight)), act)

    def matmul_stack(self, x: Tensor, weight: Tensor | PointerTable) -> Tensor:
        """See Ops."""
        rows = x.view(len(x), -1, x.shape[-1])
        if isinstance(weight, PointerTable):
            pairs = zip(rows, weight.parts, strict=True)
            ends = [_linear(some, self._exactly(one)) for some, one in pairs]
            return torch.stack(ends).view(*x.shape[:-1], -1).float()
        return _each(rows, self._exactly(weight)).view(*x.shape[:-1], -1).float()

    def matmul_onto(self, out: Tensor, x: Tensor, weight: Tensor, gate: Tensor | None) -> None:
        """See Ops."""
        y = _linear(x, self._exactly(weight))
        if gate is None:
            out.add_(y)
        else:
            out.addcmul_(gate, y)

    def head(self, x: Tensor, weight: Tensor) -> Tensor:
        """See Ops."""
        if weight.dtype == torch.float32:
            return _linear(x, weight)
        rows = x.view(-1, x.shape[-1])
        if self.exact:
            return _by_blocks(rows, weight).view(*x.shape[:-1], -1)
        few = len(rows) <= _FEW_ROWS and len(weight) > 8 * _CANDIDATES
        logits = _sharpened(rows, weight) if few else _by_blocks(rows, weight)
        return logits.view(*x.shape[:-1], -1)

    def loras(self, x: Tensor, loras: Loras) -> Tensor:
        """See Ops."""
        rows = x.view(len(x), -1, x.shape[-1])
        low = _each(rows, self._exactly(loras.down))
        for chain, act in enumerate(loras.acts):
            if act:
                _activate(low[chain], act)
        high = _each(low, self._exactly(loras.up)).view(*x.shape[:-1], -1)
        return high.float().add_(loras.bias)

    def wkv4(self, rkv: Tensor, decay: Tensor, bonus: Tensor, state: Tensor) -> Tensor:
        """See Ops."""
        r, k, v = rkv
        return wkv4_chunks(k, v, decay, bonus, state).mul_(r.sigmoid_())

    def shift6(self, x: Tensor, norm: Affine, last: Tensor, base: Tensor) -> tuple[Tensor, Tensor]:
        """See Ops."""
        shifted = torch.stack(self._shift(x, norm, last))
        return _blend(shifted[0], shifted[1], base, self._kind_of(base)), shifted

    def mix6(self, shifted: Tensor, low: Tensor, up: Tensor, mixes: Tensor) -> Tensor:
        """See Ops."""
        h, change = shifted
        n, _, rank = up.shape
        each = low.view(-1, n, rank).transpose(0, 1)
        high = _each(each, self._exactly(up)).view(n, *h.shape).float().add_(mixes)
        return _blend(h, change, high, self._kind_of(mixes))

    def wkv6(self, rkv: Tensor, log_decay: Tensor, bonus: Tensor, state: Tensor) -> Tensor:
        """See Ops."""
        return wkv6_chunks(rkv, log_decay, bonus, state)

    def gate6(self, y: Tensor, gate: Tensor | None, norm: Affine, heads: int) -> Tensor:
        """See Ops."""
        y = _group_norm(y, norm, heads)
        return y if gate is None else y.mul_(functional.silu(gate))

    def decay6(self, raw: Tensor) -> Tensor:
        """See Ops."""
        return raw.exp().neg_()

    def prepare7(
        self, k: Tensor, v: Tensor, low: Tensor, first: Tensor | None, keys: Tensor, heads: int
    ) -> Delta:
        """See Ops."""
        low = low.sigmoid_()
        decay, rate = low[-2], low[-1]
        removal, changed, kept = k * keys
        by_head = _by_head(removal, heads)
        length = torch.linalg.vector_norm(by_head, dim=-1, keepdim=True)
        by_head.div_(length.clamp_min_(_LEAST_NORM))
        if first is not None:
            v = torch.lerp(v, first, low[0])
        return Delta(decay.mul_(_HALF_DECAY), kept.addcmul_(changed, rate), v, removal, rate)

    def wkv7(self, r: Tensor, delta: Delta, state: Tensor) -> Tensor:
        """See Ops."""
        return wkv7_chunks(r, *delta, state)

    def gate7(
        self, y: Tensor, r: Tensor, delta: Delta, gate: Tensor, bonus: Tensor, norm: Affine
    ) -> Tensor:
        """See Ops."""
        heads = len(bonus)
        strength = (_by_head(r * delta.k, heads) * bonus).sum(-1, keepdim=True)
        y = _group_norm(y, norm, heads)
        _by_head(y, heads).addcmul_(strength, _by_head(delta.v, heads))
        return y.mul_(gate)

    def attend7(
        self,
        rkv: tuple[Tensor, Tensor, Tensor],
        low: Tensor,
        first: Tensor | None,
        keys: Tensor,
        gate: Tensor,
        bonus: Tensor,
        norm: Affine,
        state: Tensor,
    ) -> Tensor:
        """See Ops."""
        r, k, v = rkv
        delta = self.prepare7(k, v, low, first, keys, len(bonus))
        return self.gate7(self.wkv7(r, delta, state), r, delta, gate, bonus, norm)

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
        """See Ops."""
        low = self.loras(blends, loras)
        return self.attend7(rkv, low[:-1], first, keys, low[-1], bonus, norm, state)

    def _exactly(self, weight: Tensor) -> Tensor:
        """The weight as it is multiplied: torch rounds what it is multiplied with to its type."""
        return weight.float() if self.exact else weight

    def _kind_of(self, mixes: Tensor) -> torch.dtype:
        """The type of what is blended."""
        return torch.float32 if self.exact else mixes.dtype

    def _shift(self, x: Tensor, norm: Affine, last: Tensor) -> tuple[Tensor, Tensor]:
        """h, and how the token before differs from it: p - h."""
        h = self.norm(x, norm)
        if h.shape[1] == 1:
            change = last.unsqueeze(1) - h
            last.copy_(h.squeeze(1))
            return h, change
        change = torch.empty_like(h)
        torch.sub(last, h[:, 0], out=change[:, 0])
        torch.sub(h[:, :-1], h[:, 1:], out=change[:, 1:])
        last.copy_(h[:, -1])
        return h, change


def _blend(h: Tensor, change: Tensor, mixes: Tensor, dtype: torch.dtype) -> Tensor:
    """h + change * mixes[j] for each j; of many numbers one j at a time, in the cache."""
    blends = torch.empty((len(mixes), *h.shape), dtype=dtype)
    if dtype == h.dtype or h.shape[1] == 1:
        return torch.addcmul(h, change, mixes, out=blends)
    whole = torch.empty_like(h)
    for blend, mix in zip(blends, mixes.float(), strict=True):
        blend.copy_(torch.addcmul(h, change, mix, out=whole))
    return blends


def _sharpened(rows: Tensor, weight: Tensor) -> Tensor:
    """Logits (M, V) from 16-bit products, the largest of each row made again in float32.

    torch rounds a 16-bit product to 16 bits, which would tie the best tokens with each other;
    the far tail may keep that rounding.
    """
    logits = _linear(rows, weight).float()
    best = logits.topk(_CANDIDATES).indices
    for row, line, chosen in zip(rows, logits, best, strict=True):
        line[chosen] = torch.mv(weight[chosen].float(), row)
    return logits


def _by_blocks(rows: Tensor, weight: Tensor) -> Tensor:
    """rows W^T (M, V), every block of W turned to float32 while it is in the cache."""
    logits = torch.empty((len(rows), len(weight)))
    for first in range(0, len(weight), _BLOCK_ROWS):
        block = weight[first : first + _BLOCK_ROWS].float()
        logits[:, first : first + _BLOCK_ROWS] = functional.linear(rows, block)
    return logits


def _by_head(x: Tensor, heads: int) -> Tensor:
    """(..., A) seen as (..., H, N)."""
    return x.view(*x.shape[:-1], heads, -1)


def _each(rows: Tensor, weights: Tensor) -> Tensor:
    """rows (n, M, in), each with its own weight of (n, out, in): (n, M, out)."""
    weights = _wide(weights)
    rows = rows.to(weights.dtype)
    if rows.shape[1] == 1 and weights.dtype == torch.bfloat16:
        return torch.bmm(weights, rows.mT).mT
    return torch.bmm(rows, weights.mT)


def _linear(x: Tensor, weight: Tensor) -> Tensor:
    """x W^T in the weight's type; a single row takes the path that reads memory fastest."""
    weight = _wide(weight)
    x = x.to(weight.dtype)
    if x.numel() == weight.shape[1]:
        return torch.mv(weight, x.view(-1)).view(*x.shape[:-1], -1)
    return functional.linear(x, weight)


def _wide(weight: Tensor) -> Tensor:
    """float16 as float32: sums and squares would leave its range, and torch is slow in it."""
    return weight.float() if weight.dtype == torch.float16 else weight


def _activate(x: Tensor, act: str) -> Tensor:
    """In place."""
    if act == "relu2":
        # a 16-bit float is negative where its bits are a negative integer, whose relu is faster
        bits = x.view(torch.int16) if x.dtype == torch.bfloat16 else x
        bits.clamp_min_(0)
        return x.square_()
    if act == "tanh":
        return x.tanh_()
    return x.sigmoid_() if act == "sigmoid" else x


def _group_norm(y: Tensor, norm: Affine, heads: int) -> Tensor:
    """GroupNorm over each head's channels; the result is new memory."""
    even = functional.layer_norm(_by_head(y, heads), (y.shape[-1] // heads,), eps=GROUP_EPS)
    return torch.addcmul(norm.bias, even.view_as(y), norm.gain)
