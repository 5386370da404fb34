"""A token that is run again from a capture is the token that a model computes."""

import gc
import weakref

import pytest
import torch

from app.errors import RequestRefused
from app.kernels import open_ops
from app.kernels.portable import PortableOps
from app.runtime.models import build
from app.runtime.planning.strategy import parse
from tests.support.checkpoints import GENERATIONS, random_tensors
from tests.support.memory_checkpoint import MemoryCheckpoint
from tests.support.stories import coming_and_going

VOCABULARY = 97


@pytest.fixture(params=GENERATIONS)
def tensors(request):
    return random_tensors(request.param, layers=3, width=64, head_size=16, vocabulary=VOCABULARY)


@pytest.fixture
def pair(tensors):
    """The model as it runs here, and in plain torch."""
    kinds = (open_ops("cpu"), PortableOps())
    return [build(MemoryCheckpoint(tensors), ops, parse("cpu fp32")) for ops in kinds]


def _token(*ids):
    return torch.tensor([[one] for one in ids])


def _close(found, wanted):
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() <= 1e-4 * wanted.abs().max()


def test_token_after_token(pair):
    states = [model.blank() for model in pair]
    for token in range(12):
        found, wanted = (
            model.forward(_token(token), state) for model, state in zip(pair, states, strict=True)
        )
        _close(found, wanted)
    _close(states[0].wkv, states[1].wkv)
    _close(states[0].shift, states[1].shift)


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("form", ["cpu fp16", "cpu int8"])
def test_token_after_token_where_a_file_has_another_type_than_the_activations(generation, form):
    tensors = random_tensors(generation, layers=3, width=64, dtype=torch.bfloat16)
    pair = [
        build(MemoryCheckpoint(tensors), ops, parse(form))
        for ops in (open_ops("cpu"), PortableOps())
    ]
    states = [model.blank() for model in pair]
    for token in range(5):
        found, wanted = (
            model.forward(_token(token), state) for model, state in zip(pair, states, strict=True)
        )
        assert (found - wanted).norm() <= 0.02 * wanted.norm()


def test_texts_come_and_go_and_are_copied(pair):
    """Each step is done by both models; the results are compared at every one."""
    for found, wanted in zip(*map(coming_and_going, pair), strict=True):
        _close(found, wanted)


def test_results_are_not_overwritten_by_the_next_token(pair):
    model, state = pair[0], pair[0].blank()
    first = model.forward(_token(1), state)
    kept = first.clone()
    for token in range(5):
        model.forward(_token(token), state)
    assert torch.equal(first, kept)


def test_a_state_that_does_not_lie_in_order_is_advanced_too(pair):
    found, wanted = (model.blank() for model in pair)
    mixed = type(found)(
        found.generation, found.shift.mT.contiguous().mT, found.wkv.mT.contiguous().mT
    )
    for token in (1, 2, 3):
        _close(pair[0].forward(_token(token), mixed), pair[1].forward(_token(token), wanted))
    _close(mixed.wkv, wanted.wkv)


def test_a_refused_token_changes_nothing(pair):
    model, state = pair[0], pair[0].blank()
    model.forward(_token(1), state)
    before, twin = state.clone(), state.clone()
    with pytest.raises(RequestRefused):
        model.forward(_token(VOCABULARY), state)
    assert torch.equal(state.wkv, before.wkv)
    assert torch.equal(model.forward(_token(2), state), model.forward(_token(2), twin))


def test_captures_are_few(pair):
    model = pair[0]
    for batch in range(1, 15):
        model.forward(torch.ones(batch, 1, dtype=torch.long), model.blank(batch))
    assert len(model.runners[0]._logits._known) <= 8


def test_a_capture_keeps_no_state_alive(pair):
    model, state = pair[0], pair[0].blank()
    model.forward(_token(1), state)
    model.forward(_token(2), state)
    gone = weakref.ref(state.wkv)
    del state
    gc.collect()
    assert gone() is None
