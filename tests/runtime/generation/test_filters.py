"""What may be drawn is what the official package leaves, and nothing else."""

import math

import numpy as np
import pytest
import torch
from rwkv import utils as official

from app.runtime.generation.filters import Distribution
from app.runtime.protocol.prompts import Sampling
from tests.runtime.generation.samplers import logits_of
from tests.support.combinations import each


def official_chances(monkeypatch, logits, how):
    """What the rwkv package's sample_logits draws from."""
    seen = []

    def choice(a, p):
        seen.append(np.asarray(p, np.float64))
        return 0

    monkeypatch.setattr(official.np.random, "choice", choice)
    pipeline = official.PIPELINE.__new__(official.PIPELINE)
    pipeline.sample_logits(logits.clone(), how.temperature, how.top_p, how.top_k)
    return seen[0]


def our_chances(logits, how):
    chances = np.zeros(len(logits))
    kept, drawn = Distribution(how)(logits.numpy())
    chances[kept] = drawn
    return chances


@each(
    seed=range(5),
    size=[1, 2, 50, 3000],
    temperature=[0.0, 0.3, 1.0, 1.2, 2.0],
    top_p_and_top_k=[(0.0, 0), (0.3, 0), (0.85, 0), (0.9, 5), (0.5, 1), (0.99, 100), (0.7, 9999)],
)
def test_the_chances_are_the_official_ones(monkeypatch, seed, size, temperature, top_p, top_k):
    logits = logits_of(seed, size, scale=(0.1, 1, 3, 10, 30)[seed])
    how = Sampling(temperature=temperature, top_p=top_p, top_k=top_k)
    theirs = official_chances(monkeypatch, logits, how)
    ours = our_chances(logits, how)
    assert ((ours > 0) == (theirs > 0)).all() or temperature < 1
    np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=1e-30)


@pytest.mark.parametrize("scale", [0.0, 0.01, 0.5, 2.0])
@pytest.mark.parametrize("top_p", [0.001, 0.3, 0.5, 0.985, 0.9999, 0.99999999])
def test_among_many_that_are_nearly_as_likely_the_same_ones_stay(monkeypatch, scale, top_p):
    logits = logits_of(3, 20000, scale)
    how = Sampling(top_p=top_p)
    theirs = official_chances(monkeypatch, logits, how)
    ours = our_chances(logits, how)
    assert ((ours > 0) == (theirs > 0)).all()
    np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=1e-30)


def test_a_sum_that_float32_rounds_down_by_much_is_reached_all_the_same():
    """Each of a million adds a little less than it has, so that some beyond them are needed."""
    logits = np.full(1_030_011, -13.8, np.float32)
    logits[0], logits[1_000_001:], logits[1_030_001:] = 0.0, -14.0, -20.0
    chances = np.sort(np.exp(logits) / np.exp(logits).sum())[::-1]
    rounded = float(np.cumsum(chances[:1_000_001])[-1])
    top_p = rounded + 0.003
    assert top_p + 0.01 < chances[:1_000_001].sum(dtype=np.float64)
    assert len(Distribution(Sampling(top_p=top_p))(logits)[0]) == 1_030_001
    assert len(Distribution(Sampling(top_p=rounded - 0.003))(logits)[0]) == 1_000_001


def test_tokens_as_likely_as_the_last_one_of_top_p_stay():
    logits = torch.tensor([2.0, 1.0, 1.0, 1.0, -3.0])
    kept, _ = Distribution(Sampling(top_p=0.6))(logits.numpy())
    assert kept.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("top_p", [1.0, 1.5, math.inf, 0.99999999999])
def test_a_top_p_that_cannot_be_reached_filters_nothing(top_p):
    logits = logits_of(1, 3000, scale=0.5)
    assert len(Distribution(Sampling(top_p=top_p))(logits.numpy())[0]) == 3000


def test_top_k_keeps_just_so_many_also_among_equals():
    kept, chances = Distribution(Sampling(top_p=1, top_k=7))(torch.zeros(100).numpy())
    assert len(kept) == 7
    np.testing.assert_allclose(chances, 1 / 7)


def test_min_p_drops_what_is_less_likely_than_its_share_of_the_best():
    logits = torch.log(torch.tensor([0.5, 0.26, 0.24, 1e-9]))
    assert Distribution(Sampling(top_p=1, min_p=0.5))(logits.numpy())[0].tolist() == [0, 1]
    assert Distribution(Sampling(top_p=1, min_p=1))(logits.numpy())[0].tolist() == [0]
    assert len(Distribution(Sampling(top_p=1, min_p=0))(logits.numpy())[0]) == 4
