"""The recurrences, and the gates around them, on an emulated card against their plain twins."""

import numpy as np
import pytest
import torch

from app.errors import KernelError
from app.kernels import Delta
from tests.support.combinations import each
from tests.support.emulation.device import COMPILER

from .texts import (
    ORDERS,
    ROWS,
    Blocks,
    Layer,
    Listed,
    Ops,
    affine_of,
    close,
    delta_of,
    put_delta,
)

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")

# batch, steps, heads, size
SHAPES = [(1, 1, 2, 64), (3, 1, 2, 3), (2, 5, 1, 20), (2, 8, 1, 64), (1, 19, 2, 64), (1, 3, 1, 70)]


@each(batch_steps=ROWS, steep_and_large=[(1e-4, 1.0), (1.0, 60.0), (30.0, 1.0)])
def test_wkv4(ops, draw, batch_steps, steep, large):
    width = 70
    rkv = draw(3, *batch_steps, width)
    rkv[1] *= large
    decay, bonus = -steep * draw(width).exp(), draw(width)
    state = torch.stack([draw(batch_steps[0], width) for _ in range(3)], 1)
    state[:, 1].exp_()
    blocks = Blocks(ops, state)
    found = ops.wkv4(*ops.give(rkv, decay, bonus), blocks.memory)
    close(ops.take(found), ops.plain.wkv4(rkv.clone(), decay, bonus, state), 2e-5)
    close(blocks.part, state, 2e-5)


def test_wkv4_starts_from_a_state_without_a_peak(straight, draw):
    rkv, state = draw(3, 1, 5, 20), torch.zeros(1, 3, 20)
    state[:, 2] = -1e30
    blocks = Blocks(straight, state)
    found = straight.wkv4(*straight.give(rkv, -draw(20).exp(), draw(20)), blocks.memory)
    assert torch.isfinite(blocks.part).all()
    close(straight.take(found)[:, 0], rkv[2, :, 0] * rkv[0, :, 0].sigmoid())


@each(shape=SHAPES, fixed=(False, True))
def test_wkv6(ops, draw, shape, fixed):
    _check_wkv6(ops, draw, shape, fixed=fixed)


def test_wkv6_of_large_heads(straight, draw):
    for size in (130, 32, 256):
        _check_wkv6(straight, draw, (1, 3, 1, size), fixed=False)
    with pytest.raises(KernelError):
        _check_wkv6(straight, draw, (1, 1, 1, 257), fixed=False)


def _check_wkv6(ops, draw, shape, *, fixed):
    batch, steps, heads, size = shape
    rkv, bonus = draw(3, batch, steps, heads * size), draw(heads, size)
    log_decay = -(draw(*((heads, size) if fixed else (batch, steps, heads * size))) - 2).exp()
    if not fixed:
        log_decay[:, ::2, ::3] = -torch.inf
    state = draw(batch, heads, size, size)
    blocks = Blocks(ops, state)
    found = ops.wkv6(*ops.give(rkv, log_decay, bonus), blocks.memory)
    close(ops.take(found), ops.plain.wkv6(rkv, log_decay, bonus, state), 2e-5)
    close(blocks.part, state, 2e-5)


@each(shape=SHAPES)
def test_wkv7(ops, draw, shape):
    _check_wkv7(ops, draw, shape)


def test_wkv7_of_large_heads(straight, draw):
    for size in (130, 32, 256):
        _check_wkv7(straight, draw, (1, 3, 1, size))
    with pytest.raises(KernelError):
        _check_wkv7(straight, draw, (1, 1, 1, 257))


def _check_wkv7(ops, draw, shape):
    batch, _, heads, size = shape
    r, delta = delta_of(draw, shape)
    state = draw(batch, heads, size, size)
    blocks = Blocks(ops, state)
    given = Delta(*ops.give(*delta))
    found = ops.wkv7(ops.put(r), given, blocks.memory)
    close(ops.take(found), ops.plain.wkv7(r, Delta(*map(torch.clone, delta)), state), 4e-5)
    close(blocks.part, state, 4e-5)
    for one, before in zip(given, delta, strict=True):
        assert torch.equal(ops.take(one), before)


@each(shape=SHAPES, gated=(False, True))
def test_gate6(ops, draw, shape, gated):
    batch, steps, heads, size = shape
    y, norm = 5 * draw(batch, steps, heads * size), affine_of(draw, heads * size)
    gate = 60 * draw(*y.shape) if gated else None
    wanted = ops.plain.gate6(y, gate, norm, heads)
    close(ops.take(ops.gate6(*ops.give(y, gate), ops.affine(norm), heads)), wanted)


def test_decay6(straight):
    raw = torch.linspace(-200, 80, 403).view(1, 1, 13, 31)
    found, wanted = straight.take(straight.decay6(straight.put(raw))), -raw.double().exp()
    normal = wanted.abs() > 2e-38
    assert ((found - wanted)[normal].abs() <= 2e-6 * wanted[normal].abs()).all()
    assert (found[~normal].abs() <= 2e-38).all()


@each(shape=SHAPES, is_first=(False, True))
def test_prepare7_and_gate7(ops, draw, shape, is_first):
    parts = Layer(draw, shape, is_first=is_first)
    given = ops.give(parts.k, parts.v, parts.low, parts.first, parts.keys)
    found = ops.prepare7(*given, parts.heads)
    wanted = ops.plain.prepare7(
        parts.k, parts.v, parts.low.clone(), parts.first, parts.keys, parts.heads
    )
    for one, other in zip(found, wanted, strict=True):
        close(ops.take(one), other)
    assert torch.equal(ops.take(given[1]), parts.v)
    y = draw(*parts.r.shape)
    after = ops.give(parts.gate, parts.bonus)
    gated = ops.gate7(*ops.give(y, parts.r), found, *after, ops.affine(parts.norm))
    close(
        ops.take(gated),
        ops.plain.gate7(y, parts.r, wanted, parts.gate, parts.bonus, parts.norm),
    )


@each(
    shape=[
        (1, 1, 2, 64),
        (2, 1, 3, 64),
        (3, 1, 2, 3),
        (1, 1, 1, 32),
        (1, 3, 2, 64),
        (1, 1, 1, 130),
    ],
    is_first=(False, True),
)
def test_attend7(ops, draw, shape, is_first):
    _check_attend7(ops, draw, shape, is_first=is_first)
    batch, steps, heads, size = shape
    ops.device.launches = 0
    parts = Layer(draw, shape, is_first=is_first)
    blocks = Blocks(ops, draw(batch, heads, size, size))
    parts.on(ops, blocks.memory)
    assert ops.device.launches == (1 if steps == 1 and size <= 128 else 3)


def test_attend7_of_large_heads(straight, draw):
    for size in (70, 128):
        _check_attend7(straight, draw, (1, 1, 1, size), is_first=False)


def _check_attend7(ops, draw, shape, *, is_first):
    batch, _, heads, size = shape
    parts = Layer(draw, shape, is_first=is_first)
    state = draw(batch, heads, size, size)
    blocks = Blocks(ops, state)
    found = parts.on(ops, blocks.memory)
    rkv = (parts.r, parts.k, parts.v)
    wanted = ops.plain.attend7(
        rkv, parts.low, parts.first, parts.keys, parts.gate, parts.bonus, parts.norm, state
    )
    close(ops.take(found), wanted, 4e-5)
    close(blocks.part, state, 4e-5)


def test_tokens_at_once_are_as_one_by_one(straight, draw):
    shape = batch, steps, heads, size = 2, 11, 2, 64
    r, delta = delta_of(draw, shape)
    state = draw(batch, heads, size, size)
    whole, parts = Blocks(straight, state), Blocks(straight, state)
    at_once = straight.take(
        straight.wkv7(straight.put(r), put_delta(straight, delta), whole.memory)
    )
    for t in range(steps):
        now = Delta(*(one[:, t : t + 1] for one in delta))
        out = straight.wkv7(straight.put(r[:, t : t + 1]), put_delta(straight, now), parts.memory)
        assert torch.equal(straight.take(out), at_once[:, t : t + 1])
    assert torch.equal(whole.part, parts.part)
    rkv, decay, bonus = torch.stack((r, delta.k, delta.v)), delta.log_decay, draw(heads, size)
    whole, parts = Blocks(straight, state), Blocks(straight, state)
    given = straight.give(rkv, decay, bonus)
    at_once = straight.take(straight.wkv6(*given, whole.memory))
    for t in range(steps):
        given = straight.give(rkv[:, :, t : t + 1], decay[:, t : t + 1], bonus)
        out = straight.wkv6(*given, parts.memory)
        assert torch.equal(straight.take(out), at_once[:, t : t + 1])
    assert torch.equal(whole.part, parts.part)


def test_the_same_call_gives_the_same_bits_in_any_order(draw):
    shape = batch, _, heads, size = 2, 9, 2, 64
    parts = Layer(draw, shape, is_first=False)
    state, x, last = draw(batch, heads, size, size), draw(2, 9, 128), draw(2, 128)
    mixes = draw(6, 1, 1, 128).bfloat16()
    seen = []
    for order in (*ORDERS, "forward"):
        ops = Ops(Listed(order))
        blocks, shift = Blocks(ops, state), Blocks(ops, last)
        out = parts.on(ops, blocks.memory)
        blends = ops.mix(ops.put(x), ops.affine(parts.norm), shift.memory, ops.put(mixes))
        seen.append([ops.take(out), ops.take(blends), blocks.part, shift.part])
    for other in seen[1:]:
        assert all(map(torch.equal, seen[0], other))


def test_numbers_of_a_bad_token_stay_its_own(straight, draw):
    """NaN in one text leaves the others as they are."""
    r, delta = delta_of(draw, (2, 3, 1, 64))
    state = draw(2, 1, 64, 64)
    delta.v[0, 1] = np.nan
    blocks = Blocks(straight, state)
    out = straight.take(straight.wkv7(straight.put(r), put_delta(straight, delta), blocks.memory))
    assert torch.isnan(out[0, 1:]).all()
    assert torch.isfinite(out[1]).all()
    assert torch.isfinite(blocks.part[1]).all()
