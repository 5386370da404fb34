"""Layers that are copied to an emulated card just before their turn: never too late, never early.

The card brings what is beside its work either as late as a wait allows or at once, so that a wait
that is missing and a slot that is filled too early both show.
"""

import numpy as np
import pytest
import torch

from app.errors import StrategyUnsupported
from app.kernels.cuda.ops import CudaOps
from app.runtime.models import build
from app.runtime.models.card_stream import CardStage, CardStream
from app.runtime.planning.strategy import parse
from tests.support.checkpoints import GENERATIONS, random_tensors
from tests.support.emulation.device import COMPILER, EmulatedDevice
from tests.support.memory_checkpoint import MemoryCheckpoint

VOCABULARY = 97

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")


@pytest.mark.parametrize("hasty", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_each_stage_finds_its_bytes_token_after_token(count, hasty):
    device = EmulatedDevice(hasty=hasty)
    slots = [device.empty((64,), np.dtype(np.uint8)) for _ in range(2)]
    stages = []
    for number in range(count):
        host = device.locked(60)
        host[:] = number
        stages.append(CardStage(host, slots[number % 2]))
    stream = CardStream(device, stages)
    for stage in (*range(count), *range(count), 0, count - 1, 0):
        stream.begin(stage)
        assert set(device.read(slots[stage % 2])[:60]) == {stage}
        stream.end(stage)


def models(tensors, form, way, *, hasty=False):
    return [
        build(MemoryCheckpoint(tensors), CudaOps(EmulatedDevice(hasty=hasty)), parse(text))
        for text in (f"cuda {form}", f"cuda {form} {way}")
    ]


@pytest.mark.parametrize("hasty", [False, True])
@pytest.mark.parametrize("generation", GENERATIONS)
def test_prompts_and_tokens_are_those_of_the_whole_model(generation, hasty):
    tensors = random_tensors(generation, layers=3, width=64, head_size=16, vocabulary=VOCABULARY)
    pair = models(tensors, "fp32", "*1+", hasty=hasty)
    states = [model.blank(2) for model in pair]
    for tokens in (torch.arange(14).view(2, 7), *(torch.tensor([[t], [t + 1]]) for t in range(3))):
        wanted, found = (m.forward(tokens, s) for m, s in zip(pair, states, strict=True))
        assert (found - wanted).abs().max() <= 1e-5 * wanted.abs().max()


@pytest.mark.parametrize("form", ["fp16", "bf16", "int8", "int4"])
def test_every_format_is_streamed(form):
    tensors = random_tensors("7.0", layers=2, width=64, head_size=16, vocabulary=VOCABULARY)
    pair = models(tensors, form, "*0+")
    states = [model.blank() for model in pair]
    for tokens in (torch.arange(20)[None], torch.tensor([[3]])):
        wanted, found = (m.forward(tokens, s) for m, s in zip(pair, states, strict=True))
        assert (found - wanted).abs().max() <= 0.02 * wanted.abs().max()


class Counting(EmulatedDevice):
    """Counts the bytes of all arrays that were asked for."""

    def __init__(self):
        super().__init__()
        self.taken = 0

    def empty(self, shape, dtype):
        self.taken += int(np.prod(shape)) * np.dtype(dtype).itemsize
        return super().empty(shape, dtype)


def test_the_card_holds_two_slots_instead_of_all_layers():
    tensors = random_tensors("7.0", layers=12, width=128, head_size=16, vocabulary=VOCABULARY)
    taken = {}
    for text in ("cuda fp32", "cuda fp32 *0+"):
        device = Counting()
        build(MemoryCheckpoint(tensors), CudaOps(device), parse(text))
        taken[text] = device.taken
    assert taken["cuda fp32 *0+"] < 0.5 * taken["cuda fp32"]


def test_from_the_file_to_a_card_is_refused():
    with pytest.raises(StrategyUnsupported) as caught:
        parse("cuda int8 *20+ mapped").check_runs()
    assert caught.value.facts["why"] == "streamed"
