"""A text's numbers beside others and alone, and those of many tokens at once and one by one."""

import pytest
import torch

from app.kernels import open_ops
from app.kernels.portable import PortableOps
from app.runtime.models import build
from app.runtime.models.sublayers import AT_ONCE
from app.runtime.planning.strategy import parse
from app.runtime.states.state import stack
from tests.support.checkpoints import GENERATIONS, random_tensors
from tests.support.memory_checkpoint import MemoryCheckpoint

VOCABULARY = 131
FORMATS = ("fp32", "bf16", "fp16", "int8", "int4")
BATCHES = (2, 7, 32)
BACKENDS = {"native": lambda: open_ops("cpu"), "portable": PortableOps}
_STORED = {"fp32": torch.float32, "fp16": torch.float16}


def model_of(generation, form="fp32", backend="native"):
    tensors = random_tensors(
        generation,
        layers=2,
        width=96,
        head_size=32,
        vocabulary=VOCABULARY,
        dtype=_STORED.get(form, torch.bfloat16),
    )
    return build(MemoryCheckpoint(tensors), BACKENDS[backend](), parse(f"cpu {form}"))


def drawn(texts, steps):
    random = torch.Generator().manual_seed(steps)
    return torch.randint(0, VOCABULARY, (texts, steps), generator=random)


def close(found, wanted):
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() <= 1e-4 * wanted.abs().max()


WAYS = [("native", generation) for generation in GENERATIONS]
WAYS += [("portable", "4"), ("portable", "7.0")]


@pytest.mark.parametrize(("backend", "generation"), WAYS)
def test_a_text_comes_to_the_same_bits_in_a_batch_of_any_size(generation, backend):
    for form in FORMATS if backend == "native" else ("bf16", "int8"):
        model, tokens = model_of(generation, form, backend), drawn(33, 6)
        begun = [model.blank() for _ in range(33)]
        for state, row in zip(begun, tokens, strict=True):
            model.forward(row[None, :4], state)
        alone = {}
        for row in (0, 1, 6, 31):
            state = begun[row].clone()
            logits = [model.forward(tokens[None, row, at : at + 1], state)[0] for at in (4, 5)]
            alone[row] = (*(one.clone() for one in logits), state)
        for batch in (*BATCHES, 33):
            state = stack(begun[:batch])
            first, second = (
                model.forward(tokens[:batch, at : at + 1], state, alike=True).clone()
                for at in (4, 5)
            )
            for row, (one, two, after) in alone.items():
                if row < batch:
                    assert torch.equal(first[row], one), (form, batch, row)
                    assert torch.equal(second[row], two), (form, batch, row)
                    assert torch.equal(state.wkv[:, row], after.wkv[:, 0]), (form, batch, row)


@pytest.mark.parametrize("generation", ["6.0", "7.0"])
def test_the_number_of_threads_changes_no_bit(generation):
    before = torch.get_num_threads()
    try:
        for form in ("bf16", "int4"):
            found = []
            for threads in (1, 3):
                torch.set_num_threads(threads)
                model = model_of(generation, form)
                state, tokens = model.blank(), drawn(1, 45)
                logits = [model.forward(tokens[:, :44], state).clone()]
                logits.append(model.forward(tokens[:, 44:], state).clone())
                found.append(torch.cat([*logits, state.wkv.flatten()[None, :200]], 1))
            assert torch.equal(found[0], found[1]), form
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("form", ["bf16", "int4"])
def test_prompts_that_are_read_together_can_come_to_the_bits_that_they_come_to_alone(form):
    model, tokens = model_of("7.0", form), drawn(3, 20)
    together, alone = model.blank(3), model.blank()
    found = model.forward(tokens, together, every=True, alike=True)
    assert torch.equal(found[1], model.forward(tokens[1:2], alone, every=True)[0])
    assert torch.equal(together.wkv[:, 1], alone.wkv[:, 0])


@pytest.mark.parametrize("generation", GENERATIONS)
def test_all_positions_are_those_of_one_token_after_the_other(generation):
    for form in FORMATS:
        model, tokens = model_of(generation, form), drawn(1, 70)
        state = model.blank()
        written = [model.forward(tokens[:, at : at + 1], state).clone() for at in range(70)]
        read = model.blank()
        found = [one for one in model.positions(tokens, read) if one is not None]
        close(torch.cat([one.logits for one in found], 1)[0], torch.cat(written))
        close(read.wkv, state.wkv)
        chunk = model.forward(tokens, model.blank(), every=True, exact=True)
        close(chunk[0], torch.cat(written))


def test_no_more_than_a_few_positions_are_in_memory_and_each_layer_is_a_step():
    model, tokens = model_of("6.0"), drawn(2, 300)
    steps = list(model.positions(tokens, model.blank(2)))
    found = [one for one in steps if one is not None]
    assert [one.logits.shape[0] * one.logits.shape[1] for one in found] == [AT_ONCE, AT_ONCE, 88]
    assert len(steps) == 3 * (model.spec.layers + 1)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("steps", [1, 40])
def test_logits_are_what_the_head_makes_of_the_hidden_vectors(backend, steps):
    model, tokens = model_of("7.0", "bf16", backend), drawn(2, steps)
    for _ in range(2):  # a single token is run again the second time
        hidden = model.hidden(tokens, model.blank(2))
        assert hidden.shape == (2, steps, model.spec.width)
        wanted = model.forward(tokens, model.blank(2), every=True)
        assert torch.equal(model.logits(hidden), wanted)


def test_another_run_between_two_layers_changes_nothing():
    model, tokens = model_of("7.0", "bf16"), drawn(1, 60)
    wanted = [one for one in model.positions(tokens, model.blank()) if one is not None]
    other = model.forward(tokens, model.blank()).clone()
    found = []
    for one in model.positions(tokens, model.blank()):
        assert torch.equal(model.forward(tokens, model.blank()), other)
        found += [] if one is None else [one]
    assert all(torch.equal(a.logits, b.logits) for a, b in zip(found, wanted, strict=True))
