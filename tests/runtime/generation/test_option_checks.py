"""Options that mean nothing are refused by name before anything runs."""

import math

import pytest

from app.errors import RequestRefused
from app.runtime.generation.option_checks import check_options, check_sampling
from app.runtime.protocol.generate_options import GenerateOptions, Outputs
from app.runtime.protocol.prompts import Sampling


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
        ("repetition", 0.0),
        ("repetition", 100.5),
        ("repetition", math.nan),
        ("seed", -1),
        ("seed", 2**63),
    ],
)
def test_values_that_mean_nothing_are_refused_by_name(name, value):
    with pytest.raises(RequestRefused) as refused:
        check_sampling(Sampling(**{name: value}), 10)
    facts = refused.value.facts
    assert facts["why"] == ("sampling" if "most" in facts else "sampling-least")
    assert facts["name"] == name
    assert facts["value"] == value or math.isnan(value)


@pytest.mark.parametrize("token", [-1, 10])
def test_only_tokens_of_the_vocabulary_can_be_banned(token):
    with pytest.raises(RequestRefused):
        check_sampling(Sampling(banned=(token,)), 10)
    check_sampling(Sampling(banned=(0, 9)), 10)


@pytest.mark.parametrize("token", [-1, 10])
def test_only_tokens_of_the_vocabulary_can_have_a_bias(token):
    with pytest.raises(RequestRefused) as refused:
        check_sampling(Sampling(logit_bias=((3, 1.0), (token, 1.0))), 10)
    assert refused.value.facts == {"why": "token", "value": token, "vocabulary": 10}
    check_sampling(Sampling(logit_bias=((0, -1000.0), (9, 1000.0))), 10)


@pytest.mark.parametrize("value", [-1001.0, math.inf, -math.inf, math.nan])
def test_a_bias_is_a_number_that_leaves_logits_finite(value):
    with pytest.raises(RequestRefused) as refused:
        check_sampling(Sampling(logit_bias=((3, value),)), 10)
    assert refused.value.facts["name"] == "logit_bias"


def test_a_limit_and_a_number_of_best_tokens_are_not_negative():
    for options in (GenerateOptions(limit=-1), GenerateOptions(outputs=Outputs(top=-1))):
        with pytest.raises(RequestRefused):
            check_options(options, 10)
    check_options(GenerateOptions(limit=0, outputs=Outputs(top=99)), 10)
