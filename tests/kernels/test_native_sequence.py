"""Each native operation along channels and time against its plain twin, on every instruction set.

The recurrences are also held against the official one-token formulas in float64.
"""

import os
from pathlib import Path

import pytest
import torch

from app.kernels import Affine, Delta
from app.kernels.native import build
from app.kernels.native.library import Library
from app.kernels.native.ops import NativeOps
from app.kernels.native.ops_sequence import FEW_ROWS
from app.kernels.portable import PortableOps
from tests.kernels.drawn import Draw
from tests.support.combinations import each

SETS = ("plain", "avx2", "avx512", "avx512bf16", "neon")
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
ROWS = [(1, 1), (3, 1), (1, 7), (2, 37), (1, 300)]  # batch, steps
# batch, steps, heads, size
SHAPES = [
    *[(1, 1, 12, 64), (3, 1, 2, 64), (3, 1, 3, 8), (1, 7, 2, 20), (2, 37, 2, 64), (2, 37, 1, 16)],
    *[(1, 300, 2, 64), (1, 4, 1, 130)],
]


@pytest.fixture(scope="session")
def library(request):
    """The library as its sources are now, or that which ROOKERY_NATIVE names."""
    named = os.environ.get("ROOKERY_NATIVE", "")
    if named.endswith(build.NAME):
        return Library(Path(named))
    return Library(request.getfixturevalue("built"))


@pytest.fixture(params=SETS)
def ops(request, library):
    if request.param not in library.sets:
        pytest.skip("this processor has no such instruction set")
    library.choose(request.param)
    yield _Counting(library)
    library.choose(library.sets[-1])


@pytest.fixture
def draw():
    return Draw(11)


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class _Counting(NativeOps):
    """Tells whether an operation was done by a kernel, on processors with AMX, too."""

    by_hardware = False

    def __init__(self, library):
        super().__init__(library)
        self.kernels = []

    def afresh(self):
        """As a new one."""
        self.alike, self.by_hardware = type(self).alike, False
        self.kernels.clear()

    def call(self, kernel, *arguments):
        self.kernels.append(kernel)
        super().call(kernel, *arguments)


def _close(found, wanted, tolerance=3e-6):
    assert found.shape == wanted.shape
    far = (found.double() - wanted.double()).abs().max()
    assert far <= tolerance * wanted.double().abs().max().clamp_min(1e-30)


def _affine(draw, width):
    return Affine(1 + 0.1 * draw(width), 0.1 * draw(width))


_KNOWN = {}


def _once(make, *key):
    """What is compared with is made once for all instruction sets, from the same numbers."""
    if key not in _KNOWN:
        _KNOWN[key] = make()
    return _KNOWN[key]


def _close_as(kind):
    """How near a result in this type can be to a float32 one."""
    return {torch.float32: 3e-6, torch.bfloat16: 5e-3, torch.float16: 6e-4}[kind]


@each(width=[1, 5, 16, 37, 100, 768])
def test_norm(ops, draw, width):
    norm, x = _affine(draw, width), 3 * draw(2, 5, width) + 1
    _close(ops.norm(x, norm), PortableOps().norm(x, norm))
    assert ops.kernels == ["norm"]


@each(kind=TYPES)
def test_embed(ops, draw, kind):
    table, norm = draw(50, 37).to(TYPES[kind]), _affine(draw, 37)
    tokens = torch.tensor([[3, 49, 0, 3], [7, 8, 9, 10]])
    for part in (tokens, tokens[:, 1:3], tokens.T):
        _close(ops.embed(table, part, norm), PortableOps().embed(table, part, norm))
    assert ops.kernels == ["embed"] * 3


@each(kind=TYPES, batch_steps=ROWS, width=[19, 256])
def test_mix(ops, draw, kind, batch_steps, width):
    x, last = draw(*batch_steps, width), draw(batch_steps[0], width)
    norm, mixes = _affine(draw, width), draw(5, 1, 1, width).sigmoid().to(TYPES[kind])
    wanted_last = last.clone()
    wanted = PortableOps().mix(x, norm, wanted_last, mixes.float())
    found = ops.mix(x, norm, last, mixes)
    few = x.shape[0] * x.shape[1] <= FEW_ROWS
    assert found.dtype == (torch.float32 if few else TYPES[kind])
    _close(found, wanted, _close_as(found.dtype))
    _close(last, wanted_last)
    assert ops.kernels == ["mix"]


@each(kind=TYPES, batch_steps=ROWS)
def test_shift6_and_mix6(ops, draw, kind, batch_steps):
    width, rank, n, kind = 75, 32, 5, TYPES[kind]
    x, last = draw(*batch_steps, width), draw(batch_steps[0], width)
    norm, base = _affine(draw, width), draw(1, 1, 1, width).sigmoid().to(kind)
    plain, wanted_last = PortableOps(), last.clone()
    wanted, wanted_pair = plain.shift6(x, norm, wanted_last, base.float())
    found, pair = ops.shift6(x, norm, last, base)
    _close(found, wanted, _close_as(found.dtype))
    _close(pair, wanted_pair)
    _close(last, wanted_last)
    up, mixes = 0.1 * draw(n, width, rank).to(kind), draw(n, 1, 1, width).sigmoid().to(kind)
    low = draw(*batch_steps, n * rank).tanh().to(kind)
    wanted = plain.mix6(pair, low.float(), up.float(), mixes.float())
    for form in {torch.float32, kind}:
        blends = ops.mix6(pair, low.to(form), up, mixes)
        _close(blends, wanted, 2 * _close_as(blends.dtype))


@each(batch_steps=ROWS, steep=[1e-4, 1.0, 30.0], large=[1.0, 60.0])
def test_wkv4(ops, draw, batch_steps, steep, large):
    width = 37
    rkv = draw(3, *batch_steps, width)
    rkv[1] *= large
    decay, bonus = -steep * draw(width).exp(), draw(width)
    state = torch.stack([draw(batch_steps[0], width) for _ in range(3)], 1)
    state[:, 1].exp_()
    after = state.clone()
    found = ops.wkv4(rkv, decay, bonus, after)
    key = ("wkv4", batch_steps, steep, large)
    wanted, last = _once(lambda: _wkv4_one_by_one(rkv, decay, bonus, state), *key)
    _close(found, wanted, 1e-5)
    _close(after, last, 1e-5)
    portable = _once(lambda: PortableOps().wkv4(rkv.clone(), decay, bonus, state), "plain", *key)
    _close(found, portable, 2e-5)


def test_wkv4_starts_from_a_state_without_a_peak(ops, draw):
    rkv, state = draw(3, 1, 5, 20), torch.zeros(1, 3, 20)
    state[:, 2] = -1e30
    first = ops.wkv4(rkv, -draw(20).exp(), draw(20), state)[:, 0]
    assert torch.isfinite(state).all()
    _close(first, rkv[2, :, 0] * rkv[0, :, 0].sigmoid(), 1e-5)


@each(shape=SHAPES, fixed=(False, True))
def test_wkv6(ops, draw, shape, fixed):
    batch_steps, heads_size = shape[:2], shape[2:]
    width = heads_size[0] * heads_size[1]
    rkv, bonus = draw(3, *batch_steps, width), draw(*heads_size)
    log_decay = -(draw(*(heads_size if fixed else (*batch_steps, width))) - 2).exp()
    state = draw(batch_steps[0], *heads_size, heads_size[1])
    after, plain = state.clone(), state.clone()
    found = ops.wkv6(rkv, log_decay, bonus, after)
    assert ops.kernels == ["wkv6"]
    key = ("wkv6", shape, fixed)
    wanted, last = _once(lambda: _wkv6_one_by_one(rkv, log_decay, bonus, state), *key)
    _close(found, wanted, 1e-5)
    _close(after, last, 1e-5)
    portable = _once(
        lambda: (PortableOps().wkv6(rkv, log_decay, bonus, plain), plain), "plain", *key
    )
    _close(found, portable[0], 2e-5)
    _close(after, portable[1], 2e-5)


@each(steepest=[0.0, 40.0, 1e4, float("inf")])
def test_wkv6_survives_extreme_decays(ops, draw, steepest):
    rkv, bonus, state = draw(3, 1, 70, 32), draw(2, 16), draw(1, 2, 16, 16)
    rkv[1] *= 1e4
    log_decay = -(draw(1, 70, 32) - 2).exp()
    log_decay[:, 10:40, ::3] = -steepest
    after = state.clone()
    found = ops.wkv6(rkv, log_decay, bonus, after)
    wanted, last = _wkv6_one_by_one(rkv, log_decay, bonus, state)
    _close(found, wanted, 1e-5)
    _close(after, last, 1e-5)


@each(shape=SHAPES, decay=["none", "fastest", "drawn"])
def test_wkv7(ops, draw, shape, decay):
    batch_steps, heads_size = shape[:2], shape[2:]
    heads, size = heads_size
    r, k, v, kk, rate, raw = draw(6, *batch_steps, heads * size)
    kk = torch.nn.functional.normalize(kk.unflatten(-1, heads_size), dim=-1).flatten(-2)
    falls = {"none": 0 * raw, "fastest": 0 * raw - 0.606531, "drawn": -0.606531 * raw.sigmoid()}
    delta = Delta(falls[decay], k, v, kk, rate.sigmoid())
    before = [part.clone() for part in delta]
    state = draw(batch_steps[0], heads, size, size)
    after, plain = state.clone(), state.clone()
    found = ops.wkv7(r, delta, after)
    assert ops.kernels == (["wkv7"] if shape != (1, 4, 1, 130) else [])
    key = ("wkv7", shape, decay)
    wanted, last = _once(lambda: _wkv7_one_by_one(r, delta, state), *key)
    _close(found, wanted, 2e-5)
    _close(after, last, 2e-5)
    portable = _once(lambda: (PortableOps().wkv7(r, delta, plain), plain), "plain", *key)
    _close(found, portable[0], 4e-5)
    _close(after, portable[1], 4e-5)
    assert all(torch.equal(part, copy) for part, copy in zip(delta, before, strict=True))


def test_a_state_of_zeros_and_one_that_goes_on_are_exact(ops, draw):
    r, k, v, kk, rate, raw = draw(6, 1, 48, 128)
    kk = torch.nn.functional.normalize(kk.unflatten(-1, (2, 64)), dim=-1).flatten(-2)
    delta = Delta(-0.606531 * raw.sigmoid(), k, v, kk, rate.sigmoid())
    whole, parts = torch.zeros(1, 2, 64, 64), torch.zeros(1, 2, 64, 64)
    at_once = ops.wkv7(r, delta, whole)
    for cut in (slice(0, 1), slice(1, 30), slice(30, 31), slice(31, 48)):
        piece = Delta(*(part[:, cut].contiguous() for part in delta))
        _close(ops.wkv7(r[:, cut].contiguous(), piece, parts), at_once[:, cut], 1e-5)
    _close(parts, whole, 1e-5)


@each(shape=SHAPES, gated=(False, True))
def test_gate6(ops, draw, shape, gated):
    batch_steps, heads_size = shape[:2], shape[2:]
    width = heads_size[0] * heads_size[1]
    y, norm = 5 * draw(*batch_steps, width), _affine(draw, width)
    gate = 20 * draw(*batch_steps, width) if gated else None
    wanted = PortableOps().gate6(y, gate, norm, heads_size[0])
    _close(ops.gate6(y, gate, norm, heads_size[0]), wanted)
    assert ops.kernels == ["gate6"]


def test_decay6_over_all_of_float32(ops):
    raw = torch.tensor([-200.0, -88.0, -87.0, -20.0, -1e-3, 0.0, 1e-40, 1.0, 20.0, 88.0, 89.0, 1e9])
    found, wanted = ops.decay6(raw.view(1, 1, 1, -1))[0, 0, 0], -raw.double().exp()
    normal = wanted.abs() > 2e-38
    top = torch.finfo(torch.float32).max
    assert (found[~normal].abs() < 2e-38).all()
    assert (found[-2:].abs() >= 0.9 * top).all()
    exact = wanted[normal][:-2]
    assert ((found[normal][:-2] - exact).abs() <= 2e-6 * exact.abs()).all()


@each(shape=SHAPES, is_first=(False, True))
def test_prepare7_and_gate7(ops, draw, shape, is_first):
    batch_steps, heads_size = shape[:2], shape[2:]
    heads, width = heads_size[0], heads_size[0] * heads_size[1]
    k, v, first = draw(3, *batch_steps, width)
    k[0, 0] = 0.0  # a key of no length
    low, keys = 4 * draw(2 if is_first else 3, *batch_steps, width), draw(3, 1, 1, width)
    first = None if is_first else first
    plain = PortableOps()
    wanted = plain.prepare7(k, v, low.clone(), first, keys, heads)
    found = ops.prepare7(k, v, low, first, keys, heads)
    assert ops.kernels == ["prepare7"]
    for one, other in zip(found, wanted, strict=True):
        _close(one, other)
    y, r, gate = draw(3, *batch_steps, width)
    bonus, norm = draw(*heads_size), _affine(draw, width)
    _close(ops.gate7(y, r, found, gate, bonus, norm), plain.gate7(y, r, wanted, gate, bonus, norm))
    assert ops.kernels == ["prepare7", "gate7"]


def test_what_lies_apart_in_memory_is_left_to_the_plain_twin(ops, draw):
    y, norm = draw(1, 5, 64)[:, ::2], _affine(draw, 32)
    x, last, mixes = draw(2, 3, 64)[:, :, ::2], draw(2, 64)[:, ::2], draw(2, 1, 1, 32)
    plain, wanted_last = PortableOps(), last.clone()
    wanted = plain.mix(x, norm, wanted_last, mixes)
    _close(ops.mix(x, norm, last, mixes), wanted)
    _close(last, wanted_last)
    norm = _affine(draw, 64)
    _close(ops.gate6(y, None, norm, 2), plain.gate6(y, None, norm, 2))
    _close(ops.norm(y, norm), plain.norm(y, norm))
    assert ops.kernels == []


def _wkv4_one_by_one(rkv, decay, bonus, state):
    r, k, v = rkv.double()
    above, below, peak = state.double().unbind(1)
    found = []
    for t in range(k.shape[1]):
        top = torch.maximum(peak, bonus + k[:, t])
        old, new = (peak - top).exp(), (bonus + k[:, t] - top).exp()
        found.append((old * above + new * v[:, t]) / (old * below + new))
        top = torch.maximum(peak + decay, k[:, t])
        old, new = (peak + decay - top).exp(), (k[:, t] - top).exp()
        above, below, peak = old * above + new * v[:, t], old * below + new, top
    return torch.stack(found, 1) * r.sigmoid(), torch.stack((above, below, peak), 1)


def _wkv6_one_by_one(rkv, log_decay, bonus, state):
    heads = len(bonus)
    r, k, v = (x.double().unflatten(-1, (heads, -1)) for x in rkv)
    fall = log_decay.reshape(1, 1, -1) if log_decay.dim() == 2 else log_decay
    kept = fall.double().exp().expand(rkv.shape[1:]).unflatten(-1, (heads, -1))
    state, found = state.double(), []
    for t in range(r.shape[1]):
        now = k[:, t, :, :, None] * v[:, t, :, None, :]
        found.append((r[:, t, :, None] @ (state + bonus.double()[:, :, None] * now)).flatten(1))
        state = state * kept[:, t, :, :, None] + now
    return torch.stack(found, 1), state


def _wkv7_one_by_one(r, delta, state):
    heads = state.shape[1]
    fall, k, v, kk, rate = (x.double().unflatten(-1, (heads, -1)) for x in delta)
    r, w, state, found = r.double().unflatten(-1, (heads, -1)), fall.exp(), state.double(), []
    for t in range(r.shape[1]):
        recalled = state @ kk[:, t, :, :, None]
        state = state * w[:, t, :, None] - recalled * (kk * rate)[:, t, :, None]
        state = state + v[:, t, :, :, None] * k[:, t, :, None]
        found.append((state @ r[:, t, :, :, None]).flatten(1))
    return torch.stack(found, 1), state
