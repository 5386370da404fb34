"""What the command line says of single tokens: bans and biases, and how likely each one was."""

import json
import math

import numpy as np
import pytest
import torch

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


@pytest.mark.parametrize("chunk", ["1", "3", "256"])
def test_score_tells_of_each_token_what_its_logits_say(model, tmp_path, capsys, chunk):
    tokens, path = [72, 101, 108, 108, 111, 33, 10, 255], tmp_path / "logits.npy"
    line = ("score", "--model", model, "--tokens", ",".join(map(str, tokens)), "--chunk", chunk)
    facts = told(capsys, *line, "--per-token", "--logits", str(path))
    each = facts.pop("per_token")
    assert facts == told(capsys, *line)
    assert facts["tokens"] == len(tokens)
    assert [list(one) for one in each] == [["id", "text", "logprob", "entropy", "rank"]] * 8
    assert [one["id"] for one in each] == tokens
    assert [each[0][name] for name in ("logprob", "entropy", "rank")] == [None] * 3
    wide = torch.log_softmax(torch.from_numpy(np.load(path)).double(), -1)
    for one, known in zip(each[1:], wide, strict=False):
        assert one["logprob"] == pytest.approx(float(known[one["id"]]), abs=1e-5)
        assert one["entropy"] == pytest.approx(float(-(known.exp() * known).sum()), rel=1e-5)
        assert one["rank"] == 1 + int((known > known[one["id"]]).sum())
    mean = math.fsum(one["logprob"] for one in each[1:]) / 7
    assert -mean == pytest.approx(facts["nll"], abs=1e-5)


def test_the_texts_of_the_tokens_together_are_the_text(model, tmp_path, capsys):
    text = "größer 🐦"
    file = tmp_path / "text.txt"
    file.write_text(text, encoding="utf-8")
    line = ("score", "--model", model, "--text-file", str(file), "--per-token")
    texts = [one["text"] for one in told(capsys, *line)["per_token"]]
    assert "".join(texts) == text
    assert texts[2:4] == ["", "ö"]
    cut = ("score", "--model", model, "--tokens", "65,240,159", "--per-token")
    assert [one["text"] for one in told(capsys, *cut)["per_token"]] == ["A", "", "\ufffd"]


def test_without_json_each_token_has_a_line(model, capsys):
    assert run(["score", "--model", model, "--tokens", "65,10", "--per-token"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["id", "logprob", "entropy", "rank", "text"]
    assert lines[1].split() == ["65", "'A'"]
    assert lines[2].endswith("'\\n'")
    assert lines[3].startswith("tokens")
