"""Models whose layers are read from the file for each token: the same numbers, in less memory."""

import gc
import shutil
import subprocess
import sys

import pytest
import torch

from app.errors import ChangedCheckpoint, DamagedCheckpoint, StrategyUnsupported
from app.kernels import open_ops
from app.kernels.portable import PortableOps
from app.runtime.checkpoint import open_checkpoint
from app.runtime.loading.packed_copy import write_packed
from app.runtime.models import build
from app.runtime.planning.strategy import parse
from tests.support.checkpoints import GENERATIONS, random_tensors, write_pth, write_safetensors
from tests.support.memory_checkpoint import MemoryCheckpoint
from tests.support.stories import coming_and_going

VOCABULARY = 97
SOME = "*1+; embedding cpu mapped"
WAYS = [
    *((generation, SOME) for generation in GENERATIONS),
    *(("7.0", way) for way in ("*0+", "*1+", "*3+", "; head cpu mapped", "; embedding cpu mapped")),
]


def model_of(path, text, ops=None):
    with open_checkpoint(path) as checkpoint:
        return build(checkpoint, ops or open_ops("cpu"), parse(text))


def written(folder, generation):
    tensors = random_tensors(generation, layers=3, width=64, vocabulary=VOCABULARY)
    return write_pth(folder / "model.pth", tensors)


@pytest.fixture(params=["4", "7.0"])
def file(request, tmp_path):
    return written(tmp_path, request.param)


def tokens(batch, steps):
    random = torch.Generator().manual_seed(steps)
    return torch.randint(0, VOCABULARY, (batch, steps), generator=random)


def close(found, wanted, tolerance=1e-5):
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() <= tolerance * wanted.abs().max()


@pytest.mark.parametrize(("generation", "way"), WAYS)
def test_prompts_and_tokens_are_those_of_the_whole_model(tmp_path, generation, way):
    file = written(tmp_path, generation)
    whole, streamed = model_of(file, "cpu fp32"), model_of(file, f"cpu fp32 {way}")
    states = [model.blank(2) for model in (whole, streamed)]
    for steps in (40, 1, 1, 1, 7, 1):
        wanted, found = (
            model.forward(tokens(2, steps), state, every=True)
            for model, state in zip((whole, streamed), states, strict=True)
        )
        close(found, wanted)
    close(states[1].wkv, states[0].wkv)
    assert streamed.weights_bytes == pytest.approx(whole.weights_bytes, rel=0.3)


def test_a_model_that_was_given_up_leaves_the_file_open_for_the_next_one(file):
    with open_checkpoint(file) as checkpoint:
        for text in ("cpu fp32 *2+", "cpu fp32 *1+"):
            model = build(checkpoint, open_ops("cpu"), parse(text))
            model.forward(tokens(1, 3), model.blank())
            source = checkpoint._container.sources[0]
            del model
            gc.collect()
        assert not source._file.closed
        last = build(checkpoint, open_ops("cpu"), parse("cpu fp32 *1+"))
    assert last.forward(tokens(1, 3), last.blank()).isfinite().all()


def test_texts_come_and_go_and_are_copied(file):
    pair = model_of(file, "cpu fp32"), model_of(file, "cpu fp32 *1+")
    for wanted, found in zip(*map(coming_and_going, pair), strict=True):
        close(found, wanted)


def test_scores_hidden_vectors_and_steps_are_the_same(file):
    pair = model_of(file, "cpu fp32"), model_of(file, "cpu fp32 *0+")
    wanted, found = (
        [one for one in model.positions(tokens(1, 300), model.blank()) if one is not None]
        for model in pair
    )
    for one, other in zip(found, wanted, strict=True):
        close(one.logits, other.logits)
        close(one.hidden, other.hidden)
    wanted, found = (list(model.reading(tokens(1, 30), model.blank()))[-1].logits for model in pair)
    close(found, wanted)
    wanted, found = (model.hidden(tokens(1, 30), model.blank()) for model in pair)
    close(found, wanted)


@pytest.mark.parametrize(
    ("form", "stored"),
    [("bf16", torch.bfloat16), ("bf16", torch.float32), ("fp16", torch.bfloat16)],
)
def test_weights_of_another_type_are_converted_as_they_come(tmp_path, form, stored):
    tensors = random_tensors("7.0", layers=2, width=64, vocabulary=VOCABULARY, dtype=stored)
    path = write_safetensors(tmp_path / "model.safetensors", tensors)
    pair = model_of(path, f"cpu {form}"), model_of(path, f"cpu {form} *0+")
    wanted, found = (model.forward(tokens(1, 1), model.blank()) for model in pair)
    close(found, wanted, 1e-2)


def test_plain_torch_streams_too(file):
    plain = model_of(file, "cpu fp32 *1+", PortableOps())
    whole = model_of(file, "cpu fp32")
    for steps in (20, 1):
        wanted, found = (m.forward(tokens(2, steps), m.blank(2)) for m in (whole, plain))
        close(found, wanted, 1e-4)


def test_what_lies_nowhere_as_it_is_used_is_made_each_time():
    tensors = random_tensors("6.0", layers=3, width=64, vocabulary=VOCABULARY)
    pair = [
        build(MemoryCheckpoint(tensors), open_ops("cpu"), parse(text))
        for text in ("cpu fp32", "cpu fp32 *0+")
    ]
    wanted, found = (model.forward(tokens(2, 9), model.blank(2)) for model in pair)
    close(found, wanted)


@pytest.fixture(scope="module", params=["int8", "int4"])
def packed(request, tmp_path_factory):
    """A file, a packed copy of it, and its format."""
    tensors = random_tensors("5.2", layers=3, width=512, head_size=64, vocabulary=3001)
    path = write_pth(tmp_path_factory.mktemp("packed") / "model.pth", tensors)
    copy = path.with_name("copy.safetensors")
    with open_checkpoint(path) as checkpoint:
        write_packed(checkpoint, open_ops("cpu"), parse(f"cpu {request.param}"), copy)
    return path, copy, request.param


def test_a_packed_copy_is_streamed_as_it_lies(packed):
    _, copy, form = packed
    pair = model_of(copy, f"cpu {form}"), model_of(copy, f"cpu {form} *1+; embedding cpu mapped")
    assert pair[1].resident_bytes["cpu"] < pair[0].resident_bytes["cpu"]
    for steps in (30, 1):
        wanted, found = (model.forward(tokens(2, steps), model.blank(2)) for model in pair)
        assert torch.equal(found, wanted)


def test_what_would_be_packed_at_each_reading_is_refused(packed):
    path, copy, form = packed
    for file, text in ((path, f"cpu {form} *0+"), (copy, "cpu int8 *1+")):
        if file == copy and form == "int8":
            continue
        with pytest.raises(StrategyUnsupported) as caught:
            model_of(file, text)
        assert caught.value.facts["why"] == "unpacked"


def _damage(path, name):
    """Change one byte in the middle of a packed tensor."""
    with open_checkpoint(path) as checkpoint:
        codes, _ = checkpoint.packed_stretches(name)
        place = codes.begin + codes.nbytes // 2
    with open(path, "r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 255]))


@pytest.mark.parametrize("name", ["head.weight", "blocks.2.ffn.key.weight"])
def test_a_damaged_packed_matrix_is_noticed_when_it_first_comes(packed, tmp_path, name):
    _, whole, form = packed
    copy = tmp_path / "damaged.safetensors"
    shutil.copyfile(whole, copy)
    _damage(copy, name)
    model = model_of(copy, f"cpu {form} *0+")
    for _ in range(2):
        with pytest.raises(DamagedCheckpoint):
            model.forward(tokens(1, 1), model.blank())


def test_a_file_that_is_written_to_ends_its_use(file):
    model = model_of(file, "cpu fp32 *0+")
    model.forward(tokens(1, 1), model.blank())
    with open(file, "r+b") as same:
        same.seek(file.stat().st_size // 2)
        same.write(b"other numbers")
    with pytest.raises(ChangedCheckpoint):
        model.forward(tokens(1, 1), model.blank())


@pytest.mark.skipif(sys.platform == "win32", reason="an open file keeps its name there")
def test_a_model_outlives_its_files_name(file):
    model = model_of(file, "cpu fp32 *0+")
    wanted = model.forward(tokens(1, 5), model.blank())
    file.unlink()
    assert torch.equal(model.forward(tokens(1, 5), model.blank()), wanted)


_RUN = """
import sys, torch
from app.kernels import open_ops
from app.runtime.checkpoint import open_checkpoint
from app.runtime.models import build
from app.runtime.planning.footprint import footprint
from app.runtime.planning.strategy import parse
from app.system.memory import peak_memory_bytes

way = parse(sys.argv[2])
ops = open_ops("cpu")
with open_checkpoint(sys.argv[1]) as checkpoint:
    planned = footprint(checkpoint.spec, way, checkpoint.dtype)
    before = peak_memory_bytes()
    model = build(checkpoint, ops, way)
state = model.blank()
for token in range(4):
    model.forward(torch.tensor([[token]]), state)
print(peak_memory_bytes() - before, planned.weights, planned.total, model.weights_bytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process alone")
def test_no_more_is_in_memory_than_the_plan_says(tmp_path):
    """Who mapped the file, or read all of it, would hold four times as much."""
    tensors = random_tensors(
        "7.0", layers=20, width=512, head_size=64, vocabulary=9000, dtype=torch.bfloat16
    )
    path = write_pth(tmp_path / "a.pth", tensors)
    command = [sys.executable, "-c", _RUN, str(path), "cpu bf16 *0+"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    grown, weights, planned, whole = map(int, done.stdout.split())
    assert weights < 0.4 * whole
    assert grown <= planned < whole
