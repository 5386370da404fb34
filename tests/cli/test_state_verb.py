"""``rookery state``, and ``--state`` of the other verbs, with files of every kind."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from app.cli import run
from app.cli.output import note_state
from app.runtime.loading.loading import open_model
from app.runtime.protocol.prompts import Chat, Turn
from app.runtime.protocol.states import StartState, StateFacts, StateLoaded
from app.runtime.states.state import official_state
from tests.runtime.small_models import Desk, ask, plainly, small_file
from tests.support.checkpoints import write_pth, write_safetensors
from tests.support.numpy_rwkv import logits_after

GREEDY = ("--temperature", "0", "--presence", "0", "--frequency", "0")
AS_IT_IS = ("--strategy", "cpu fp32")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(small_file(tmp_path_factory.mktemp("models")))


@pytest.fixture(scope="module")
def opened(model):
    return open_model(model, "cpu fp32")


@pytest.fixture(scope="module")
def kept(model, tmp_path_factory):
    """The file of the state after 65, 66, 67, and what was told of it."""
    path = str(tmp_path_factory.mktemp("states") / "kept.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", out := io.StringIO())
        made = ("state", "make", "--model", model, *AS_IT_IS, "--tokens", "65,66,67")
        assert run([*made, "--out", path, "--json"]) == 0
    return path, json.loads(out.getvalue())


def told(capsys, *arguments, said=""):
    assert run([*arguments, "--json"]) == 0
    printed = capsys.readouterr()
    assert said in printed.err if said else printed.err == ""
    return json.loads(printed.out)


def refused(capsys, *arguments):
    assert run(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


def test_make_writes_the_state_of_the_text(opened, kept):
    safetensors = pytest.importorskip("safetensors.torch")
    path, facts = kept
    assert (facts["tokens"], facts["prompt_tokens"], facts["computed_tokens"]) == (3, 3, 3)
    assert (facts["fingerprint"], facts["tokenizer"]) == (opened.fingerprint, "bytes")
    assert (facts["generation"], facts["format"], facts["model"]) == ("7.0", "fp32", "small")
    state = opened.model.blank()
    logits = opened.model.forward(torch.tensor([[65, 66, 67]]), state)
    found = safetensors.load_file(path)
    assert torch.equal(found.pop("state.logits"), logits[0])
    named = official_state(state)
    assert found.keys() == named.keys()
    assert all(torch.equal(found[name], named[name]) for name in named)


def test_show_tells_what_is_in_the_file(kept, capsys):
    path, made = kept
    facts = told(capsys, "state", "show", path)
    assert (facts["kind"], facts["tokens"], facts["layers"], facts["width"]) == ("saved", 3, 3, 64)
    assert (facts["heads"], facts["head_size"], facts["bytes"]) == (4, 16, made["bytes"])
    same = ("fingerprint", "tokenizer", "model", "format", "backend", "checksum", "approximate")
    assert all(facts[name] == made[name] for name in same)
    assert run(["state", "show", path]) == 0
    assert "saved by Rookery" in capsys.readouterr().out


def test_make_goes_on_from_a_state(model, kept, tmp_path, capsys, monkeypatch):
    """What a state belongs to and how many tokens it has seen goes on with it."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"DE")))
    make = ("state", "make", "--model", model, *AS_IT_IS, "--out", str(tmp_path / "out"))
    made = told(capsys, *make, "--state", kept[0], "--text-file", "-")
    assert (made["tokens"], made["prompt_tokens"], made["computed_tokens"]) == (5, 2, 2)
    assert made["fingerprint"] == kept[1]["fingerprint"]
    assert told(capsys, "state", "show", str(tmp_path / "out"))["checksum"] == made["checksum"]


def test_generate_goes_on_from_a_state(model, opened, kept, capsys):
    asked = ("generate", "--model", model, *AS_IT_IS, "--max-tokens", "6", *GREEDY)
    facts = told(capsys, *asked, "--state", kept[0], "--tokens", "68,69")
    assert facts["tokens"] == plainly(opened, (65, 66, 67, 68, 69), 6)
    assert (facts["prompt_tokens"], facts["computed_tokens"]) == (2, 2)
    assert facts["approximate"] is False


def test_score_goes_on_from_a_state(model, kept, tmp_path, capsys):
    def scored(tokens, name, *more):
        out = ("--logits", str(tmp_path / f"{name}.npy"), "--state-out", str(tmp_path / name))
        told(capsys, "score", "--model", model, *AS_IT_IS, "--tokens", tokens, *out, *more)
        return np.load(tmp_path / f"{name}.npy"), told(
            capsys, "state", "show", str(tmp_path / name)
        )

    whole, _ = scored("65,66,67,68,69", "whole")
    rest, facts = scored("68,69", "rest", "--state", kept[0])
    np.testing.assert_allclose(rest, whole[3:], rtol=1e-4, atol=1e-4)
    assert facts["tokens"] == 5


def test_chat_goes_on_from_a_state(model, opened, kept, capsys, monkeypatch):
    """Its reply is that of the engine to the same turn behind the state."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Hi\n")))
    asked = ("--model", model, *AS_IT_IS, "--max-tokens", "12", *GREEDY)
    assert run(["chat", *asked, "--template", "text", "--state", kept[0]]) == 0
    chat = Chat(turns=(Turn("user", "Hi"),), template="text")
    start = StartState(os.fsencode(kept[0]))
    wanted = Desk(opened).run(ask(1, chat, limit=12, start=start))[1]
    assert capsys.readouterr().out.strip() == wanted.strip()
    assert Desk(opened).run(ask(1, chat, limit=12))[1] != wanted


def test_a_tuned_state_is_used_whoever_wrote_it(model, opened, tmp_path, capsys):
    """The first token is what independent arithmetic finds the likeliest from there."""
    spec = opened.model.spec
    shape = (spec.heads, spec.head_size, spec.head_size)
    tuned = {f"blocks.{i}.att.time_state": torch.randn(shape) for i in range(spec.layers)}
    turned = {name: tensor.mT.contiguous() for name, tensor in tuned.items()}
    tensors = torch.load(model, weights_only=True)
    wanted = int(logits_after(tensors, [65, 66], "7.0", tuned).argmax())
    asked = ("generate", "--model", model, *AS_IT_IS, "--tokens", "65,66", "--max-tokens", "1")
    path = str(write_safetensors(tmp_path / "s.state", turned))
    facts = told(capsys, *asked, *GREEDY, "--state", path, said="only the sizes")
    assert facts["tokens"] == [wanted]
    for one in (path, str(write_pth(tmp_path / "s.pth", tuned))):
        shown = told(capsys, "state", "show", one)
        assert (shown["kind"], shown["layers"], shown["heads"]) == ("tuned", 3, 4)
        assert shown["fingerprint"] is None


@pytest.mark.parametrize(("made", "words"), [("bf16", "with bf16"), ("fp32", "in part")])
def test_an_approximate_state_is_told(made, words, capsys):
    facts = StateFacts(format=made)
    note_state(StateLoaded(id=1, facts=facts, nbytes=1, running="fp32", approximate=True))
    assert words in capsys.readouterr().err


def test_what_is_no_state_of_this_model_is_refused_in_words(model, kept, tmp_path, capsys):
    other = str(small_file(tmp_path, vocabulary=255))
    whole = bytearray(Path(kept[0]).read_bytes())
    whole[-9] ^= 1
    (tmp_path / "broken").write_bytes(whole)
    asked = ("generate", "--tokens", "5", "--model")
    assert "other weights, those of small" in refused(capsys, *asked, other, "--state", kept[0])
    assert "nothing at" in refused(capsys, *asked, model, "--state", str(tmp_path / "none"))
    assert "no whole state" in refused(capsys, "state", "show", str(tmp_path / "broken"))
    assert "holds no state" in refused(capsys, "state", "show", model)


def test_a_state_cache_serves_the_next_call_and_one_that_cannot_be_used_is_told(
    model, tmp_path, capsys
):
    asked = ("generate", "--model", model, *AS_IT_IS, *GREEDY, "--max-tokens", "4")
    cache = ("--state-cache", str(tmp_path / "kept"))
    first = told(capsys, *asked, "--tokens", "65,66,67,68", *cache)
    assert first["computed_tokens"] == 4
    more = ",".join(map(str, (65, 66, 67, 68, *first["tokens"][:3], 9)))
    later = told(capsys, *asked, "--tokens", more, *cache)
    assert (later["prompt_tokens"], later["computed_tokens"]) == (8, 1)
    (tmp_path / "file").write_text("no folder")
    strange = ("--state-cache", str(tmp_path / "file" / "kept"))
    plain = told(capsys, *asked, "--tokens", "65,66,67,68", *strange, said="cannot be kept there")
    assert plain["tokens"] == first["tokens"]
