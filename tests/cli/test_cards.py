"""Cards on the command line: the list, strategies on them, and words where there is none."""

import dataclasses
import json

import pytest

from app.cli import run
from app.cli.verbs import gpus_verb, score_verb
from app.runtime.loading import preflight
from app.runtime.loading.backends import Backends
from app.runtime.loading.loading import open_model
from app.runtime.protocol.messages import SteppedDown
from app.system.gpus import Gpu
from tests.runtime.small_models import small_file

GPUS = (
    Gpu(index=0, name="A", capability=89, total_bytes=8 << 30, free_bytes=4 << 30, driver="5"),
    Gpu(index=1, name="B", capability=61, total_bytes=8 << 30, free_bytes=8 << 30, driver="5"),
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(small_file(tmp_path_factory.mktemp("models")))


def test_cards_are_listed_with_their_devices(capsys, monkeypatch):
    monkeypatch.setattr(gpus_verb, "gpus", lambda: GPUS)
    assert run(["cards"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("cuda  A, 8.6 GB (4.3 GB free), compute capability 8.9, driver 5")
    assert second.startswith("cuda:1  B, ")
    assert run(["cards", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(gpu["device"], gpu["capability"]) for gpu in told["cards"]] == [
        ("cuda", 89),
        ("cuda:1", 61),
    ]
    assert not told["cards"][1]["usable"]


def test_without_a_card_that_is_said(capsys, monkeypatch):
    monkeypatch.setattr(gpus_verb, "gpus", tuple)
    assert run(["cards"]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "No NVIDIA card was found: models run on the processor.\n"


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("cuda fp16", ("score", "--tokens", "1,2")),
        ("cuda:1 fp16i8", ("bench",)),
        ("CUDA:0 bf16", ("generate", "--tokens", "1,2")),
    ],
)
def test_a_strategy_on_a_card_that_is_not_there_is_a_failure_in_words(
    model, capsys, monkeypatch, verb, text
):
    monkeypatch.setattr(preflight, "gpus", tuple)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert run([*verb, "--model", model, "--strategy", text]) == 1
    said = capsys.readouterr().err
    assert said.startswith("rookery: ")
    assert "driver" in said or "card" in said
    assert said.count("\n") == 1


def test_a_copy_is_packed_for_a_card_without_one(model, tmp_path, capsys):
    copies = [tmp_path / "cpu.safetensors", tmp_path / "cuda.safetensors"]
    for device, copy in zip(("cpu", "cuda:1"), copies, strict=True):
        way = f"{device} fp16i8"
        assert run(["pack", "--model", model, "--strategy", way, "--to", str(copy)]) == 0
    capsys.readouterr()
    assert copies[0].read_bytes() == copies[1].read_bytes()


def test_a_step_down_is_said_on_stderr(model, capsys, monkeypatch):
    down = SteppedDown("cuda fp16", "kernel", {"said": "no such instruction"})

    def opened(path, strategy, progress, _backends, adapters):
        running = open_model(path, strategy, progress, Backends(gpus=tuple), adapters=adapters)
        return dataclasses.replace(running, stepped_down=down)

    monkeypatch.setattr(score_verb, "open_model", opened)
    assert run(["score", "--model", model, "--tokens", "1,2", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["tokens"] == 2
    assert "not in 16-bit on the card" in printed.err
    assert "not cuda fp16" in printed.err
    assert "no such instruction" in printed.err
