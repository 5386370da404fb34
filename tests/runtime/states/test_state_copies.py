"""Copies of states from outside: a container of ours, the same numbers, and nothing that runs."""

import pytest
import torch
from safetensors.torch import load_file

from app.errors import CheckpointError, DamagedState, RequestRefused
from app.runtime.protocol.states import StateFacts
from app.runtime.states.state import official_state
from app.runtime.states.state_copies import copy_state
from app.runtime.states.state_files import Binding, save
from app.runtime.states.state_formats import load
from tests.support.checkpoints import GENERATIONS, write_pth, write_safetensors
from tests.support.memory_checkpoint import MemoryCheckpoint

from .test_state_formats import BINDING, LATER, TOKENS, _model, _tensors, _tuned


def copied(path, to):
    with to.open("wb") as file:
        copy_state(path, file)
    return to


def same(one, other):
    return torch.equal(one.wkv, other.wkv) and torch.equal(one.shift, other.shift)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_saved_and_listed_states_go_round_through_every_format(tmp_path, generation):
    model = _model(_tensors(generation))
    state = model.blank()
    logits = model.forward(torch.tensor([TOKENS]), state)[0]
    facts = StateFacts(
        fingerprint=BINDING.fingerprint, tokenizer=BINDING.tokenizer, tokens=6, since=6
    )
    save(state, tmp_path / "own.safetensors", facts, logits)
    own = copied(tmp_path / "own.safetensors", tmp_path / "copy.safetensors")
    assert own.read_bytes() == (tmp_path / "own.safetensors").read_bytes()
    back = load(own, model.spec, BINDING)
    assert same(back.state, state)
    assert torch.equal(back.logits, logits)
    torch.save(list(official_state(back.state).values()), tmp_path / "list.pth")
    listed = load(copied(tmp_path / "list.pth", tmp_path / "list.st"), model.spec, BINDING)
    assert listed.facts.kind == "listed"
    assert same(listed.state, state)
    with pytest.raises(RequestRefused):
        load(own, model.spec, Binding("0" * 32, "world"))


@pytest.mark.parametrize("generation", LATER)
def test_tuned_states_of_every_tool_and_type_stay_what_they_are(tmp_path, generation):
    spec = MemoryCheckpoint(_tensors(generation)).spec
    for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
        tuned = {name: t.to(dtype) for name, t in _tuned(shifts=True).items()}
        turned = {n: t.mT.contiguous() if t.dim() == 3 else t for n, t in tuned.items()}
        strided = {n: t.mT.contiguous().mT if t.dim() == 3 else t for n, t in tuned.items()}
        wanted = load(write_pth(tmp_path / "a.pth", tuned), spec, BINDING).state
        for number, path in enumerate(
            (
                tmp_path / "a.pth",
                write_pth(tmp_path / "b.pth", {f"model.{n}": t for n, t in tuned.items()}),
                write_pth(tmp_path / "c.pth", strided),
                write_safetensors(tmp_path / "d.state", turned),
            )
        ):
            copy = copied(path, tmp_path / f"{number}.safetensors")
            found = load(copy, spec, BINDING)
            assert (found.facts.kind, same(found.state, wanted)) == ("tuned", True), path
            assert load_file(copy).keys() == tuned.keys()


def test_what_is_broken_or_no_state_is_not_copied(tmp_path):
    cases = {
        "nan": (
            _tuned() | {"blocks.1.att.time_state": torch.full((4, 8, 8), torch.nan)},
            DamagedState,
        ),
        "whole": ({name: t.long() for name, t in _tuned().items()}, DamagedState),
        "model": (_tensors("7.0"), RequestRefused),
    }
    for name, (tensors, failure) in cases.items():
        path = write_pth(tmp_path / f"{name}.pth", tensors)
        with pytest.raises(failure) as raised:
            copied(path, tmp_path / "out")
        assert raised.value.facts["path"] == str(path)
    whole = write_pth(tmp_path / "cut.pth", _tuned())
    whole.write_bytes(whole.read_bytes()[:-300])
    with pytest.raises(CheckpointError):
        copied(whole, tmp_path / "out")
