"""``--adapter`` and ``--alpha`` of the verbs that run a model."""

import json

import pytest

from app.cli import run
from app.cli.choices import adapters_of
from app.cli.options import parse
from tests.support import adapters
from tests.support.checkpoints import random_tensors, write_pth


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapters")
    base = random_tensors("7.0", vocabulary=256, seed=4)
    file, merged = adapters.lora(base)
    write_pth(folder / "base.pth", base)
    write_pth(folder / "lora.pth", file)
    write_pth(folder / "merged.pth", merged)
    return folder


def told(capsys, *arguments):
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def with_adapter(folder):
    return ("--model", str(folder / "base.pth"), "--strategy", "cpu fp32"), (
        *("--adapter", str(folder / "lora.pth")),
        *("--alpha", "8"),
    )


def test_verbs_run_the_model_with_the_adapter_in_it(folder, tmp_path, capsys):
    model, adapter = with_adapter(folder)
    merged = ("--model", str(folder / "merged.pth"), "--strategy", "cpu fp32")
    text = tmp_path / "text.txt"
    text.write_text("how likely is this?", encoding="utf-8")
    score = ("score", "--text-file", str(text))
    found = told(capsys, *score, *model, *adapter)
    assert found["nll"] == pytest.approx(told(capsys, *score, *merged)["nll"], abs=1e-4)
    assert found["nll"] != pytest.approx(told(capsys, *score, *model)["nll"], abs=1e-2)
    line = ("generate", "--tokens", "72,105", "--max-tokens", "12", "--temperature", "0")
    written = told(capsys, *line, *model, *adapter)["tokens"]
    assert written == told(capsys, *line, *merged)["tokens"]
    rows, out = tmp_path / "rows.txt", tmp_path / "out.jsonl"
    rows.write_text("one\n", encoding="utf-8")
    batch = ("batch", "--input", str(rows), "--output", str(out), "--max-tokens", "3")
    told(capsys, *batch, *model, *adapter)
    assert run([*batch, *model, "--resume"]) == 1
    assert "the model" in capsys.readouterr().err


def test_a_state_made_with_an_adapter_belongs_to_the_model_with_it_alone(folder, tmp_path, capsys):
    model, adapter = with_adapter(folder)
    state = str(tmp_path / "s.safetensors")
    told(capsys, "state", "make", *model, *adapter, "--tokens", "1,2,3", "--out", state)
    line = ("score", "--tokens", "4,5", "--state", state)
    assert told(capsys, *line, *model, *adapter)["tokens"] == 2
    assert run([*line, *model]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_each_alpha_belongs_to_the_adapter_before_it(folder, capsys):
    path = str(folder / "lora.pth")
    options = parse(
        ["score", "--tokens", "1", "--adapter", path, "--adapter", path, "--alpha", "4"]
    )
    assert [one.alpha for one in adapters_of(options)] == [None, 4.0]
    for wrong in (["--alpha", "4"], ["--adapter", path, "--alpha", "4", "--alpha", "5"]):
        assert run(["score", "--tokens", "1", *wrong]) == 2
        assert "belongs behind the --adapter" in capsys.readouterr().err


def test_what_cannot_be_merged_is_told_in_one_line(folder, tmp_path, capsys):
    model, adapter = with_adapter(folder)
    line = ("generate", "--tokens", "1", *model)
    assert run([*line, *adapter[:2]]) == 1
    said = capsys.readouterr().err
    assert (said.count("\n"), "does not tell its alpha; its rank is 4" in said) == (1, True)
    assert run([*line, "--adapter", str(tmp_path / "none.pth")]) == 1
    assert "none.pth" in capsys.readouterr().err
