"""The same seed chooses the same tokens, each as often as its chance says."""

import math
import time
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import NumbersBroken, RequestRefused
from app.runtime.generation.filters import GREEDY, Distribution
from app.runtime.generation.token_facts import facts_of
from app.runtime.protocol.generate_options import Outputs
from app.runtime.protocol.prompts import Sampling
from tests.runtime.generation.samplers import logits_of, sampler_of


def test_temperature_zero_and_tiny_ones_take_the_best():
    logits = logits_of(3, 500)
    best = int(logits.argmax())
    for temperature in (0.0, 1e-300, GREEDY / 2, GREEDY, 1e-4):
        sampler = sampler_of(Sampling(temperature=temperature, top_p=1, seed=1))
        assert [sampler.pick(logits).token for _ in range(5)] == [best] * 5


@settings(deadline=None)
@given(
    logits=st.lists(
        st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=40
    ),
    temperature=st.floats(0, 1000),
    top_p=st.floats(0, 2),
    top_k=st.integers(0, 50),
    min_p=st.floats(0, 1),
)
def test_any_finite_logits_give_chances_that_add_up(logits, temperature, top_p, top_k, min_p):
    how = Sampling(temperature=temperature, top_p=top_p, top_k=top_k, min_p=min_p, seed=3)
    numbers = torch.tensor(logits, dtype=torch.float32)
    kept, chances = Distribution(how)(numbers.numpy())
    assert chances.sum() == pytest.approx(1)
    assert (np.diff(kept) > 0).all()
    with np.errstate(over="ignore"):  # others that float32 cannot tell from the best one may stay
        assert (np.exp(numbers.numpy()[kept] - numbers.max().item()) == 1).any()
    assert sampler_of(how).pick(numbers).token in kept


def test_tokens_come_as_often_as_their_chances_say():
    logits = torch.log(torch.tensor([0.1, 0.2, 0.3, 0.4]))
    sampler = sampler_of(Sampling(top_p=1, seed=11))
    drawn = np.bincount([sampler.pick(logits).token for _ in range(20000)], minlength=4) / 20000
    np.testing.assert_allclose(drawn, [0.1, 0.2, 0.3, 0.4], atol=0.012)


def test_the_same_seed_chooses_the_same_tokens():
    def tokens(seed):
        how = Sampling(top_p=0.95, temperature=1.3, presence=0.3, frequency=0.3, seed=seed)
        sampler = sampler_of(how)
        return [sampler.pick(logits_of(i, 300)).token for i in range(60)]

    assert tokens(5) == tokens(5)
    assert tokens(5) != tokens(6)


def test_a_seed_means_the_same_everywhere():
    sampler = sampler_of(Sampling(top_p=1, seed=42))
    tokens = [sampler.pick(torch.zeros(1000)).token for _ in range(6)]
    assert tokens == [639, 25, 275, 223, 736, 676]


def test_a_drawn_seed_is_told_and_repeats_the_text():
    first = sampler_of(Sampling(top_p=1))
    told = sampler_of(Sampling(top_p=1, seed=first.seed))
    steps = [logits_of(i, 500) for i in range(20)]
    assert [first.pick(step) for step in steps] == [told.pick(step) for step in steps]
    assert sampler_of(Sampling()).seed != sampler_of(Sampling()).seed


def test_banned_tokens_are_never_chosen():
    logits = torch.tensor([9.0, 8.0, 1.0, 0.0])
    sampler = sampler_of(Sampling(temperature=0, banned=(0,)), never={1})
    assert sampler.pick(logits).token == 2
    assert logits.tolist() == [9.0, 8.0, 1.0, 0.0]
    hot = sampler_of(Sampling(temperature=100, top_p=1, banned=(0, 2), seed=1), never={1})
    assert {hot.pick(logits).token for _ in range(50)} == {3}


def test_banning_everything_is_refused():
    sampler = sampler_of(Sampling(banned=(0, 1)), never={2})
    with pytest.raises(RequestRefused) as refused:
        sampler.pick(torch.zeros(3))
    assert refused.value.facts == {"why": "all-banned"}


@pytest.mark.parametrize(("value", "found"), [(math.nan, "NaN"), (math.inf, "infinity")])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_broken_numbers_are_a_failure(value, found, temperature):
    logits = logits_of(1, 50)
    logits[17] = value
    with pytest.raises(NumbersBroken) as broken:
        sampler_of(Sampling(temperature=temperature)).pick(logits)
    assert broken.value.facts == {"found": found}
    with pytest.raises(NumbersBroken):
        facts_of(logits, 3, Outputs(top=5))


def test_a_pick_takes_about_a_millisecond_at_most():
    logits = logits_of(2, 65536, scale=3)
    how = Sampling(top_p=0.85, top_k=100, presence=0.2, frequency=0.2, temperature=0.9, seed=1)
    sampler = sampler_of(how, never=range(65530, 65536))
    clock = [time.perf_counter()]
    for _ in range(60):
        sampler.pick(logits)
        clock.append(time.perf_counter())
    assert min(b - a for a, b in pairwise(clock)) < 0.003
