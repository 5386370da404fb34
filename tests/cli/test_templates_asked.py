"""A template, a think mode and a vocabulary beside the model, from the terminal to the tokens."""

import json
import subprocess
import sys

import pytest

from app.cli import run
from app.resources import resource
from tests.support.checkpoints import random_tensors, write_pth

MARKS = b"65530 '<|im_start|>' 12\n65531 '<|im_end|>' 10\n"


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A World model of no family that tells, which always wants <|im_end|>."""
    monkeypatch.setenv("ROOKERY_HOME", str(tmp_path / "home"))
    tensors = random_tensors("7.0", layers=1, width=16, head_size=16, vocabulary=65536)
    tensors["head.weight"] *= 0.01
    tensors["head.weight"][65531] = 0.5
    tensors["ln_out.bias"] += 5
    (tmp_path / "models").mkdir()
    return write_pth(tmp_path / "models" / "helper.pth", tensors)


def generated(capsys, model, *more):
    options = ("--max-tokens", "4", "--temperature", "0", "--json")
    assert run(["generate", "--model", str(model), *options, *more]) == 0
    said = capsys.readouterr()
    return json.loads(said.out), said.err


def test_marks_of_the_vocabulary_beside_a_model_are_read_and_end_a_text(model, capsys):
    words = resource("vocabulary", "rwkv_vocab_v20230424.txt").read_bytes()
    plain, said = generated(capsys, model, "--prompt", "<|im_start|>hi<|im_end|>")
    assert (plain["stop_reason"], said) == ("limit", "")
    beside = model.with_name("rwkv_vocab_v20260603.txt")
    beside.write_bytes(words + MARKS)
    marked, said = generated(capsys, model, "--prompt", "<|im_start|>hi<|im_end|>")
    assert (marked["stop_reason"], marked["text"], said) == ("end", "", "")
    assert marked["prompt_tokens"] == 3 < plain["prompt_tokens"]
    beside.write_bytes(words[:1000])
    damaged, said = generated(capsys, model, "--prompt", "<|im_start|>hi<|im_end|>")
    assert damaged["prompt_tokens"] == plain["prompt_tokens"]
    assert said.startswith(f"rookery: {beside} is damaged")


def test_any_world_model_is_asked_with_a_template_and_a_think_mode(model, capsys):
    plain, _ = generated(capsys, model, "--prompt", "hi")
    asked, said = generated(capsys, model, "--prompt", "hi", "--template", "g1", "--think", "on")
    # "User: hi\n\nAssistant: <think" and nothing else
    assert (plain["prompt_tokens"], asked["prompt_tokens"], said) == (1, 9, "")
    own, said = generated(capsys, model, "--prompt", "hi", "--think", "on")
    assert own["prompt_tokens"] == 7
    assert "--template g1" in said


def test_a_chat_thinks_with_a_template_that_knows_it(model):
    verb = [sys.executable, "-m", "app", "chat", "--model", str(model), "--max-tokens", "2"]
    asked = subprocess.run(
        [*verb, "--template", "g1", "--think", "on", "--temperature", "0"],
        input=b"hi\n",
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert asked.stdout.startswith(b"<think")
    assert b"rookery:" not in asked.stderr
