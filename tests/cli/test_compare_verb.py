"""``rookery compare``: what it tells is what the logits of both models tell."""

import json

import numpy as np
import pytest

from app.cli import run
from tests.runtime.small_models import small_file
from tests.support.checkpoints import random_tensors, write_pth

TEXT = "A text of some length, which both of them read. " * 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    small_file(folder)
    write_pth(folder / "other.pth", random_tensors("6.0", vocabulary=256))
    small_file(folder, name="wide", vocabulary=97)
    (folder / "text.txt").write_text(TEXT)
    return folder


def told(capsys, *arguments):
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *arguments, code=1):
    assert run(arguments) == code
    return capsys.readouterr().err


def logits(folder, capsys, model, strategy):
    out = folder / "logits.npy"
    line = ["score", "--model", str(folder / model), "--strategy", strategy]
    facts = told(capsys, *line, "--text-file", str(folder / "text.txt"), "--logits", str(out))
    rows = np.load(out).astype(np.float64)
    rows -= rows.max(-1, keepdims=True)
    return facts["perplexity"], rows - np.log(np.exp(rows).sum(-1, keepdims=True))


@pytest.mark.parametrize(
    ("sides", "near"),  # few bits round otherwise where a text is cut otherwise
    [
        ((("small.pth", "cpu fp32"), ("small.pth", "cpu int4")), 2e-2),
        ((("small.pth", "cpu fp32"), ("other.pth", "cpu fp32")), 1e-3),
        ((("small.pth", "cpu fp32"), ("other.pth", "cpu bf16")), 2e-2),
    ],
)
def test_the_figures_are_those_of_the_logits_of_both(folder, capsys, sides, near):
    asked = ["compare", "--text-file", str(folder / "text.txt")]
    for model in dict.fromkeys(model for model, _ in sides):
        asked += ["--model", str(folder / model)]
    for strategy in dict.fromkeys(strategy for _, strategy in sides):
        asked += ["--strategy", strategy]
    facts = told(capsys, *asked)
    (perplexity_a, first), (perplexity_b, second) = (
        logits(folder, capsys, *side) for side in sides
    )
    kl = (np.exp(first) * (first - second)).sum(-1)
    assert facts["tokens"] == len(TEXT) == len(kl)
    assert facts["mean_kl"] == pytest.approx(kl.mean(), rel=near, abs=1e-9)
    assert facts["max_kl"] == pytest.approx(kl.max(), rel=near, abs=1e-9)
    assert 0 < facts["mean_kl"] < facts["max_kl"]
    same = (first.argmax(-1) == second.argmax(-1)).mean()
    assert facts["top1_agreement"] == pytest.approx(same, abs=2 / len(kl))
    assert facts["perplexity_a"] == pytest.approx(perplexity_a, rel=near / 10)
    assert facts["perplexity_b"] == pytest.approx(perplexity_b, rel=near / 10)


def test_a_model_does_not_differ_from_itself_and_one_token_predicts_nothing(folder, capsys):
    model = ("--model", str(folder / "small.pth"))
    facts = told(capsys, "compare", *model, *model, "--tokens", "65")
    assert (facts["tokens"], facts["mean_kl"], facts["max_kl"]) == (1, 0, 0)
    assert facts["top1_agreement"] == 1
    assert facts["perplexity_a"] is None
    assert run(["compare", *model, *model, "--tokens", "65,66"]) == 0
    assert "top1_agreement  1" in capsys.readouterr().out


def test_what_cannot_be_compared_is_refused_in_words(folder, capsys):
    small, wide = (("--model", str(folder / name)) for name in ("small.pth", "wide.pth"))
    text = ("--text-file", str(folder / "text.txt"))
    assert "vocabularies" in refused(capsys, "compare", *small, *wide, *text)
    assert "twice" in refused(capsys, "compare", *small, "--strategy", "cpu fp32", *text)
    assert "twice" in refused(capsys, "compare", *small, *small, *small, *text, code=2)
    assert "token" in refused(capsys, "compare", *small, *small, "--tokens", "")
    assert "256" in refused(capsys, "compare", *small, *small, "--tokens", "1,256")


def test_both_must_fit_into_memory_at_once(folder, capsys, monkeypatch):
    monkeypatch.setattr("app.runtime.planning.machine.available_bytes", lambda: 700 << 20)
    small = ("--model", str(folder / "small.pth"))
    said = refused(capsys, "compare", *small, *small, "--tokens", "1,2")
    assert "memory" in said
