"""What every model promises whatever its generation: batches, refusals, bf16, frugal loading."""

import subprocess
import sys

import pytest
import torch

from app.errors import OutOfMemory, RequestRefused
from app.kernels import open_ops
from app.runtime import models
from app.runtime.checkpoint import open_checkpoint
from app.runtime.models import build
from app.runtime.planning.machine import Machine
from app.runtime.planning.plan import SPARE_BYTES, plans_for
from app.runtime.planning.strategy import parse
from tests.support.checkpoints import GENERATIONS, random_tensors, write_pth
from tests.support.memory_checkpoint import MemoryCheckpoint

VOCABULARY = 97


def _model(tensors, strategy="cpu fp32", progress=None):
    return build(MemoryCheckpoint(tensors), open_ops("cpu"), parse(strategy), progress)


@pytest.fixture(params=GENERATIONS)
def tensors(request):
    return random_tensors(request.param, layers=3, width=64, head_size=16, vocabulary=VOCABULARY)


def _tokens(batch, steps):
    random = torch.Generator().manual_seed(steps)
    return torch.randint(0, VOCABULARY, (batch, steps), generator=random)


def _close(found, wanted):
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() <= 1e-4 * wanted.abs().max()


@pytest.mark.parametrize("steps", [1, 40])
def test_a_batch_equals_its_rows(tensors, steps):
    model, tokens = _model(tensors), _tokens(5, steps)
    together = model.blank(5)
    for _ in range(2):
        logits = model.forward(tokens, together, every=True)
    for row in range(5):
        alone = model.blank()
        for _ in range(2):
            wanted = model.forward(tokens[row : row + 1], alone, every=True)
        _close(logits[row], wanted[0])
        _close(together.rows([row]).wkv, alone.wkv)
        _close(together.rows([row]).shift, alone.shift)


def test_a_batch_too_long_for_one_piece_equals_its_rows(tensors):
    model, tokens = _model(tensors), _tokens(7, 90)
    together, alone = model.blank(7), model.blank()
    logits = model.forward(tokens, together, every=True)
    _close(logits[3], model.forward(tokens[3:4], alone, every=True)[0])
    _close(together.rows([3]).wkv, alone.wkv)


def test_the_last_logits_are_those_of_every_token(tensors):
    model, tokens = _model(tensors), _tokens(2, 20)
    one, other = model.blank(2), model.blank(2)
    every, last = model.forward(tokens, one, every=True), model.forward(tokens, other)
    assert every.shape == (2, 20, VOCABULARY)
    assert last.shape == (2, VOCABULARY)
    assert last.dtype == every.dtype == torch.float32
    _close(last, every[:, -1])
    for found, wanted in zip(other.views, one.views, strict=True):
        for part, whole in zip(found, wanted, strict=True):
            assert torch.equal(part, whole)


def test_the_same_tokens_give_the_same_bits(tensors):
    model, tokens = _model(tensors), _tokens(2, 20)
    one, other = (model.forward(tokens, model.blank(2), every=True) for _ in range(2))
    assert torch.equal(one, other)


@pytest.mark.parametrize("wrong", [-1, VOCABULARY, 1 << 40])
def test_a_token_outside_the_vocabulary_is_refused_and_changes_nothing(tensors, wrong):
    model = _model(tensors)
    state = model.blank()
    with pytest.raises(RequestRefused) as caught:
        model.forward(torch.tensor([[1, wrong, 2]]), state)
    assert caught.value.facts == {"why": "token", "value": wrong, "vocabulary": VOCABULARY}
    assert torch.equal(state.shift, model.blank().shift)


def test_no_token_at_all_is_refused(tensors):
    model = _model(tensors)
    with pytest.raises(RequestRefused):
        model.forward(torch.empty((1, 0), dtype=torch.long), model.blank())


def test_a_state_of_another_batch_is_a_bug(tensors):
    model = _model(tensors)
    with pytest.raises(ValueError, match="3 texts"):
        model.forward(_tokens(2, 4), model.blank(3))


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
@pytest.mark.parametrize("steps", [1, 40])
def test_broken_weights_show_in_the_logits(tensors, broken, steps):
    for name, tensor in tensors.items():
        if name.endswith(("att.key.weight", "time_decay", "att.w0")):
            tensor.view(-1)[3] = broken
    model = _model(tensors)
    state = model.blank()
    model.forward(_tokens(1, steps), state)
    assert not torch.isfinite(model.forward(_tokens(1, 1), state)).all()


def test_progress_tells_every_layer(tensors):
    seen = []
    _model(tensors, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_what_a_token_reads_is_everything_but_the_table(tensors):
    whole = sum(tensor.nbytes for name, tensor in tensors.items() if name != "emb.weight")
    assert whole <= _model(tensors).weights_bytes <= 1.25 * whole


def test_a_model_that_does_not_fit_is_refused_before_anything_is_read(tensors, monkeypatch):
    class Untouchable(MemoryCheckpoint):
        def read(self, name, dtype=None):
            raise AssertionError(name)

    monkeypatch.setattr(models, "available_bytes", lambda: 1000)
    with pytest.raises(OutOfMemory) as caught:
        build(Untouchable(tensors), open_ops("cpu"), parse("cpu fp32"))
    assert caught.value.facts["free_bytes"] == 1000
    assert caught.value.facts["needed_bytes"] > 1000
    assert caught.value.facts["strategy"] == "cpu fp32"


def test_what_is_planned_for_the_free_memory_is_never_refused(monkeypatch):
    checkpoint = MemoryCheckpoint(random_tensors(vocabulary=3000, dtype=torch.bfloat16))
    spec, dtype = checkpoint.spec, checkpoint.dtype
    large = Machine(memory_total=1 << 40, memory_available=1 << 40)
    planned = plans_for(spec, dtype, large).recommended
    assert planned.strategy == parse("cpu fp32")
    least = planned.peak_bytes["cpu"] + SPARE_BYTES
    just = Machine(memory_total=1 << 40, memory_available=least)
    assert plans_for(spec, dtype, just).recommended.strategy == planned.strategy
    monkeypatch.setattr(models, "available_bytes", lambda: planned.peak_bytes["cpu"])
    build(checkpoint, open_ops("cpu"), planned.strategy)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_16_bit_weights_stay_close_to_full_precision(generation):
    tensors = random_tensors(
        generation, layers=4, width=128, head_size=64, vocabulary=3000, dtype=torch.bfloat16
    )
    tokens = torch.randint(0, 3000, (2, 60), generator=torch.Generator().manual_seed(1))
    exact, half = (
        model.forward(tokens, model.blank(2), every=True).log_softmax(-1)
        for model in (_model(tensors), _model(tensors, "cpu bf16"))
    )
    divergence = (exact.exp() * (exact - half)).sum(-1)
    assert divergence.mean() < 2e-3
    assert (exact.argmax(-1) == half.argmax(-1)).float().mean() > 0.93


@pytest.mark.parametrize("generation", GENERATIONS)
def test_16_bit_decode_and_prefill_stay_close(generation):
    tensors = random_tensors(generation, layers=3, width=64, vocabulary=VOCABULARY)
    model, tokens = _model(tensors, "cpu bf16"), _tokens(1, 30)
    state, many = model.blank(), model.blank()
    for token in tokens[0]:
        one = model.forward(token.view(1, 1), state)
    all_at_once = model.forward(tokens, many)
    assert (one - all_at_once).abs().max() < 0.1 * all_at_once.abs().max()


def test_a_layer_without_its_unused_value_chain_is_read(tensors):
    for name in ("v0", "v1", "v2"):
        tensors.pop(f"blocks.0.att.{name}", None)
    model = _model(tensors)
    assert torch.isfinite(model.forward(_tokens(1, 5), model.blank())).all()


def test_attention_may_be_narrower_than_the_model(tensors):
    generation = MemoryCheckpoint(tensors).spec.generation
    narrow = random_tensors(generation, layers=2, width=64, attention_width=32, head_size=16)
    model, tokens = _model(narrow), _tokens(2, 20)
    at_once = model.forward(tokens, model.blank(2))
    state = model.blank(2)
    for column in tokens.T:
        logits = model.forward(column[:, None], state)
    _close(logits, at_once)


_LOAD = """
import sys
from app.kernels import open_ops
from app.runtime.checkpoint import open_checkpoint
from app.runtime.models import build
from app.system.memory import peak_memory_bytes
from app.runtime.planning.strategy import parse

with open_checkpoint(sys.argv[1]) as checkpoint:
    before = peak_memory_bytes()
    model = build(checkpoint, open_ops("cpu"), parse(sys.argv[2]))
print(peak_memory_bytes() - before, sum(model.resident_bytes.values()))
"""


# Freed memory that malloc keeps for the next tensor (64 MB, see app/kernels/allocator.py), its
# fragments, and one block in the file's type; a second copy of the smaller model is 176 MB.
_MORE_THAN_THE_WEIGHTS = 150 << 20


@pytest.mark.parametrize("strategy", ["cpu fp32", "cpu bf16"])
def test_loading_never_holds_the_model_twice(tmp_path, strategy):
    tensors = random_tensors("7.0", layers=2, width=1536, head_size=64, vocabulary=9000)
    path = write_pth(tmp_path / "a.pth", {n: t.bfloat16() for n, t in tensors.items()})
    command = [sys.executable, "-c", _LOAD, str(path), strategy]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    grown, held = map(int, done.stdout.split())
    assert held > _MORE_THAN_THE_WEIGHTS
    assert grown <= held + _MORE_THAN_THE_WEIGHTS


def test_a_file_gives_what_memory_gives(tensors, tmp_path):
    tokens = _tokens(1, 20)
    with open_checkpoint(write_pth(tmp_path / "a.pth", tensors)) as checkpoint:
        model = build(checkpoint, open_ops("cpu"), parse("cpu fp32"))
    stand_in = _model(tensors)
    found = model.forward(tokens, model.blank())
    assert torch.equal(found, stand_in.forward(tokens, stand_in.blank()))
