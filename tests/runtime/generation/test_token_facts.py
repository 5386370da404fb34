"""What is told of a token is what a plain computation in float64 finds."""

import math

import numpy as np
import pytest
import torch

from app.runtime.generation.token_facts import facts_of
from app.runtime.protocol.generate_options import Outputs
from app.runtime.protocol.messages import TokenFacts
from tests.runtime.generation.samplers import logits_of


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


def test_entropy_and_rank_are_those_of_the_raw_logits():
    logits = logits_of(9, 4000)
    log_p = torch.log_softmax(logits.double(), 0)
    facts = facts_of(logits, 77, Outputs(entropy=True, rank=True))
    assert facts.entropy == pytest.approx(float(-(log_p.exp() * log_p).sum()), rel=1e-6)
    assert facts.rank == log_p.argsort(descending=True).tolist().index(77) + 1
    assert (facts.logprob, facts.sampled_logprob, facts.top) == (None, None, ())


def test_the_entropy_of_equals_is_the_logarithm_of_their_number_and_lower_ids_come_first():
    facts = facts_of(torch.zeros(1000), 7, Outputs(entropy=True, rank=True))
    assert facts.entropy == pytest.approx(math.log(1000))
    assert facts.rank == 8


def test_of_a_sure_token_the_entropy_is_zero_also_where_the_others_are_far_below():
    logits = torch.tensor([3e38, -3e38, 0.0])
    facts = facts_of(logits, 0, Outputs(entropy=True, logprob=True, rank=True))
    assert (facts.entropy, facts.logprob, facts.rank) == (0.0, 0.0, 1)


def test_no_log_probability_is_above_zero_however_large_the_logits():
    for seed in range(50):
        logits = logits_of(seed, 300, scale=0.01) + 1000
        logits[7] += 12
        facts = facts_of(logits, 7, Outputs(logprob=True, top=1))
        exact = float(torch.log_softmax(logits.double(), 0)[7])
        assert facts.logprob == pytest.approx(exact, abs=1e-7)
        assert facts.logprob <= 0
        assert facts.top == ((7, facts.logprob),)


def test_the_log_probability_after_the_steps_is_that_of_the_draw():
    facts = facts_of(torch.zeros(9), 3, Outputs(sampled_logprob=True), 0.25)
    assert facts == TokenFacts(3, sampled_logprob=math.log(0.25))
    assert facts_of(torch.zeros(9), 3, Outputs(), 0.25) == TokenFacts(3)
