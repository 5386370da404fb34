"""What the command line says of single tokens: bans and biases."""

import json

import pytest

from app.cli import run
from tests.runtime.small_models import small_file


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(small_file(tmp_path_factory.mktemp("models")))


def told(capsys, *arguments):
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_bans_biases_and_the_repetition_penalty_reach_the_sampling(model, capsys):
    line = ("generate", "--model", model, "--tokens", "65,66,67", "--max-tokens", "4")
    line = (*line, "--temperature", "0", "--presence", "0", "--frequency", "0")
    for bias in ("95=990", "96=950", "97=900", "98=800"):
        line = (*line, "--logit-bias", bias)
    found = told(capsys, *line, "--repetition-penalty", "100", "--ban", "96,1", "--ban", "95")
    assert found["tokens"] == [97, 98, 97, 97]


def test_a_token_that_the_model_has_not_is_refused_in_words(model, capsys):
    assert run(["generate", "--model", model, "--tokens", "1", "--ban", "256"]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert "Token 256 is not among the 256 of this model." in printed.err
