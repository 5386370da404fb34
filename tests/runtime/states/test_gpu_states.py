"""States of a model on a card, which is emulated: remembered there, and saved like all others."""

import os
from dataclasses import replace

import msgspec
import pytest
import torch

from app.kernels.cuda.ops import CudaOps
from app.runtime.models import build
from app.runtime.planning.strategy import parse
from app.runtime.protocol.prompts import Tokens
from app.runtime.protocol.states import SaveState, StartState
from app.runtime.states.gpu_states import GpuState
from app.runtime.states.state_formats import load
from app.runtime.states.state_key import TokenPrefix
from app.runtime.states.state_store import Trail
from tests.runtime.small_models import Desk, ask, small_model
from tests.support.emulation.device import COMPILER, EmulatedDevice
from tests.support.memory_checkpoint import MemoryCheckpoint

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler for the emulation")

PROMPT = (5, 60, 7, 8, 9)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The same model on the emulated card and on the processor."""
    folder = tmp_path_factory.mktemp("models")
    on_cpu = small_model(folder, layers=1, head_size=64)
    tensors = torch.load(on_cpu.path, weights_only=True)
    checkpoint = MemoryCheckpoint(tensors)
    model = build(checkpoint, CudaOps(EmulatedDevice()), parse("cuda fp32"))
    plan = msgspec.structs.replace(on_cpu.plan, strategy=parse("cuda fp32"))
    return replace(on_cpu, model=model, plan=plan), on_cpu


def test_a_card_remembers_and_saves_what_the_processor_would(pair, tmp_path):
    on_gpu, on_cpu = pair
    desk = Desk(on_gpu)
    tokens, _, _ = desk.run(ask(1, PROMPT, limit=4))
    assert tokens == Desk(on_cpu).run(ask(1, PROMPT, limit=4))[0]
    again = desk.run(ask(2, (*PROMPT, *tokens[:3], 9), limit=2))[2]
    assert (again.prompt_tokens, again.computed_tokens) == (9, 1)
    known = desk.engine._store.longest(Trail(TokenPrefix(on_gpu.point())), (*PROMPT, 1))
    assert isinstance(known.state, GpuState)
    path = os.fsencode(tmp_path / "s")
    desk.run(SaveState(id=3, prompt=Tokens(PROMPT), path=path))
    found = load(tmp_path / "s", on_cpu.model.spec, on_cpu.binding)
    state = on_cpu.model.blank()
    on_cpu.model.forward(torch.tensor([PROMPT]), state)
    torch.testing.assert_close(found.state.wkv, state.wkv, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.state.shift, state.shift, rtol=1e-4, atol=1e-5)
    for opened in pair:
        start = StartState(path)
        begun = Desk(opened).run(ask(1, (9,), limit=2, start=start))
        assert begun[0] == Desk(on_cpu).run(ask(1, (*PROMPT, 9), limit=2))[0]
        assert not begun[2].approximate
