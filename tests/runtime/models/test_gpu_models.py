"""Whole models on a card that is emulated: the kernels, captures, states and batches together."""

import pytest
import torch

from app.kernels.cuda.ops import CudaOps
from app.kernels.portable import PortableOps
from app.runtime.models import build
from app.runtime.models.capture_pool import bucket_for
from app.runtime.planning.strategy import parse
from app.runtime.states.gpu_states import GpuState
from app.runtime.states.state import State
from tests.support.checkpoints import GENERATIONS, random_tensors
from tests.support.emulation.device import COMPILER, EmulatedDevice
from tests.support.memory_checkpoint import MemoryCheckpoint
from tests.support.stories import coming_and_going

VOCABULARY = 97
FORMATS = {"fp32": 1e-4, "bf16": 0.04, "fp16": 0.01, "int8": 2e-3, "int4": 2e-3}

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")


@pytest.fixture(params=GENERATIONS)
def tensors(request):
    return random_tensors(request.param, layers=2, width=64, head_size=16, vocabulary=VOCABULARY)


def _models(tensors, form):
    """On the emulated card, and in plain torch with the same packed weights."""
    plain = form if form.startswith("int") else "fp32"
    gpu = build(
        MemoryCheckpoint(tensors), CudaOps(EmulatedDevice("shuffled")), parse(f"cuda {form}")
    )
    return gpu, build(MemoryCheckpoint(tensors), PortableOps(), parse(f"cpu {plain}"))


def _token(*ids):
    return torch.tensor([[one] for one in ids])


def _close(found, wanted, tolerance=1e-4):
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() <= tolerance * wanted.abs().max()


@pytest.mark.parametrize("form", FORMATS)
def test_a_prompt_and_tokens_after_it(tensors, form):
    pair = _models(tensors, form)
    states = [model.blank() for model in pair]
    prompt = torch.arange(21)[None]
    for tokens in (prompt, *map(_token, range(4))):
        found, wanted = (m.forward(tokens, s) for m, s in zip(pair, states, strict=True))
        _close(found, wanted, FORMATS[form])
    _close(states[0].host().wkv, states[1].wkv, FORMATS[form])
    _close(states[0].host().shift, states[1].shift, FORMATS[form])


def test_texts_come_and_go_and_are_copied(tensors):
    """Each step is done by both models; the results are compared at every one."""
    for found, wanted in zip(*map(coming_and_going, _models(tensors, "fp32")), strict=True):
        _close(found, wanted)


def test_a_graph_serves_whatever_texts_there_are():
    gpu = _models(random_tensors("7.0", layers=1, width=64, vocabulary=VOCABULARY), "fp32")[0]
    for batch in (3, 4, 3):
        gpu.forward(_token(*range(batch)), gpu.blank(batch))
    assert [size for size, _ in gpu.runners[0]._logits._known] == [4]


def test_many_texts_at_once(monkeypatch):
    pair = _models(random_tensors("7.0", layers=1, width=64, vocabulary=VOCABULARY), "fp16")
    texts = [torch.arange(21)[:, None] % VOCABULARY, torch.arange(1, 22)[:, None]]
    states = [model.blank(21) for model in pair]
    for tokens in texts:
        found, wanted = (m.forward(tokens, s) for m, s in zip(pair, states, strict=True))
        _close(found, wanted, FORMATS["fp16"])
    monkeypatch.setattr("app.runtime.models.capture_pool._LARGEST", 8)
    found, wanted = (m.forward(texts[0], s) for m, s in zip(pair, states, strict=True))
    _close(found, wanted, FORMATS["fp16"])


def test_sizes_of_batches():
    assert [bucket_for(n) for n in (1, 2, 3, 5, 8, 9, 128)] == [1, 2, 4, 8, 8, 16, 128]


def test_a_memory_goes_to_the_card_and_back(tensors):
    spec, device = MemoryCheckpoint(tensors).spec, EmulatedDevice()
    state = State.blank(spec, 3)
    state.shift.normal_()
    state.wkv.normal_()
    there = GpuState.of(state, device)
    assert (there.batch, there.generation) == (3, state.generation)
    assert torch.equal(there.host().wkv, state.wkv)
    assert torch.equal(there.rows([2, 0]).host().shift, state.shift[:, :, [2, 0]])
    device.check()
