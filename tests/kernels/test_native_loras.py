"""Low-rank chains, and generation 7's attention that stands on them, on every instruction set.

The library and its instruction sets are those of test_native_sequence.
"""

import torch

from app.kernels import Loras
from app.kernels.native.ops_sequence import FEW_ROWS
from app.kernels.portable import PortableOps
from tests.support.combinations import each

from .test_native_sequence import (
    TYPES,
    _affine,
    _close,
    _close_as,
    _once,
    draw,
    library,
    ops,
    two_threads,
)

__all__ = ["draw", "library", "ops", "two_threads"]


@each(name=TYPES, batch_steps=[(1, 1), (3, 1), (2, 4), (1, 37), (1, 201)], outputs=[53, 192])
def test_loras(ops, draw, name, batch_steps, outputs):
    width, ranks, kind = 75, (32, 7, 64, 33), TYPES[name]
    down, up = torch.zeros(4, 64, width), torch.zeros(4, outputs, 64)
    for chain, rank in enumerate(ranks):
        down[chain, :rank] = 0.1 * draw(rank, width)
        up[chain, :, :rank] = 0.1 * draw(outputs, rank)
    bias, acts = draw(4, 1, 1, outputs), ("", "tanh", "", "sigmoid")
    x = draw(4, *batch_steps, width).to(kind)
    exact = Loras(down.to(kind).float(), up.to(kind).float(), bias, acts, ranks)
    key = ("loras", name, batch_steps, outputs)
    wanted = _once(lambda: PortableOps().loras(x.float(), exact), *key)
    given = ops.place_loras(Loras(down, up, bias, acts, ranks), name)
    many = batch_steps[0] * batch_steps[1] > FEW_ROWS
    tolerance = _close_as(kind) if many else 3e-6
    for form in {torch.float32, kind}:
        found = ops.loras(x.to(form), given)
        assert found.dtype == torch.float32
        _close(found, wanted, tolerance)
    assert set(ops.kernels) == ({"tiles"} if many else {"lora_down", "lora_up"})
    whole = ops.place_loras(Loras(down, up, bias, acts), name)
    _close(ops.loras(x, whole), wanted, tolerance)
    ops.kernels.clear()
    odd = torch.stack((x, x), -1)[..., 0]  # no kernel reads it: the plain way, from what was placed
    _close(ops.loras(odd, given), wanted, _close_as(kind))
    assert not ops.kernels


@each(name=TYPES)
def test_rows_of_chains_can_come_to_the_bits_that_they_come_to_alone(ops, draw, name):
    down, up = 0.1 * draw(2, 33, 331), 0.1 * draw(2, 53, 33)
    given = ops.place_loras(Loras(down, up, draw(2, 1, 1, 53), ("", "tanh"), (33, 20)), name)
    x = draw(2, FEW_ROWS, 1, 331)
    alone = torch.cat(
        [ops.loras(x[:, row : row + 1].contiguous(), given) for row in range(FEW_ROWS)], 1
    )
    ops.alike = True
    for rows in (2, 3, 7, FEW_ROWS):
        assert torch.equal(ops.loras(x[:, :rows].contiguous(), given), alone[:, :rows])


@each(name=TYPES, rows=[1, 3, 4, 7, 16])
def test_any_number_of_threads_makes_the_same_bits_of_chains(ops, draw, name, rows):
    width, outputs, ranks, kind = 331, 53, (64, 27, 96, 33), TYPES[name]
    down, up = draw(4, 96, width), draw(4, outputs, 96)
    given = ops.place_loras(
        Loras(down, up, draw(4, 1, 1, outputs), ("", "tanh", "", ""), ranks), name
    )
    x = draw(4, 1, rows, width).to(kind)
    found = []
    for threads in (1, 2, 3, 5, 24):
        torch.set_num_threads(threads)
        found.append(ops.loras(x, given).clone())
    for other in found[1:]:
        assert torch.equal(found[0], other)


@each(
    name=TYPES,
    shape=[(1, 1, 2, 64), (1, 1, 16, 64), (5, 1, 5, 64), (3, 1, 3, 20), (2, 1, 1, 128)],
    is_first=(False, True),
)
def test_chains7(ops, draw, name, shape, is_first):
    batch, _, heads, size = shape
    width, ranks, kind = heads * size, (32, 7, 64, 33)[is_first:], TYPES[name]
    n = len(ranks)
    down, up = torch.zeros(n, 64, 75), torch.zeros(n, width, 64)
    for chain, rank in enumerate(ranks):
        down[chain, :rank] = 0.1 * draw(rank, 75)
        up[chain, :, :rank] = 0.1 * draw(width, rank)
    bias, acts = draw(n, 1, 1, width), ("", "tanh", "", "sigmoid")[is_first:]
    exact = Loras(down.to(kind).float(), up.to(kind).float(), bias, acts)
    placed = ops.place_loras(Loras(down, up, bias, acts, ranks), name)
    rkv, first = draw(3, batch, 1, width), None if is_first else draw(batch, 1, width)
    blends, keys, bonus = draw(n, batch, 1, 75), draw(3, 1, 1, width), draw(heads, size)
    norm, state = _affine(draw, width), draw(batch, heads, size, size)
    others = (first, keys, bonus, norm)
    after, plain, before = state.clone(), state.clone(), rkv.clone()
    found = ops.chains7(tuple(rkv), blends, placed, *others, after)
    assert ops.kernels == ["lora_down", "attend7"]
    assert torch.equal(rkv, before)
    wanted, last = _once(
        lambda: (PortableOps().chains7(tuple(rkv), blends, exact, *others, plain), plain),
        *("chains7", name, shape, is_first),
    )
    _close(found, wanted, 4e-5)
    _close(after, last, 4e-5)


def test_chains7_of_many_tokens_is_made_of_its_parts(ops, draw):
    blends, keys, bonus = draw(3, 1, 5, 40), draw(3, 1, 1, 32), draw(2, 16)
    chains = Loras(draw(3, 8, 40), draw(3, 32, 8), draw(3, 1, 1, 32), ("tanh", "", ""), (8, 8, 5))
    chains.down[2, 5:] = 0
    rkv, norm, state = draw(3, 1, 5, 32), _affine(draw, 32), draw(1, 2, 16, 16)
    plain = state.clone()
    placed = ops.place_loras(chains, "fp32")
    found = ops.chains7(tuple(rkv), blends, placed, None, keys, bonus, norm, state)
    wanted = PortableOps().chains7(tuple(rkv), blends, chains, None, keys, bonus, norm, plain)
    assert ops.kernels == ["lora_down", "lora_up", "prepare7", "wkv7", "gate7"]
    _close(found, wanted, 4e-5)
    _close(state, plain, 4e-5)
