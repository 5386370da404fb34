"""Training: batches, weights, schedule, and a few real steps of a small model."""

import json
import random
from dataclasses import replace
from itertools import islice

import pytest
import torch
from safetensors.torch import load_file

from training import wkv7
from training.build_text import Writer
from training.model import Shape
from training.train import Recipe, Run, batches, share_at, shortened, tensors

RECIPE = Recipe(steps=12, batch_bytes=1024, warmup=4)
SMALL = Shape(layers=2, width=64, head_size=32)


def test_a_batch_holds_about_as_many_bytes_as_the_recipe_says():
    groups = list(islice(batches(Writer(0), RECIPE), 40))
    sizes = [len(group) * max(len(s.data) for s in group) for group in groups]
    assert all(size <= 1024 or len(group) == 1 for size, group in zip(sizes, groups, strict=True))
    assert sum(sizes) > 40 * 500


def test_batches_repeat_with_the_seed():
    first, second = (list(islice(batches(Writer(3), RECIPE), 5)) for _ in range(2))
    assert first == second


def test_a_training_begins_with_short_questions_where_the_recipe_says_so():
    lengths = []
    for pools in (8, 0):
        groups = islice(batches(Writer(5), replace(RECIPE, easy_pools=pools)), 30)
        sizes = [len(sample.data) for group in groups for sample in group]
        lengths.append(sum(sizes) / len(sizes))
    assert lengths[0] < 0.97 * lengths[1]


def test_a_shortened_sample_ends_soon_after_an_answer_has_begun():
    writer, rng = Writer(1), random.Random(1)
    for _ in range(200):
        whole = writer.sample()
        cut = shortened(whole, rng, 1.0)
        assert whole.data.startswith(cut.data)
        question_end = cut.data.rindex(b"Assistant:") + len(b"Assistant:")
        assert 1 <= len(cut.data) - question_end <= 24
        assert sum(cut.answer[question_end:]) == len(cut.data) - question_end


def test_no_sample_is_shortened_at_a_share_of_zero():
    sample = Writer(1).sample()
    assert shortened(sample, random.Random(0), 0.0) is sample


def test_the_beginning_of_every_answer_weighs_most_and_padding_nothing():
    writer = Writer(2)
    group = sorted((writer.sample() for _ in range(6)), key=lambda s: len(s.data))
    inputs, targets, weights, early = tensors(group, RECIPE)
    assert torch.equal(inputs[:, 1:], targets[:, :-1])
    for row, sample in enumerate(group):
        size = len(sample.data)
        assert bytes(targets[row, : size - 1].tolist()) == sample.data[1:]
        assert (weights[row, size - 1 :] == 0).all()
        for at in range(1, size):
            begun = sample.answer[at] and not sample.answer[at - RECIPE.early]
            wanted = RECIPE.early_weight if begun else 1.0
            wanted = wanted if sample.answer[at] else RECIPE.question_weight
            assert weights[row, at - 1] == pytest.approx(wanted)
            assert bool(early[row, at - 1]) == bool(begun)


def test_the_rate_rises_then_falls_to_a_fiftieth():
    recipe = Recipe(steps=100, warmup=10)
    rates = [share_at(step, recipe) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0.02 <= rates[-1] < 0.03


@pytest.mark.skipif(wkv7.compiler() is None, reason="no C++ compiler")
def test_a_few_steps_lower_the_loss_and_export_the_official_names(tmp_path, monkeypatch):
    monkeypatch.setattr(wkv7, "BUILD", tmp_path / "build")
    run = Run(replace(RECIPE, rate=1e-2, matrix_rate=0.02), tmp_path / "out", None, SMALL)
    run.go(every=4)
    lines = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [4, 8, 12]
    assert lines[-1]["loss"] < lines[0]["loss"] - 0.3
    written = load_file(tmp_path / "out" / "rookery-guide.safetensors")
    assert written.keys() == run.model.state_dict().keys()
    assert {value.dtype for value in written.values()} == {torch.bfloat16}
    again = Run(RECIPE, tmp_path / "again", tmp_path / "out" / "average.pth", SMALL)
    kept = torch.load(tmp_path / "out" / "average.pth", weights_only=True)
    assert all(torch.equal(kept[name], v) for name, v in again.model.state_dict().items())
