"""Each operation along channels and time on an emulated card against its plain twin.

The plain twin is given what the models remember as ordinary tensors, the card blocks of memory
that are reached through a table.
"""

import numpy as np
import pytest
import torch

from app.errors import KernelError
from app.kernels import Affine, Delta
from app.kernels.cuda.base import Memory
from app.kernels.cuda.ops_sequence import MOST_BLENDS, PROGRAMS, SequenceOps
from app.kernels.portable import PortableOps
from tests.support.emulation.device import COMPILER, EmulatedDevice

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
ORDERS = ("forward", "backward", "shuffled")
ROWS = [(1, 1), (3, 1), (1, 7), (2, 37)]  # batch, steps
# batch, steps, heads, size
SHAPES = [(1, 1, 2, 64), (3, 1, 2, 3), (2, 5, 1, 20), (2, 8, 1, 64), (1, 19, 2, 64), (1, 3, 1, 70)]
MIXES6 = [("fp32", "fp32"), ("bf16", "bf16"), ("fp16", "fp16"), ("bf16", "fp32"), ("fp16", "fp32")]
FIRST, MARGIN = 64, 192  # floats of a block before a part, and in all beside it


@pytest.fixture(params=ORDERS)
def ops(request):
    return _Ops(_Listed(request.param))


@pytest.fixture
def straight():
    """For what the order of the threads has no say in."""
    return _Ops(_Listed("forward"))


@pytest.fixture
def draw():
    random = torch.Generator().manual_seed(11)
    return lambda *shape: torch.randn(shape, generator=random)


class _Listed(EmulatedDevice):
    """Has only kernels of the list."""

    def kernel(self, program, name, **constants):
        assert (program, constants) in PROGRAMS
        return super().kernel(program, name, **constants)


class _Ops(SequenceOps):
    """Tensors in, tensors out: all goes over the card."""

    plain = PortableOps()

    def give(self, *tensors):
        return [None if one is None else self.put(one) for one in tensors]

    def affine(self, norm):
        return Affine(*self.give(*norm))

    def take(self, array, kind=None):
        self.device.check()
        found = torch.from_numpy(self.device.read(array))
        return found.view(torch.bfloat16).float() if found.dtype == torch.uint16 else found.float()


class _Blocks:
    """What B texts remember: a part (B, ...) of it within blocks of numbers that stay."""

    def __init__(self, ops, part):
        self.ops, self.shape = ops, part.shape
        self.blocks, self.around = [], []
        for text, one in enumerate(part):
            block = torch.arange(1.0, one.numel() + MARGIN + 1) + text
            block[FIRST : FIRST + one.numel()] = one.reshape(-1)
            self.blocks.append(ops.put(block))
            self.around.append(self._beside(block))
        self.table = ops.put(self.addresses(range(len(part))))
        self.memory = Memory(self.table, FIRST, part[0].numel())

    def addresses(self, texts):
        return torch.tensor([self.ops.device.address(self.blocks[text]) for text in texts])

    @property
    def part(self):
        whole = [self.ops.take(block) for block in self.blocks]
        for one, around in zip(whole, self.around, strict=True):
            assert torch.equal(self._beside(one), around)
        last = FIRST + self.memory.count
        return torch.stack([one[FIRST:last] for one in whole]).view(self.shape)

    @staticmethod
    def _beside(block):
        return torch.cat((block[:FIRST], block[FIRST - MARGIN :]))


def _close(found, wanted, tolerance=1e-5):
    assert found.shape == wanted.shape
    far = (found.double() - wanted.double()).abs().max()
    assert far <= tolerance * wanted.double().abs().max().clamp_min(1e-30)


def _affine(draw, width):
    return Affine(1 + 0.1 * draw(width), 0.1 * draw(width))


def _close_as(kind):
    """How near a result in this type can be to a float32 one."""
    return {"fp32": 1e-5, "bf16": 5e-3, "fp16": 6e-4}[kind]


def test_zeros(straight):
    assert not straight.take(straight.zeros((2, 3, 5))).any()


@pytest.mark.parametrize("width", [1, 5, 70, 256, 700])
def test_norm(ops, draw, width):
    norm, x = _affine(draw, width), 3 * draw(2, 5, width) + 40
    given, affine = ops.put(x), ops.affine(norm)
    wanted = ops.plain.norm(x, norm)
    _close(ops.take(ops.norm(given, affine)), wanted, 3e-5)
    last = ops.norm(given[:, -1], affine)
    _close(ops.take(last), wanted[:, -1], 3e-5)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("width", [5, 36, 264])
def test_embed(ops, draw, kind, width):
    table, norm = draw(50, width).to(TYPES[kind]), _affine(draw, width)
    tokens = torch.tensor([[3, 49, 0, 3], [7, 8, 9, 10]])
    given, affine = ops.table(table), ops.affine(norm)
    assert given.dtype.itemsize == table.element_size()
    for part in (tokens, tokens[:, 1:3], tokens.T):
        _close(ops.take(ops.embed(given, part, affine)), ops.plain.embed(table, part, norm))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("batch_steps", ROWS, ids=str)
@pytest.mark.parametrize("width", [3, 19, 256])
def test_mix(ops, draw, kind, batch_steps, width):
    x, last = draw(*batch_steps, width), draw(batch_steps[0], width)
    norm, mixes = _affine(draw, width), draw(6, 1, 1, width).sigmoid().to(TYPES[kind])
    blocks = _Blocks(ops, last)
    found = ops.mix(ops.put(x), ops.affine(norm), blocks.memory, ops.put(mixes))
    wanted = ops.plain.mix(x, norm, last, mixes.float())
    assert found.dtype.itemsize == mixes.element_size()
    _close(ops.take(found), wanted, _close_as(kind))
    _close(blocks.part, last)


def test_mix_reaches_all_channels_of_many_tokens_and_wide_rows(straight, draw):
    for batch, steps, width in ((2, 1, 4 * 128 + 12), (1, 70, 2052), (1, 45, 515)):
        x, last = draw(batch, steps, width), draw(batch, width)
        norm, mixes = _affine(draw, width), draw(2, 1, 1, width).sigmoid()
        blocks = _Blocks(straight, last)
        given = straight.put(x), straight.affine(norm), blocks.memory, straight.put(mixes)
        found = straight.mix(*given)
        _close(straight.take(found), straight.plain.mix(x, norm, last, mixes))
        _close(blocks.part, last)


def test_mix_takes_as_many_blends_as_it_says(straight, draw):
    x, last, norm = draw(1, 2, 8), draw(1, 8), _affine(draw, 8)
    mixes = draw(MOST_BLENDS + 1, 1, 1, 8)
    blocks = _Blocks(straight, last)
    given = straight.put(x), straight.affine(norm), blocks.memory
    found = straight.mix(*given, straight.put(mixes[:-1]))
    _close(straight.take(found), straight.plain.mix(x, norm, last, mixes[:-1]))
    with pytest.raises(ValueError, match="blends"):
        straight.mix(*given, straight.put(mixes))


@pytest.mark.parametrize(("kind", "form"), MIXES6)
@pytest.mark.parametrize("batch_steps", ROWS, ids=str)
@pytest.mark.parametrize(("width", "rank"), [(75, 32), (140, 5), (36, 72)])
def test_shift6_and_mix6(draw, kind, form, batch_steps, width, rank):
    ops, n = _Ops(_Listed(ORDERS[rank % 3])), 5
    x, last = draw(*batch_steps, width), draw(batch_steps[0], width)
    norm, base = _affine(draw, width), draw(1, 1, 1, width).sigmoid().to(TYPES[form])
    blocks = _Blocks(ops, last)
    blend, pair = ops.shift6(ops.put(x), ops.affine(norm), blocks.memory, ops.put(base))
    wanted, wanted_pair = ops.plain.shift6(x, norm, last, base.float())
    _close(ops.take(blend), wanted, _close_as(form))
    _close(ops.take(pair), wanted_pair)
    _close(blocks.part, last)
    up = 0.1 * draw(n, width, rank).to(TYPES[kind])
    mixes = draw(n, 1, 1, width).sigmoid().to(TYPES[form])
    low = draw(*batch_steps, n * rank).tanh().to(TYPES[kind])
    wanted = ops.plain.mix6(wanted_pair, low.float(), up.float(), mixes.float())
    for given in (low, low.float()):
        blends = ops.mix6(pair, ops.put(given), ops.put(up), ops.put(mixes))
        assert blends.dtype.itemsize == mixes.element_size()
        _close(ops.take(blends), wanted, 2 * _close_as(form))


@pytest.mark.parametrize("batch_steps", ROWS, ids=str)
@pytest.mark.parametrize(("steep", "large"), [(1e-4, 1.0), (1.0, 60.0), (30.0, 1.0)])
def test_wkv4(ops, draw, batch_steps, steep, large):
    width = 70
    rkv = draw(3, *batch_steps, width)
    rkv[1] *= large
    decay, bonus = -steep * draw(width).exp(), draw(width)
    state = torch.stack([draw(batch_steps[0], width) for _ in range(3)], 1)
    state[:, 1].exp_()
    blocks = _Blocks(ops, state)
    found = ops.wkv4(*ops.give(rkv, decay, bonus), blocks.memory)
    _close(ops.take(found), ops.plain.wkv4(rkv.clone(), decay, bonus, state), 2e-5)
    _close(blocks.part, state, 2e-5)


def test_wkv4_starts_from_a_state_without_a_peak(straight, draw):
    rkv, state = draw(3, 1, 5, 20), torch.zeros(1, 3, 20)
    state[:, 2] = -1e30
    blocks = _Blocks(straight, state)
    found = straight.wkv4(*straight.give(rkv, -draw(20).exp(), draw(20)), blocks.memory)
    assert torch.isfinite(blocks.part).all()
    _close(straight.take(found)[:, 0], rkv[2, :, 0] * rkv[0, :, 0].sigmoid())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("fixed", [False, True])
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
    blocks = _Blocks(ops, state)
    found = ops.wkv6(*ops.give(rkv, log_decay, bonus), blocks.memory)
    _close(ops.take(found), ops.plain.wkv6(rkv, log_decay, bonus, state), 2e-5)
    _close(blocks.part, state, 2e-5)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_wkv7(ops, draw, shape):
    _check_wkv7(ops, draw, shape)


def test_wkv7_of_large_heads(straight, draw):
    for size in (130, 32, 256):
        _check_wkv7(straight, draw, (1, 3, 1, size))
    with pytest.raises(KernelError):
        _check_wkv7(straight, draw, (1, 1, 1, 257))


def _check_wkv7(ops, draw, shape):
    batch, _, heads, size = shape
    r, delta = _delta(draw, shape)
    state = draw(batch, heads, size, size)
    blocks = _Blocks(ops, state)
    given = Delta(*ops.give(*delta))
    found = ops.wkv7(ops.put(r), given, blocks.memory)
    _close(ops.take(found), ops.plain.wkv7(r, Delta(*map(torch.clone, delta)), state), 4e-5)
    _close(blocks.part, state, 4e-5)
    for one, before in zip(given, delta, strict=True):
        assert torch.equal(ops.take(one), before)


def _delta(draw, shape):
    batch, steps, heads, size = shape
    r, k, v, kk, rate, raw = draw(6, batch, steps, heads * size)
    kk = torch.nn.functional.normalize(kk.unflatten(-1, (heads, size)), dim=-1).flatten(-2)
    return r, Delta(-0.606531 * raw.sigmoid(), k, v, kk, rate.sigmoid())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("gated", [False, True])
def test_gate6(ops, draw, shape, gated):
    batch, steps, heads, size = shape
    y, norm = 5 * draw(batch, steps, heads * size), _affine(draw, heads * size)
    gate = 60 * draw(*y.shape) if gated else None
    wanted = ops.plain.gate6(y, gate, norm, heads)
    _close(ops.take(ops.gate6(*ops.give(y, gate), ops.affine(norm), heads)), wanted)


def test_decay6(straight):
    raw = torch.linspace(-200, 80, 403).view(1, 1, 13, 31)
    found, wanted = straight.take(straight.decay6(straight.put(raw))), -raw.double().exp()
    normal = wanted.abs() > 2e-38
    assert ((found - wanted)[normal].abs() <= 2e-6 * wanted[normal].abs()).all()
    assert (found[~normal].abs() <= 2e-38).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("is_first", [False, True])
def test_prepare7_and_gate7(ops, draw, shape, is_first):
    parts = _Layer(draw, shape, is_first=is_first)
    given = ops.give(parts.k, parts.v, parts.low, parts.first, parts.keys)
    found = ops.prepare7(*given, parts.heads)
    wanted = ops.plain.prepare7(
        parts.k, parts.v, parts.low.clone(), parts.first, parts.keys, parts.heads
    )
    for one, other in zip(found, wanted, strict=True):
        _close(ops.take(one), other)
    assert torch.equal(ops.take(given[1]), parts.v)
    y = draw(*parts.r.shape)
    after = ops.give(parts.gate, parts.bonus)
    gated = ops.gate7(*ops.give(y, parts.r), found, *after, ops.affine(parts.norm))
    _close(
        ops.take(gated),
        ops.plain.gate7(y, parts.r, wanted, parts.gate, parts.bonus, parts.norm),
    )


@pytest.mark.parametrize(
    "shape",
    [(1, 1, 2, 64), (2, 1, 3, 64), (3, 1, 2, 3), (1, 1, 1, 32), (1, 3, 2, 64), (1, 1, 1, 130)],
    ids=str,
)
@pytest.mark.parametrize("is_first", [False, True])
def test_attend7(ops, draw, shape, is_first):
    _check_attend7(ops, draw, shape, is_first=is_first)
    batch, steps, heads, size = shape
    ops.device.launches = 0
    parts = _Layer(draw, shape, is_first=is_first)
    parts.on(ops, _Blocks(ops, draw(batch, heads, size, size)).memory)
    assert ops.device.launches == (1 if steps == 1 and size <= 128 else 3)


def test_attend7_of_large_heads(straight, draw):
    for size in (70, 128):
        _check_attend7(straight, draw, (1, 1, 1, size), is_first=False)


def _check_attend7(ops, draw, shape, *, is_first):
    batch, _, heads, size = shape
    parts = _Layer(draw, shape, is_first=is_first)
    state = draw(batch, heads, size, size)
    blocks = _Blocks(ops, state)
    found = parts.on(ops, blocks.memory)
    rkv = (parts.r, parts.k, parts.v)
    wanted = ops.plain.attend7(
        rkv, parts.low, parts.first, parts.keys, parts.gate, parts.bonus, parts.norm, state
    )
    _close(ops.take(found), wanted, 4e-5)
    _close(blocks.part, state, 4e-5)


class _Layer:
    """What one layer of generation 7 has for its attention."""

    def __init__(self, draw, shape, *, is_first):
        batch, steps, self.heads, size = shape
        width = self.heads * size
        self.r, self.k, self.v, self.gate, first = draw(5, batch, steps, width)
        self.k[0, 0] = 0.0  # a key of no length
        self.low = 4 * draw(2 if is_first else 3, batch, steps, width)
        self.first = None if is_first else first
        self.keys, self.bonus = draw(3, 1, 1, width), draw(self.heads, size)
        self.norm = _affine(draw, width)

    def given(self, ops):
        r, k, v = ops.give(self.r, self.k, self.v)
        parts = ops.give(self.low, self.first, self.keys, self.gate, self.bonus)
        return (r, k, v), *parts, ops.affine(self.norm)

    def on(self, ops, memory):
        return ops.attend7(*self.given(ops), memory)


def test_tokens_at_once_are_as_one_by_one(straight, draw):
    shape = batch, steps, heads, size = 2, 11, 2, 64
    r, delta = _delta(draw, shape)
    state = draw(batch, heads, size, size)
    whole, parts = _Blocks(straight, state), _Blocks(straight, state)
    at_once = straight.take(straight.wkv7(straight.put(r), _put(straight, delta), whole.memory))
    for t in range(steps):
        now = Delta(*(one[:, t : t + 1] for one in delta))
        out = straight.wkv7(straight.put(r[:, t : t + 1]), _put(straight, now), parts.memory)
        assert torch.equal(straight.take(out), at_once[:, t : t + 1])
    assert torch.equal(whole.part, parts.part)
    rkv, decay, bonus = torch.stack((r, delta.k, delta.v)), delta.log_decay, draw(heads, size)
    whole, parts = _Blocks(straight, state), _Blocks(straight, state)
    given = straight.give(rkv, decay, bonus)
    at_once = straight.take(straight.wkv6(*given, whole.memory))
    for t in range(steps):
        given = straight.give(rkv[:, :, t : t + 1], decay[:, t : t + 1], bonus)
        out = straight.wkv6(*given, parts.memory)
        assert torch.equal(straight.take(out), at_once[:, t : t + 1])
    assert torch.equal(whole.part, parts.part)


def test_mixes_at_once_are_as_one_by_one(straight, draw):
    x, last, norm, mixes = draw(2, 9, 36), draw(2, 36), _affine(draw, 36), draw(3, 1, 1, 36)
    whole, parts = _Blocks(straight, last), _Blocks(straight, last)
    affine, blends = straight.affine(norm), straight.put(mixes)
    at_once = straight.take(straight.mix(straight.put(x), affine, whole.memory, blends))
    for t in range(9):
        out = straight.mix(straight.put(x[:, t : t + 1]), affine, parts.memory, blends)
        _close(straight.take(out), at_once[:, :, t : t + 1])
    _close(whole.part, parts.part)


def test_the_same_call_gives_the_same_bits_in_any_order(draw):
    shape = batch, _, heads, size = 2, 9, 2, 64
    parts = _Layer(draw, shape, is_first=False)
    state, x, last = draw(batch, heads, size, size), draw(2, 9, 128), draw(2, 128)
    mixes = draw(6, 1, 1, 128).bfloat16()
    seen = []
    for order in (*ORDERS, "forward"):
        ops = _Ops(_Listed(order))
        blocks, shift = _Blocks(ops, state), _Blocks(ops, last)
        out = parts.on(ops, blocks.memory)
        blends = ops.mix(ops.put(x), ops.affine(parts.norm), shift.memory, ops.put(mixes))
        seen.append([ops.take(out), ops.take(blends), blocks.part, shift.part])
    for other in seen[1:]:
        assert all(map(torch.equal, seen[0], other))


def test_a_capture_follows_tokens_and_table(straight, draw):
    ops, texts, width = straight, 3, 128
    table, norm = draw(20, width), _affine(draw, width)
    parts = _Layer(draw, (2, 1, 2, 64), is_first=False)
    last, state = draw(texts, width), draw(texts, 2, 64, 64)
    shifts, blocks = _Blocks(ops, last), _Blocks(ops, state)
    shift, memory = ops.put(shifts.addresses((0, 1))), ops.put(blocks.addresses((0, 1)))
    mixes, tokens = draw(3, 1, 1, width), torch.tensor([[4], [5]])
    (_, *others), affine = parts.given(ops), ops.affine(norm)
    emb, blend = ops.table(table), ops.put(mixes)

    def run():
        x = ops.embed(emb, tokens, affine)
        blends = ops.mix(x, affine, Memory(shift, FIRST, width), blend)
        r, k, v = blends
        return ops.attend7((r, k, v), *others, Memory(memory, FIRST, 2 * 64 * 64))

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
    _close(ops.take(captured.result), wanted([0, 1]), 4e-5)
    for chosen, ids in (([2, 0], (7, 19)), ([1, 2], (0, 4))):
        tokens.copy_(torch.tensor(ids)[:, None])
        ops.device.write(shift, shifts.addresses(chosen).numpy())
        ops.device.write(memory, blocks.addresses(chosen).numpy())
        assert captured.again()
        _close(ops.take(captured.result), wanted(chosen), 4e-5)
    _close(shifts.part, last)
    _close(blocks.part, state, 4e-5)


def test_every_program_of_the_list_is_another():
    assert len({repr(one) for one in PROGRAMS}) == len(PROGRAMS) < 30


def _put(ops, delta):
    return Delta(*ops.give(*(one.contiguous() for one in delta)))


def test_numbers_of_a_bad_token_stay_its_own(straight, draw):
    """NaN in one text leaves the others as they are."""
    r, delta = _delta(draw, (2, 3, 1, 64))
    state = draw(2, 1, 64, 64)
    delta.v[0, 1] = np.nan
    blocks = _Blocks(straight, state)
    out = straight.take(straight.wkv7(straight.put(r), _put(straight, delta), blocks.memory))
    assert torch.isnan(out[0, 1:]).all()
    assert torch.isfinite(out[1]).all()
    assert torch.isfinite(blocks.part[1]).all()
