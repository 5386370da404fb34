"""The chunk-parallel recurrences against the official one-token formulas in float64."""

import pytest
import torch

from app.kernels.chunked_wkv import wkv4_chunks, wkv6_chunks, wkv7_chunks
from tests.kernels.drawn import Draw
from tests.support.combinations import each

STEPS = [1, 2, 7, 31, 32, 33, 100, 129, 300]
SIZES = [(1, 1, 16), (1, 3, 8), (3, 2, 64)]  # batch, heads, head size


@pytest.fixture
def draw():
    return Draw(5)


def _close(found, wanted):
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() <= 2e-5 * wanted.abs().max()


def _wkv4_one_by_one(k, v, decay, bonus, state):
    k, v, decay, bonus = (x.double() for x in (k, v, decay, bonus))
    above, below, peak = state.double().unbind(1)
    found = []
    for t in range(k.shape[1]):
        top = torch.maximum(peak, bonus + k[:, t])
        old, new = (peak - top).exp(), (bonus + k[:, t] - top).exp()
        found.append((old * above + new * v[:, t]) / (old * below + new))
        top = torch.maximum(peak + decay, k[:, t])
        old, new = (peak + decay - top).exp(), (k[:, t] - top).exp()
        above, below, peak = old * above + new * v[:, t], old * below + new, top
    return torch.stack(found, 1), torch.stack((above, below, peak), 1)


def _wkv6_one_by_one(rkv, log_decay, bonus, state):
    heads = len(bonus)
    r, k, v = (x.double().unflatten(-1, (heads, -1)) for x in rkv)
    kept = log_decay.double().exp().expand(rkv.shape[1:]).unflatten(-1, (heads, -1))
    state, found = state.double(), []
    for t in range(r.shape[1]):
        now = k[:, t, :, :, None] * v[:, t, :, None, :]
        found.append((r[:, t, :, None] @ (state + bonus.double()[:, :, None] * now)).flatten(1))
        state = state * kept[:, t, :, :, None] + now
    return torch.stack(found, 1), state


def _wkv7_one_by_one(r, log_decay, k, v, kk, rate, state):
    heads = state.shape[1]
    parts = (r, log_decay.double().exp(), k, v, kk, rate)
    r, w, k, v, kk, rate = (x.double().unflatten(-1, (heads, -1)) for x in parts)
    state, found = state.double(), []
    for t in range(r.shape[1]):
        recalled = state @ kk[:, t, :, :, None]
        state = state * w[:, t, :, None] - recalled * (kk * rate)[:, t, :, None]
        state = state + v[:, t, :, :, None] * k[:, t, :, None]
        found.append((state @ r[:, t, :, :, None]).flatten(1))
    return torch.stack(found, 1), state


@each(steps=STEPS, steep=[0.01, 1.0, 30.0])
def test_wkv4_follows_the_recurrence(draw, steps, steep):
    k, v = 5 * draw(2, steps, 12), draw(2, steps, 12)
    decay, bonus = -steep * draw(12).exp(), draw(12)
    state = torch.stack((draw(2, 12), draw(2, 12).exp(), draw(2, 12)), 1)
    wanted, last = _wkv4_one_by_one(k, v, decay, bonus, state)
    _close(wkv4_chunks(k, v, decay, bonus, state), wanted)
    _close(state, last)


def test_wkv4_starts_from_a_state_without_a_peak(draw):
    k, v, state = draw(1, 5, 4), draw(1, 5, 4), torch.zeros(1, 3, 4)
    state[:, 2] = -1e30
    wanted, _ = _wkv4_one_by_one(k, v, -draw(4).exp(), draw(4), state)
    assert torch.isfinite(wanted).all()
    first = wkv4_chunks(k, v, -draw(4).exp(), draw(4), state)[:, 0]
    _close(first, v[:, 0])


@each(steps=STEPS, batch_heads_size=SIZES)
def test_wkv6_follows_the_recurrence(draw, steps, batch_heads_size):
    batch, heads, size = batch_heads_size
    rkv, bonus = draw(3, batch, steps, heads * size), draw(heads, size)
    log_decay = -(draw(batch, steps, heads * size) - 2).exp()
    state = draw(batch, heads, size, size)
    wanted, last = _wkv6_one_by_one(rkv, log_decay, bonus, state)
    _close(wkv6_chunks(rkv, log_decay, bonus, state), wanted)
    _close(state, last)


@each(steepest=[3.0, 9.0, 40.0, 1e4, float("inf")])
def test_wkv6_survives_decays_that_forget_everything(draw, steepest):
    rkv, bonus, state = draw(3, 1, 70, 32), draw(2, 16), draw(1, 2, 16, 16)
    log_decay = -(draw(1, 70, 32) - 2).exp()
    log_decay[:, 10:40, ::3] = -steepest
    wanted, last = _wkv6_one_by_one(rkv, log_decay, bonus, state)
    _close(wkv6_chunks(rkv, log_decay, bonus, state), wanted)
    _close(state, last)


def test_wkv6_takes_one_decay_for_all_tokens(draw):
    rkv, bonus, state = draw(3, 2, 40, 24), draw(3, 8), draw(2, 3, 8, 8)
    log_decay = -draw(3, 8).exp()
    wanted, last = _wkv6_one_by_one(rkv, log_decay.view(1, 1, -1), bonus, state)
    _close(wkv6_chunks(rkv, log_decay, bonus, state), wanted)
    _close(state, last)


@each(steps=STEPS, batch_heads_size=SIZES, fastest=(False, True))
def test_wkv7_follows_the_recurrence(draw, steps, batch_heads_size, fastest):
    batch, heads, size = batch_heads_size
    r, k, v, kk, rate, decay = draw(6, batch, steps, heads * size)
    kk = torch.nn.functional.normalize(kk.unflatten(-1, (heads, size)), dim=-1).flatten(-2)
    log_decay = torch.full_like(decay, -0.606531) if fastest else -0.606531 * decay.sigmoid()
    parts = (r, log_decay, k, v, kk, rate.sigmoid())
    before = [part.clone() for part in parts]
    state = draw(batch, heads, size, size)
    wanted, last = _wkv7_one_by_one(*parts, state)
    _close(wkv7_chunks(*parts, state), wanted)
    _close(state, last)
    assert all(torch.equal(part, copy) for part, copy in zip(parts, before, strict=True))


def test_wkv7_stays_exact_where_all_keys_are_alike(draw):
    r, k, v, rate = draw(4, 1, 64, 32)
    kk = torch.nn.functional.normalize(torch.ones(1, 64, 2, 16), dim=-1).flatten(-2)
    parts = (r, torch.full_like(r, -1e-4), k, v, kk, (rate + 3).sigmoid())
    state = draw(1, 2, 16, 16)
    wanted, last = _wkv7_one_by_one(*parts, state)
    _close(wkv7_chunks(*parts, state), wanted)
    _close(state, last)
