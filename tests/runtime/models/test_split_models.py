"""A model whose parts lie on several devices computes what it computes on one."""

import pytest
import torch

from app.kernels import open_ops
from app.kernels.cuda.ops import CudaOps
from app.kernels.portable import PortableOps
from app.runtime.models import build
from app.runtime.models.layers import LayerState
from app.runtime.planning.footprint import footprints
from app.runtime.planning.strategy import parse
from app.runtime.states.split_state import SplitState, parts_of
from app.runtime.states.state import State
from tests.support.checkpoints import GENERATIONS, random_tensors
from tests.support.emulation.device import COMPILER, EmulatedDevice
from tests.support.memory_checkpoint import MemoryCheckpoint
from tests.support.stories import coming_and_going

VOCABULARY = 97
WAYS = (
    "cuda fp32 *1 -> cpu fp32",
    "cpu fp32 *1 -> cuda fp32 *1 -> cpu fp32",
    "cuda fp32 *3 -> cpu fp32",
    "cuda fp32; head cpu fp32; embedding cpu fp32",
    "cuda fp32 *2 -> cpu fp32; head cuda fp32",
)
"""Of a model of three layers; in the third the processor has the head alone."""


def checkpoint_of(generation, **sizes):
    sizes = {"layers": 3, "width": 64, "head_size": 16, "vocabulary": VOCABULARY} | sizes
    return MemoryCheckpoint(random_tensors(generation, **sizes))


def two_processors(make=lambda: open_ops("cpu")):
    """Two devices with operations of their own, which know nothing of each other."""
    return {"cpu": make(), "cuda": make()}


def close(found, wanted, tolerance=1e-5):
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() <= tolerance * wanted.abs().max()


@pytest.mark.parametrize(
    ("generation", "way"),
    [*((generation, WAYS[0]) for generation in GENERATIONS), *(("7.0", way) for way in WAYS[1:])],
)
def test_texts_come_and_go_as_in_the_whole_model(generation, way):
    checkpoint = checkpoint_of(generation)
    whole = build(checkpoint, open_ops("cpu"), parse("cpu fp32"))
    split = build(checkpoint, two_processors(), parse(way))
    assert len(split.runners) > 1
    for found, wanted in zip(*map(coming_and_going, (split, whole)), strict=True):
        close(found, wanted)


@pytest.mark.parametrize("make", [lambda: open_ops("cpu"), PortableOps])
@pytest.mark.parametrize("way", [WAYS[0], WAYS[2]])
def test_steps_positions_vectors_and_repeated_texts_are_those_of_the_whole_model(way, make):
    checkpoint, tokens = checkpoint_of("7.0"), torch.arange(2 * 11).reshape(2, 11)
    models = [
        build(checkpoint, make(), parse("cpu fp32")),
        build(checkpoint, two_processors(make), parse(way)),
    ]
    found = []
    for model in models:
        said, (one, other, third) = [], (model.blank(2) for _ in range(3))
        *steps, last = model.reading(tokens, one)
        assert steps == [None] * 3
        said.append(last.logits)
        for told in model.positions(tokens, other):
            said += [] if told is None else [told.hidden, told.logits]
        hidden = model.hidden(tokens, third)
        said += [hidden, model.logits(hidden), model.hidden(tokens[:, :1], third)]
        said.append(model.forward(tokens[:, 1:2], third, alike=True))
        said.append(model.forward(tokens, third, exact=True, every=True))
        found.append(said)
    for mine, wanted in zip(*found, strict=True):
        close(mine, wanted)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_each_layer_computes_in_the_format_of_its_segment(generation):
    """Against the layers of whole models, taken one by one."""
    checkpoint, tokens, ops = checkpoint_of(generation), torch.arange(9)[None], PortableOps()
    text = "cpu bf16 *1 -> cpu int8 *1 -> cpu int4; head cpu bf16; embedding cpu fp32"
    mixed = build(checkpoint, ops, parse(text))
    assert len(mixed.runners) == 1
    whole = {
        form: build(checkpoint, ops, parse(f"cpu {form}"))
        for form in ("bf16", "int8", "int4", "fp32")
    }
    x, first = whole["fp32"].runners[0].enter((tokens,)).x, []
    views = State.blank(checkpoint.spec).views
    for i, form in enumerate(("bf16", "int8", "int4")):
        layer = LayerState(*views[i], first)
        for half in whole[form].blocks[i]:
            half(x, layer)
    last = whole["bf16"].runners[-1]
    wanted = last.logits(ops.norm(x, last.head.norm))
    assert torch.equal(mixed.forward(tokens, mixed.blank(), every=True), wanted)


@pytest.mark.parametrize("generation", ["4", "6.0", "7.0"])
def test_a_state_goes_from_the_split_model_to_the_whole_one_and_back(generation):
    checkpoint, tokens = checkpoint_of(generation), torch.arange(8)[None]
    whole = build(checkpoint, open_ops("cpu"), parse("cpu fp32"))
    split = build(checkpoint, two_processors(), parse(WAYS[1]))
    state = split.blank()
    assert isinstance(state, SplitState)
    assert [len(part.shift) for part in parts_of(state)] == [1, 1, 1]
    split.forward(tokens, state)
    there = whole.place(state.host())
    back = split.place(there.clone())
    assert torch.equal(back.host().wkv, state.host().wkv)
    assert state.nbytes == there.nbytes == State.blank(checkpoint.spec).nbytes
    wanted = whole.forward(tokens, there)
    for one in (state, back):
        close(split.forward(tokens, one), wanted)


def test_a_start_state_in_the_file_begins_the_texts_of_every_part():
    tensors = random_tensors("7.0", layers=3, width=64, head_size=16, vocabulary=VOCABULARY)
    for layer in range(3):
        tensors[f"blocks.{layer}.att.time_state"] = torch.randn(4, 16, 16)
    checkpoint, tokens = MemoryCheckpoint(tensors), torch.arange(5)[None].repeat(2, 1)
    whole = build(checkpoint, open_ops("cpu"), parse("cpu fp32"))
    split = build(checkpoint, two_processors(), parse(WAYS[0]))
    assert torch.equal(split.blank(2).host().wkv, whole.blank(2).wkv)
    close(split.forward(tokens, split.blank(2)), whole.forward(tokens, whole.blank(2)))


def test_tokens_are_run_again_from_captures_of_each_part():
    model = build(checkpoint_of("7.0"), two_processors(), parse(WAYS[0]))
    if model.ops.name == "portable":
        pytest.skip("the native library is not built here")
    state = model.blank()
    for token in range(3):
        model.forward(torch.tensor([[token]]), state)
    assert [len(runner._logits._known) for runner in model.runners] == [1, 1]


@pytest.mark.parametrize("generation", ["4", "6.0", "7.0"])
def test_what_lies_on_each_device_is_what_was_planned_for_it(generation):
    checkpoint = checkpoint_of(generation, layers=4, width=512, head_size=64, vocabulary=700)
    for text in ("cuda fp16 *3 -> cpu int8", "cuda int4 *2 -> cpu fp32; embedding cpu bf16"):
        model = build(checkpoint, two_processors(), parse(text))
        planned = footprints(checkpoint.spec, parse(text))
        assert list(planned) == ["cuda", "cpu"]
        for device, held in model.resident_bytes.items():
            assert held <= planned[device].weights <= 1.3 * held
        kept = [part.nbytes for part in parts_of(model.blank())]
        assert kept == [part.state for part in planned.values()]


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")
@pytest.mark.parametrize(
    ("generation", "way"), [("4", WAYS[0]), ("6.0", WAYS[2]), ("7.0", WAYS[1])]
)
def test_a_card_and_the_processor_share_a_model(generation, way):
    checkpoint = checkpoint_of(generation)
    whole = build(checkpoint, PortableOps(), parse("cpu fp32"))
    ops = {"cuda": CudaOps(EmulatedDevice("shuffled")), "cpu": open_ops("cpu")}
    split = build(checkpoint, ops, parse(way))
    for found, wanted in zip(*map(coming_and_going, (split, whole)), strict=True):
        close(found, wanted, 1e-4)


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")
def test_two_cards_share_a_model_and_a_prompt_is_one_step():
    checkpoint, tokens = checkpoint_of("7.0"), torch.arange(9)[None]
    devices = [EmulatedDevice("shuffled") for _ in range(3)]
    whole = build(checkpoint, CudaOps(devices[0]), parse("cuda fp32"))
    ops = {"cuda": CudaOps(devices[1]), "cuda:1": CudaOps(devices[2])}
    split = build(checkpoint, ops, parse("cuda fp32 *2 -> cuda:1 fp32"))
    (last,) = split.reading(tokens, split.blank())
    close(last.logits, whole.forward(tokens, whole.blank()))
    for found, wanted in zip(*map(coming_and_going, (split, whole)), strict=True):
        close(found, wanted)
    for device in devices:
        device.check()
