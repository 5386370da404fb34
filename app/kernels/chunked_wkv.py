"""The recurrences over time in torch: a step for one token, a chunk-parallel form for many.

A chunk's inner products are matrix products; only the state passes from chunk to chunk.  All
numbers are float32 and every exponent stays in its range: see ``_STEEPEST`` and the notes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

_DOVE = 4
_APART = 60.0  # two such weights, e^-60 and 1, still add up and multiply in float32's range
_RUN = 16
_LONGEST = 32
_BLOCK = 128  # tokens whose intermediate results still fit a core's cache
_LONG_BLOCK = 256  # for operations so cheap that their calls count
_SPAN = 150.0  # largest |log| of the decay over a chunk: exp(+-75) around its middle is safe
_STEEPEST = -20.0  # e^-20 is below what float32 keeps beside 1
_FAINTEST = -80.0  # below e^-87 numbers are denormal, and each operation a hundred times slower


def wkv4_chunks(k: Tensor, v: Tensor, decay: Tensor, bonus: Tensor, state: Tensor) -> Tensor:
    """Generation 4: a softmax over the past, k + distance * decay, and over the present, k + bonus.

    k, v (B, T, A); state (B, 3, A): numerator, denominator, peak.  The official recurrence
    (RWKV-4 paper, appendix "stable implementation").  Where the keys of a block lie near enough
    to each other, one peak serves them all and both sums are plain scans; else the block is
    halved, down to chunks where each token has its own peak.
    """
    steps = k.shape[1]
    if steps <= _DOVE:
        return _wkv4_chunk(k, v, _faded(steps, decay), bonus, state)
    if steps > _LONG_BLOCK:
        blocks = _blocks(steps, _LONG_BLOCK)
    else:
        top = torch.maximum(k.amax(1), state[:, 2])
        if float((top - k.amin(1)).add_(bonus.abs()).amax()) <= _APART:
            return _wkv4_scan(k, v, decay, bonus, state, top)
        blocks = [slice(0, steps // 2), slice(steps // 2, steps)]
    done = [wkv4_chunks(k[:, part], v[:, part], decay, bonus, state) for part in blocks]
    return torch.cat(done, 1)


def _wkv4_scan(
    k: Tensor, v: Tensor, decay: Tensor, bonus: Tensor, state: Tensor, top: Tensor
) -> Tensor:
    """A block whose weights are all relative to exp(top), (B, A)."""
    batch, steps, width = k.shape
    peak = state[:, 2]
    gap = torch.arange(steps - 1.0, -1, -1)[:, None]
    last = torch.maximum(torch.addcmul(k, gap, decay).amax(1), peak + steps * decay)
    sums = k.new_empty((2, batch, steps + -steps % _RUN + 1, width))
    torch.mul(state[:, :2].transpose(0, 1), (peak - top).exp_(), out=sums[:, :, 0])
    terms = torch.empty_like(sums[:, :, 1:])
    terms[:, :, steps:].zero_()
    above, below = terms[:, :, :steps]
    torch.sub(k, top[:, None], out=below).exp_()
    torch.mul(below, v, out=above)
    _scan(terms, decay, sums)
    torch.mul(sums[:, :, steps], (top - last).exp_(), out=state[:, :2].transpose(0, 1))
    peak.copy_(last)
    torch.addcmul(sums[:, :, :steps], terms[:, :, :steps], bonus.exp(), out=terms[:, :, :steps])
    y: Tensor = above.div_(below)
    return y


def _scan(terms: Tensor, decay: Tensor, sums: Tensor) -> None:
    """sums[t + 1] = exp(decay) sums[t] + terms[t] from sums[0] on, time being dimension 2.

    All runs of ``_RUN`` tokens side by side, then from run to run.
    """
    runs = terms.shape[2] // _RUN
    time = torch.arange(1.0, _RUN + 1)[:, None]
    fade = torch.where(time * decay > _FAINTEST, (time * decay).clamp_min_(_FAINTEST).exp_(), 0.0)
    new = _by_run(terms).unbind(3)
    inside = _by_run(sums[:, :, 1:])
    ends = inside.unbind(3)
    ends[0].copy_(new[0])
    for step in range(1, _RUN):
        torch.addcmul(new[step], ends[step - 1], fade[0], out=ends[step])
    carried = sums[:, :, :-1:_RUN]
    for run in range(runs):
        ends[-1][:, :, run].addcmul_(carried[:, :, run], fade[-1])
    inside[:, :, :, :-1].addcmul_(carried[:, :, :, None], fade[:-1])


def _by_run(x: Tensor) -> Tensor:
    """(2, B, T, A) seen as (2, B, runs, _RUN, A)."""
    first, batch, steps, width = x.shape
    return x.view(first, batch, steps // _RUN, _RUN, width)


class _Faded(NamedTuple):
    """By how much past tokens (T + 1, T, A) and the state before (T + 1, A) have faded.

    Row t is for reading token t, row T for what remains after the chunk; -inf is the future.
    """

    past: Tensor
    carried: Tensor


def _faded(steps: int, decay: Tensor) -> _Faded:
    time = torch.arange(steps + 1.0)[:, None]
    gap = time - 1 - torch.arange(steps)
    past = torch.where(gap >= 0, gap, torch.inf)[:, :, None] * decay
    return _Faded(past.nan_to_num_(nan=-torch.inf), time * decay)


def _wkv4_chunk(k: Tensor, v: Tensor, faded: _Faded, bonus: Tensor, state: Tensor) -> Tensor:
    numerator, denominator, peak = state.unbind(1)
    past = k[:, None] + faded.past
    past.diagonal(dim1=1, dim2=2).copy_((k + bonus).mT)
    carried = peak[:, None] + faded.carried
    top = torch.maximum(past.amax(2), carried)
    share = past.sub_(top[:, :, None]).clamp_min_(_FAINTEST).exp_()
    carry = carried.sub_(top).clamp_min_(_FAINTEST).exp_()
    below = share.sum(2).addcmul_(carry, denominator[:, None])
    above = share.mul_(v[:, None]).sum(2).addcmul_(carry, numerator[:, None])
    state.copy_(torch.stack((above[:, -1], below[:, -1], top[:, -1]), 1))
    return above[:, :-1] / below[:, :-1]


def wkv6_chunks(rkv: Tensor, log_decay: Tensor, bonus: Tensor, state: Tensor) -> Tensor:
    """Generations 5 and 6: y = r (S + u k vT), S = w S + k vT.

    rkv (3, B, T, A); log_decay (H, N) or (B, T, A); state (B, H, N, N) is [key, value].
    """
    steps = rkv.shape[2]
    if steps == 1:
        return _wkv6_step(rkv, log_decay, bonus, state)
    if steps > _BLOCK:
        blocks = _blocks(steps)
    else:
        length = _safe_length(log_decay, steps)
        whole = steps - steps % length
        if whole == steps:
            return _wkv6_block(rkv, log_decay.clamp_min(_STEEPEST), bonus, state, length)
        blocks = [slice(0, whole), slice(whole, steps)]
    done = [
        wkv6_chunks(
            rkv[:, :, p], log_decay if log_decay.dim() == 2 else log_decay[:, p], bonus, state
        )
        for p in blocks
    ]
    return torch.cat(done, 1)


def _wkv6_block(
    rkv: Tensor, log_decay: Tensor, bonus: Tensor, state: Tensor, length: int
) -> Tensor:
    """Whole chunks; all exponents are taken from the decay at the middle of their chunk."""
    heads, size = bonus.shape
    r, k, v = (_split(x, heads, length) for x in rkv)
    if log_decay.dim() == 2:
        fall = log_decay[:, None].expand(heads, length, size)
    else:
        fall = _split(log_decay, heads, length).contiguous()
    level = fall.cumsum(-2)  # log of the decay from the chunk's start to after each token
    middle = level[..., -1:, :] / 2
    level -= middle
    keys = torch.mul(k, level.neg().exp_(), out=torch.empty(k.shape))
    reads = torch.mul(r, level.sub_(fall).exp_(), out=torch.empty(k.shape))
    values = v.contiguous()
    near = (reads @ keys.mT).tril_(-1)
    present = (_by_head(rkv[0], heads) * bonus).mul_(_by_head(rkv[1], heads)).sum(-1)
    near.diagonal(dim1=-2, dim2=-1).copy_(_split(present, heads, length).squeeze(-1))
    half = middle.exp_().mT.expand(len(keys), *state.shape[:3], 1)
    y = reads @ _pass_on6(keys, values, half, state)
    y.flatten(0, 2).baddbmm_(near.flatten(0, 2), values.flatten(0, 2))
    return _joined(y, rkv.shape[2])


def _pass_on6(keys: Tensor, values: Tensor, half: Tensor, state: Tensor) -> Tensor:
    """The state before each chunk, times half the chunk's decay, as the keys are divided by it."""
    starts = torch.empty((len(keys), *state.shape))
    flat = state.view(-1, *state.shape[2:])
    for start, key, value, fade in zip(starts, keys, values, half, strict=True):
        torch.mul(state, fade, out=start)
        torch.baddbmm(start.flatten(0, 1), key.flatten(0, 1).mT, value.flatten(0, 1), out=flat)
        state.mul_(fade)
    return starts


def _wkv6_step(rkv: Tensor, log_decay: Tensor, bonus: Tensor, state: Tensor) -> Tensor:
    heads, size = bonus.shape
    batch = len(state)
    r, k, v = rkv.reshape(3, batch * heads, size, 1)
    flat = state.view(batch * heads, size, size)
    present = (r * k).view(batch, heads, size).mul_(bonus).sum(-1).view(-1, 1, 1)
    y = torch.baddbmm(v.mT * present, r.mT, flat)
    state.mul_(log_decay.exp().view(-1, heads, size, 1))
    flat.baddbmm_(k, v.mT)
    return y.view(rkv.shape[1:])


def wkv7_chunks(
    r: Tensor, log_decay: Tensor, k: Tensor, v: Tensor, kk: Tensor, rate: Tensor, state: Tensor
) -> Tensor:
    """Generation 7: S = S diag(w) - (S kk) (kk rate)T + v kT, y = S r.

    All (B, T, A); state (B, H, N, N) is [value, key].  The decay is never below e^-0.61 a
    token, so a chunk's products need no centring.

    With W the product of w since the chunk's start, and scaled vectors a = -kk W / w,
    b = kk rate / W, k / W and r W, the corrections U = S a of a chunk with the first state S0
    solve (I - tril(a bT, -1)) U = a S0T + tril(a kT, -1) v: the WY form of DeltaNet (Yang et al.
    2024) with the decay folded in.  U is linear in S0, which alone passes from chunk to chunk.
    """
    steps, heads = r.shape[1], state.shape[1]
    if steps == 1:
        return _wkv7_step((r, log_decay, k, v, kk, rate), state)
    if steps > _BLOCK:
        done = [
            wkv7_chunks(r[:, p], log_decay[:, p], k[:, p], v[:, p], kk[:, p], rate[:, p], state)
            for p in _blocks(steps)
        ]
        return torch.cat(done, 1)
    length = min(_LONGEST, steps)
    r, fall, k, v, kk, rate = (_chunks(x, heads, length) for x in (r, log_decay, k, v, kk, rate))
    level = fall.cumsum(-2)
    down = level.neg().exp_()
    a = level.sub(fall).exp_().mul_(kk).neg_()
    b = rate.mul_(kk).mul_(down)
    up = level.exp_()
    linear, fixed = _corrections(a, b, k.mul_(down), v)
    keys, values = torch.cat((b, k), -2), torch.cat((fixed, v), -2)
    reach = (r.mul_(up) @ keys.mT).mul_(torch.ones(length, length).tril_().repeat(1, 2))
    end = up[..., -1:, :]
    starts = _pass_on7(linear, values, keys.mul_(end), end, state)
    return _joined((r @ starts.mT).add_(reach @ values), steps)


def _corrections(a: Tensor, b: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """U = linear S0T + fixed, as (linear, fixed)."""
    lower = (a @ b.mT).tril_(-1).neg_()
    right = torch.cat((a, (a @ k.mT).tril_(-1) @ v), -1)
    solved = torch.linalg.solve_triangular(lower, right, upper=False, unitriangular=True)
    linear, fixed = solved.chunk(2, -1)
    return linear.contiguous(), fixed


def _pass_on7(linear: Tensor, values: Tensor, keys: Tensor, end: Tensor, state: Tensor) -> Tensor:
    """The state before each chunk; completes U, the first half of ``values``, on the way."""
    starts = torch.empty((len(linear), *state.shape))
    length = linear.shape[-2]
    flat = state.view(-1, *state.shape[2:])
    for chunk, start in enumerate(starts):
        start.copy_(state)
        whole = values[chunk].flatten(0, 1)
        whole[:, :length].baddbmm_(linear[chunk].flatten(0, 1), flat.mT)
        flat.mul_(end[chunk].flatten(0, 1)).baddbmm_(whole.mT, keys[chunk].flatten(0, 1))
    return starts


def _wkv7_step(parts: Sequence[Tensor], state: Tensor) -> Tensor:
    batch, heads, size, _ = state.shape
    r, fall, k, v, kk, rate = (x.reshape(batch * heads, size, 1) for x in parts)
    flat = state.view(batch * heads, size, size)
    recalled = flat @ kk
    flat.mul_(fall.exp().mT).baddbmm_(recalled, (kk * rate).mT, alpha=-1).baddbmm_(v, k.mT)
    y: Tensor = flat @ r
    return y.view(parts[0].shape)


def _safe_length(log_decay: Tensor, steps: int) -> int:
    """The longest chunk over which no decay leaves float32's range."""
    steepest = min(-float(log_decay.amin()), -_STEEPEST)
    longest = int(_SPAN / steepest) if steepest > _SPAN / _LONGEST else _LONGEST
    return min(longest, steps)


def _blocks(steps: int, length: int = _BLOCK) -> list[slice]:
    return [slice(first, first + length) for first in range(0, steps, length)]


def _chunks(x: Tensor, heads: int, length: int) -> Tensor:
    """(B, T, A) to a copy (chunks, B, H, length, N), the last chunk filled up with zeros."""
    missing = -x.shape[1] % length
    if missing:
        x = torch.nn.functional.pad(x, (0, 0, 0, missing))
    return _split(x, heads, length).clone(memory_format=torch.contiguous_format)


def _split(x: Tensor, heads: int, length: int) -> Tensor:
    """(B, T, A) seen as (chunks, B, H, length, N)."""
    batch, steps, width = x.shape
    return x.view(batch, steps // length, length, heads, width // heads).permute(1, 0, 3, 2, 4)


def _by_head(x: Tensor, heads: int) -> Tensor:
    """(..., A) seen as (..., H, N)."""
    return x.view(*x.shape[:-1], heads, -1)


def _joined(y: Tensor, steps: int) -> Tensor:
    """The reverse of ``_chunks``."""
    chunks, batch, heads, length, size = y.shape
    whole = y.permute(1, 0, 3, 2, 4).reshape(batch, chunks * length, heads * size)
    return whole[:, :steps].contiguous()
