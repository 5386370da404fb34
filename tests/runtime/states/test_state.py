"""States: copies, rows, batches, the official layout."""

import pytest
import torch

from app.kernels import open_ops
from app.runtime.models import build
from app.runtime.planning.footprint import state_bytes
from app.runtime.planning.strategy import parse
from app.runtime.states.state import from_official, official_shapes, official_state, stack
from tests.support.checkpoints import GENERATIONS, random_tensors
from tests.support.memory_checkpoint import MemoryCheckpoint


@pytest.fixture(params=GENERATIONS)
def model(request):
    checkpoint = MemoryCheckpoint(random_tensors(request.param, layers=2, width=32, head_size=8))
    return build(checkpoint, open_ops("cpu"), parse("cpu fp32"))


def _after(model, *texts):
    state = model.blank(len(texts))
    model.forward(torch.tensor(texts), state)
    return state


def _equal(one, other):
    return torch.equal(one.shift, other.shift) and torch.equal(one.wkv, other.wkv)


def test_a_blank_state_is_the_official_one(model):
    named = official_state(model.blank())
    for name, tensor in named.items():
        start = -1e30 if name.endswith(".pp") else 0
        assert torch.equal(tensor, torch.full_like(tensor, start))


def test_a_clone_does_not_move_with_its_original(model):
    state = _after(model, [1, 2, 3])
    copy = state.clone()
    assert _equal(copy, state)
    model.forward(torch.tensor([[4]]), state)
    assert not _equal(copy, state)
    assert _equal(copy, _after(model, [1, 2, 3]))


def test_rows_and_stack_take_a_batch_apart_and_together(model):
    state = _after(model, [1, 2, 3], [4, 5, 6], [7, 8, 9])
    parts = [state.rows([i]) for i in range(3)]
    assert [part.batch for part in parts] == [1, 1, 1]
    assert _equal(stack(parts), state)
    assert _equal(state.rows([2, 0]), stack([parts[2], parts[0]]))
    model.forward(torch.tensor([[4]]), parts[0])
    assert not _equal(state.rows([0]), parts[0])


def test_put_replaces_one_row_only(model):
    state, other = _after(model, [1, 2], [3, 4], [5, 6]), _after(model, [7, 8])
    before = state.clone()
    state.put(1, other)
    assert _equal(state.rows([1]), other)
    assert _equal(state.rows([0, 2]), before.rows([0, 2]))


def test_a_state_that_was_put_together_runs_on(model):
    apart = [_after(model, [1, 2]), _after(model, [3, 4])]
    together = stack(apart)
    logits = model.forward(torch.tensor([[5], [6]]), together)
    alone = [model.forward(torch.tensor([[t]]), s) for t, s in zip((5, 6), apart, strict=True)]
    torch.testing.assert_close(logits, torch.cat(alone), rtol=1e-4, atol=1e-4)


def test_bytes_are_counted(model):
    state = model.blank(3)
    assert state.nbytes == 3 * state_bytes(model.spec)
    assert state.nbytes == state.shift.numel() * 4 + state.wkv.numel() * 4


def test_the_official_layout_goes_both_ways(model):
    state = _after(model, [1, 2, 3], [4, 5, 6])
    second = from_official(official_state(state, 1), model.spec)
    assert _equal(second, state.rows([1]))


def test_official_names_stand_in_the_official_order_and_have_their_shapes(model):
    named = official_state(model.blank())
    names = list(named)
    assert official_shapes(model.spec) == {name: tuple(t.shape) for name, t in named.items()}
    middle = ["aa", "bb", "pp"] if model.spec.generation == "4" else ["S"]
    parts = ["att_x", *middle, "ffn_x"]
    assert names == [f"state.{layer}.{part}" for layer in range(2) for part in parts]
