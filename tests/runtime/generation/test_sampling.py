"""Tokens are chosen as the official package chooses them, and the same seed chooses the same."""

import math
import time
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rwkv import utils as official

from app.errors import NumbersBroken, RequestRefused
from app.runtime.generation.sampling import (
    GREEDY,
    Penalties,
    Sampler,
    check,
    distribution,
    facts_of,
)
from app.runtime.protocol.generate_options import Outputs
from app.runtime.protocol.messages import TokenFacts
from app.runtime.protocol.prompts import Sampling


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
    kept, drawn = distribution(logits.numpy(), how)
    chances[kept] = drawn
    return chances


def logits_of(seed, size=200, scale=3.0):
    return torch.randn(size, generator=torch.Generator().manual_seed(seed)) * scale


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [1, 2, 50, 3000])
@pytest.mark.parametrize("temperature", [0.0, 0.3, 1.0, 1.2, 2.0])
@pytest.mark.parametrize(
    ("top_p", "top_k"),
    [(0.0, 0), (0.3, 0), (0.85, 0), (0.9, 5), (0.5, 1), (0.99, 100), (0.7, 9999)],
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
    assert len(distribution(logits, Sampling(top_p=top_p))[0]) == 1_030_001
    assert len(distribution(logits, Sampling(top_p=rounded - 0.003))[0]) == 1_000_001


def test_tokens_as_likely_as_the_last_one_of_top_p_stay():
    logits = torch.tensor([2.0, 1.0, 1.0, 1.0, -3.0])
    kept, _ = distribution(logits.numpy(), Sampling(top_p=0.6))
    assert kept.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("top_p", [1.0, 1.5, math.inf, 0.99999999999])
def test_a_top_p_that_cannot_be_reached_filters_nothing(top_p):
    logits = logits_of(1, 3000, scale=0.5)
    assert len(distribution(logits.numpy(), Sampling(top_p=top_p))[0]) == 3000


def test_top_k_keeps_just_so_many_also_among_equals():
    kept, chances = distribution(torch.zeros(100).numpy(), Sampling(top_p=1, top_k=7))
    assert len(kept) == 7
    np.testing.assert_allclose(chances, 1 / 7)


def test_min_p_drops_what_is_less_likely_than_its_share_of_the_best():
    logits = torch.log(torch.tensor([0.5, 0.26, 0.24, 1e-9]))
    assert distribution(logits.numpy(), Sampling(top_p=1, min_p=0.5))[0].tolist() == [0, 1]
    assert distribution(logits.numpy(), Sampling(top_p=1, min_p=1))[0].tolist() == [0]
    assert len(distribution(logits.numpy(), Sampling(top_p=1, min_p=0))[0]) == 4


def test_temperature_zero_and_tiny_ones_take_the_best():
    logits = logits_of(3, 500)
    best = int(logits.argmax())
    for temperature in (0.0, 1e-300, GREEDY / 2, GREEDY, 1e-4):
        sampler = Sampler(Sampling(temperature=temperature, top_p=1, seed=1), 500)
        assert [sampler.pick(logits) for _ in range(5)] == [best] * 5


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
    kept, chances = distribution(numbers.numpy(), how)
    assert chances.sum() == pytest.approx(1)
    assert (np.diff(kept) > 0).all()
    with np.errstate(over="ignore"):  # others that float32 cannot tell from the best one may stay
        assert (np.exp(numbers.numpy()[kept] - numbers.max().item()) == 1).any()
    assert Sampler(how, len(logits)).pick(numbers) in kept


def test_tokens_come_as_often_as_their_chances_say():
    logits = torch.log(torch.tensor([0.1, 0.2, 0.3, 0.4]))
    sampler = Sampler(Sampling(top_p=1, seed=11), 4)
    drawn = np.bincount([sampler.pick(logits) for _ in range(20000)], minlength=4) / 20000
    np.testing.assert_allclose(drawn, [0.1, 0.2, 0.3, 0.4], atol=0.012)


def test_the_same_seed_chooses_the_same_tokens():
    def tokens(seed):
        how = Sampling(top_p=0.95, temperature=1.3, presence=0.3, frequency=0.3, seed=seed)
        sampler = Sampler(how, 300)
        return [sampler.pick(logits_of(i, 300)) for i in range(60)]

    assert tokens(5) == tokens(5)
    assert tokens(5) != tokens(6)


def test_a_seed_means_the_same_everywhere():
    sampler = Sampler(Sampling(top_p=1, seed=42), 1000)
    assert [sampler.pick(torch.zeros(1000)) for _ in range(6)] == [639, 25, 275, 223, 736, 676]


def test_a_drawn_seed_is_told_and_repeats_the_text():
    first = Sampler(Sampling(top_p=1), 500)
    told = Sampler(Sampling(top_p=1, seed=first.seed), 500)
    pairs = [(first.pick(logits_of(i, 500)), told.pick(logits_of(i, 500))) for i in range(20)]
    assert all(a == b for a, b in pairs)
    assert Sampler(Sampling(), 5).seed != Sampler(Sampling(), 5).seed


def test_banned_tokens_are_never_chosen():
    logits = torch.tensor([9.0, 8.0, 1.0, 0.0])
    sampler = Sampler(Sampling(temperature=0, banned=(0,)), 4, never={1})
    assert sampler.pick(logits) == 2
    assert logits.tolist() == [9.0, 8.0, 1.0, 0.0]
    hot = Sampler(Sampling(temperature=100, top_p=1, banned=(0, 2), seed=1), 4, never={1})
    assert {hot.pick(logits) for _ in range(50)} == {3}


def test_banning_everything_is_refused():
    sampler = Sampler(Sampling(banned=(0, 1)), 3, never={2})
    with pytest.raises(RequestRefused) as refused:
        sampler.pick(torch.zeros(3))
    assert refused.value.facts == {"why": "all-banned"}


@pytest.mark.parametrize(("value", "found"), [(math.nan, "NaN"), (math.inf, "infinity")])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_broken_numbers_are_a_failure(value, found, temperature):
    logits = logits_of(1, 50)
    logits[17] = value
    with pytest.raises(NumbersBroken) as broken:
        Sampler(Sampling(temperature=temperature), 50).pick(logits)
    assert broken.value.facts == {"found": found}
    with pytest.raises(NumbersBroken):
        facts_of(logits, 3, Outputs(top=5))


class FixedModel:
    """Stands where the official pipeline wants a model: logits by step, whatever the tokens."""

    def __init__(self, steps):
        self._steps = iter(steps)

    def forward(self, tokens, state):
        return next(self._steps).clone(), state


class Letters:
    """A vocabulary of letters, digits and blanks for the official pipeline."""

    words = "abcdefgh0123 \t"

    def encode(self, text):
        return [0]

    def decode(self, ids):
        return "".join(self.words[i] for i in ids)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("presence", "frequency", "decay"), [(0.4, 0.4, 0.996), (0.0, 2.0, 0.5), (3.0, 0.0, 1.0)]
)
def test_penalties_are_the_official_ones(seed, presence, frequency, decay):
    size = len(Letters.words)
    steps = [logits_of(100 * seed + i, size, scale=1.0) for i in range(80)]
    pipeline = official.PIPELINE.__new__(official.PIPELINE)
    pipeline.model, pipeline.tokenizer = FixedModel(steps), Letters()
    pipeline.encode = Letters().encode
    told = official.PIPELINE_ARGS(
        temperature=0,
        alpha_presence=presence,
        alpha_frequency=frequency,
        alpha_decay=decay,
        token_ban=[4],
    )
    theirs = pipeline.generate("", token_count=80, args=told)
    how = Sampling(temperature=0, presence=presence, frequency=frequency, decay=decay, banned=(4,))
    sampler = Sampler(how, size, uncounted={i for i in range(size) if i >= 8})
    ours = "".join(Letters.words[sampler.pick(logits)] for logits in steps)
    assert ours == theirs
    assert len(set(ours)) > 4


def test_penalties_of_very_many_tokens_are_all_kept():
    penalties = Penalties(Sampling(presence=1, frequency=1, decay=1), ())
    for token in [*range(1000), 7]:
        penalties.count(token)
    logits = np.zeros(1001, np.float32)
    penalties.apply(logits)
    assert logits[7] == -3
    assert logits[1000] == 0
    assert (np.delete(logits, [7, 1000]) == -2).all()


def test_log_probabilities_are_those_of_the_raw_logits():
    logits = logits_of(8, 4000)
    expected = torch.log_softmax(logits.double(), 0)
    facts = facts_of(logits, 1234, Outputs(logprob=True, top=6))
    assert facts.token == 1234
    assert facts.logprob == pytest.approx(float(expected[1234]), abs=1e-5)
    best = torch.topk(expected, 6)
    assert [token for token, _ in facts.top] == best.indices.tolist()
    np.testing.assert_allclose([p for _, p in facts.top], best.values, atol=1e-5)


def test_log_probabilities_of_few_tokens_and_of_equals():
    assert facts_of(torch.tensor([0.0, 1.0]), 0, Outputs()) == TokenFacts(0)
    assert len(facts_of(torch.tensor([0.0, 1.0]), 0, Outputs(top=50)).top) == 2
    assert [token for token, _ in facts_of(torch.zeros(9), 0, Outputs(top=3)).top] == [0, 1, 2]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -0.1),
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("top_p", -1.0),
        ("top_p", math.nan),
        ("top_k", -1),
        ("min_p", 1.1),
        ("min_p", -0.5),
        ("presence", math.inf),
        ("frequency", math.nan),
        ("decay", 1.5),
        ("decay", -0.1),
        ("seed", -1),
        ("seed", 2**63),
    ],
)
def test_values_that_mean_nothing_are_refused_by_name(name, value):
    with pytest.raises(RequestRefused) as refused:
        Sampler(Sampling(**{name: value}), 10)
    facts = refused.value.facts
    assert (facts["why"], facts["name"]) == ("sampling", name)
    assert facts["value"] == value or math.isnan(value)


@pytest.mark.parametrize("token", [-1, 10])
def test_only_tokens_of_the_vocabulary_can_be_banned(token):
    with pytest.raises(RequestRefused):
        check(Sampling(banned=(token,)), 10)
    check(Sampling(banned=(0, 9)), 10)


def test_a_pick_takes_about_a_millisecond_at_most():
    logits = logits_of(2, 65536, scale=3)
    how = Sampling(top_p=0.85, top_k=100, presence=0.2, frequency=0.2, temperature=0.9, seed=1)
    sampler = Sampler(how, 65536, never=range(65530, 65536))
    clock = [time.perf_counter()]
    for _ in range(60):
        sampler.pick(logits)
        clock.append(time.perf_counter())
    assert min(b - a for a, b in pairwise(clock)) < 0.003
