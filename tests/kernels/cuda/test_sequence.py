"""Norms, mixes and what frames them on an emulated card against their plain twins.

The plain twin is given what the models remember as ordinary tensors, the card blocks of memory
that are reached through a table.
"""

import pytest
import torch

from app.kernels.cuda.base import DeviceBuffer
from app.kernels.cuda.ops_sequence import MOST_BLENDS, PROGRAMS
from tests.support.combinations import each
from tests.support.emulation.device import COMPILER

from .texts import (
    FIRST,
    ORDERS,
    ROWS,
    TYPES,
    Blocks,
    Layer,
    Listed,
    Ops,
    affine_of,
    close,
    close_as,
)

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")

MIXES6 = [("fp32", "fp32"), ("bf16", "bf16"), ("fp16", "fp16"), ("bf16", "fp32"), ("fp16", "fp32")]


def test_zeros(straight):
    assert not straight.take(straight.zeros((2, 3, 5))).any()


@each(width=[1, 5, 70, 256, 700])
def test_norm(ops, draw, width):
    norm, x = affine_of(draw, width), 3 * draw(2, 5, width) + 40
    given, affine = ops.put(x), ops.affine(norm)
    wanted = ops.plain.norm(x, norm)
    close(ops.take(ops.norm(given, affine)), wanted, 3e-5)
    last = ops.norm(given[:, -1], affine)
    close(ops.take(last), wanted[:, -1], 3e-5)


@each(kind=TYPES, width=[5, 36, 264])
def test_embed(ops, draw, kind, width):
    table, norm = draw(50, width).to(TYPES[kind]), affine_of(draw, width)
    tokens = torch.tensor([[3, 49, 0, 3], [7, 8, 9, 10]])
    given, affine = ops.table(table), ops.affine(norm)
    assert given.dtype.itemsize == table.element_size()
    for part in (tokens, tokens[:, 1:3], tokens.T):
        close(ops.take(ops.embed(given, part, affine)), ops.plain.embed(table, part, norm))


@each(kind=TYPES, batch_steps=ROWS, width=[3, 19, 256])
def test_mix(draw, kind, batch_steps, width):
    ops = Ops(Listed(ORDERS[(width + batch_steps[1]) % 3]))
    x, last = draw(*batch_steps, width), draw(batch_steps[0], width)
    norm, mixes = affine_of(draw, width), draw(6, 1, 1, width).sigmoid().to(TYPES[kind])
    blocks = Blocks(ops, last)
    found = ops.mix(ops.put(x), ops.affine(norm), blocks.memory, ops.put(mixes))
    wanted = ops.plain.mix(x, norm, last, mixes.float())
    assert found.dtype.itemsize == mixes.element_size()
    close(ops.take(found), wanted, close_as(kind))
    close(blocks.part, last)


def test_mix_reaches_all_channels_of_many_tokens_and_wide_rows(straight, draw):
    for batch, steps, width in ((2, 1, 4 * 128 + 12), (1, 70, 2052), (1, 45, 515)):
        x, last = draw(batch, steps, width), draw(batch, width)
        norm, mixes = affine_of(draw, width), draw(2, 1, 1, width).sigmoid()
        blocks = Blocks(straight, last)
        given = straight.put(x), straight.affine(norm), blocks.memory, straight.put(mixes)
        found = straight.mix(*given)
        close(straight.take(found), straight.plain.mix(x, norm, last, mixes))
        close(blocks.part, last)


def test_mix_takes_as_many_blends_as_it_says(straight, draw):
    x, last, norm = draw(1, 2, 8), draw(1, 8), affine_of(draw, 8)
    mixes = draw(MOST_BLENDS + 1, 1, 1, 8)
    blocks = Blocks(straight, last)
    given = straight.put(x), straight.affine(norm), blocks.memory
    found = straight.mix(*given, straight.put(mixes[:-1]))
    close(straight.take(found), straight.plain.mix(x, norm, last, mixes[:-1]))
    with pytest.raises(ValueError, match="blends"):
        straight.mix(*given, straight.put(mixes))


@each(kind_and_form=MIXES6, batch_steps=ROWS, width_and_rank=[(75, 32), (140, 5), (36, 72)])
def test_shift6_and_mix6(draw, kind, form, batch_steps, width, rank):
    ops, n = Ops(Listed(ORDERS[rank % 3])), 5
    x, last = draw(*batch_steps, width), draw(batch_steps[0], width)
    norm, base = affine_of(draw, width), draw(1, 1, 1, width).sigmoid().to(TYPES[form])
    blocks = Blocks(ops, last)
    blend, pair = ops.shift6(ops.put(x), ops.affine(norm), blocks.memory, ops.put(base))
    wanted, wanted_pair = ops.plain.shift6(x, norm, last, base.float())
    close(ops.take(blend), wanted, close_as(form))
    close(ops.take(pair), wanted_pair)
    close(blocks.part, last)
    up = 0.1 * draw(n, width, rank).to(TYPES[kind])
    mixes = draw(n, 1, 1, width).sigmoid().to(TYPES[form])
    low = draw(*batch_steps, n * rank).tanh().to(TYPES[kind])
    wanted = ops.plain.mix6(wanted_pair, low.float(), up.float(), mixes.float())
    for given in (low, low.float()):
        blends = ops.mix6(pair, ops.put(given), ops.put(up), ops.put(mixes))
        assert blends.dtype.itemsize == mixes.element_size()
        close(ops.take(blends), wanted, 2 * close_as(form))


def test_mixes_at_once_are_as_one_by_one(straight, draw):
    x, last, norm, mixes = draw(2, 9, 36), draw(2, 36), affine_of(draw, 36), draw(3, 1, 1, 36)
    whole, parts = Blocks(straight, last), Blocks(straight, last)
    affine, blends = straight.affine(norm), straight.put(mixes)
    at_once = straight.take(straight.mix(straight.put(x), affine, whole.memory, blends))
    for t in range(9):
        out = straight.mix(straight.put(x[:, t : t + 1]), affine, parts.memory, blends)
        close(straight.take(out), at_once[:, :, t : t + 1])
    close(whole.part, parts.part)


def test_a_capture_follows_tokens_and_table(straight, draw):
    ops, texts, width = straight, 3, 128
    table, norm = draw(20, width), affine_of(draw, width)
    parts = Layer(draw, (2, 1, 2, 64), is_first=False)
    last, state = draw(texts, width), draw(texts, 2, 64, 64)
    shifts, blocks = Blocks(ops, last), Blocks(ops, state)
    shift, memory = ops.put(shifts.addresses((0, 1))), ops.put(blocks.addresses((0, 1)))
    mixes, tokens = draw(3, 1, 1, width), torch.tensor([[4], [5]])
    (_, *others), affine = parts.given(ops), ops.affine(norm)
    emb, blend = ops.table(table), ops.put(mixes)

    def run():
        x = ops.embed(emb, tokens, affine)
        blends = ops.mix(x, affine, DeviceBuffer(shift, FIRST, width), blend)
        r, k, v = blends
        return ops.attend7((r, k, v), *others, DeviceBuffer(memory, FIRST, 2 * 64 * 64))

    def wanted(chosen):
        x = ops.plain.embed(table, tokens, norm)
        before, now = last[chosen], state[chosen]
        rkv = ops.plain.mix(x, norm, before, mixes)
        low = parts.low.clone()
        after = (low, parts.first, parts.keys, parts.gate, parts.bonus, parts.norm)
        out = ops.plain.attend7(tuple(rkv), *after, now)
        last[chosen], state[chosen] = before, now
        return out

    captured = ops.capture(run)
    close(ops.take(captured.result), wanted([0, 1]), 4e-5)
    for chosen, ids in (([2, 0], (7, 19)), ([1, 2], (0, 4))):
        tokens.copy_(torch.tensor(ids)[:, None])
        ops.device.write(shift, shifts.addresses(chosen).numpy())
        ops.device.write(memory, blocks.addresses(chosen).numpy())
        assert captured.again()
        close(ops.take(captured.result), wanted(chosen), 4e-5)
    close(shifts.part, last)
    close(blocks.part, state, 4e-5)


def test_every_program_of_the_list_is_another():
    assert len({repr(one) for one in PROGRAMS}) == len(PROGRAMS) < 30
