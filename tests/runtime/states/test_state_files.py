"""Files of states: they come back bit by bit, and what is damaged or foreign is refused."""

import json

import pytest
import torch

from app.errors import (
    DamagedState,
    HostileCheckpoint,
    NotFound,
    RequestRefused,
    StoreError,
    UnsupportedFormat,
)
from app.kernels import open_ops
from app.runtime.models import build
from app.runtime.planning.strategy import parse
from app.runtime.protocol.states import StateFacts
from app.runtime.states.state import State, official_state
from app.runtime.states.state_files import Binding, save
from app.runtime.states.state_formats import load
from tests.support.checkpoints import GENERATIONS, random_tensors
from tests.support.memory_checkpoint import MemoryCheckpoint

BINDING = Binding(fingerprint="f" * 32, tokenizer="world", file="e" * 32)
FACTS = StateFacts(
    tokens=12, since=3, model="small", fingerprint="f" * 32, tokenizer="world", format="bf16"
)


def _model(generation, **sizes):
    tensors = random_tensors(generation, width=32, head_size=8, **{"layers": 2} | sizes)
    return build(MemoryCheckpoint(tensors), open_ops("cpu"), parse("cpu fp32"))


@pytest.fixture(params=GENERATIONS)
def model(request):
    return _model(request.param)


def _after(model, *texts):
    state = model.blank(len(texts))
    logits = model.forward(torch.tensor(texts), state)
    return state, logits[0]


def _equal(one, other):
    return torch.equal(one.shift, other.shift) and torch.equal(one.wkv, other.wkv)


def test_a_saved_state_comes_back_with_its_logits_and_facts(model, tmp_path):
    state, logits = _after(model, [1, 2, 3])
    written = save(state, tmp_path / "a.state", FACTS, logits)
    found = load(tmp_path / "a.state", model.spec, BINDING)
    assert _equal(found.state, state)
    assert torch.equal(found.logits, logits)
    assert found.facts == written
    assert (written.tokens, written.since, written.generation) == (12, 3, model.spec.generation)
    assert [file.name for file in tmp_path.iterdir()] == ["a.state"]


def test_other_programs_can_read_a_saved_state(model, tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    state, _ = _after(model, [1, 2, 3])
    save(state, tmp_path / "a.state", FACTS)
    found = safetensors.load_file(tmp_path / "a.state")
    named = official_state(state)
    assert found.keys() == named.keys()
    assert all(torch.equal(found[name], named[name]) for name in named)


def test_a_state_of_the_first_format_is_read_by_the_fingerprint_of_its_file(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    model = _model("7.0")
    state, _ = _after(model, [1, 2])
    named = official_state(state)
    told = {"format": "rookery-state-1", "generation": "7.0", "tokenizer": "world"}
    safetensors.save_file(named, tmp_path / "a.state", told | {"fingerprint": BINDING.file})
    assert _equal(load(tmp_path / "a.state", model.spec, BINDING).state, state)
    safetensors.save_file(named, tmp_path / "b.state", told | {"fingerprint": "0" * 32})
    with pytest.raises(RequestRefused):
        load(tmp_path / "b.state", model.spec, BINDING)


def test_a_state_of_the_first_format_is_believed_only_what_that_format_tells(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    model = _model("7.0")
    state, _ = _after(model, [1, 2])
    told = {"format": "rookery-state-1", "generation": "7.0", "tokenizer": "world"}
    told |= {"fingerprint": BINDING.file, "checksum": "c" * 32, "tokens": "-9", "since": "9" * 30}
    safetensors.save_file(official_state(state), tmp_path / "a.state", told | {"prefix": "p"})
    facts = load(tmp_path / "a.state", model.spec, BINDING).facts
    assert (facts.tokens, facts.since, facts.prefix) == (0, 0, "")
    assert facts.checksum != "c" * 32


def test_more_tokens_than_a_text_can_have_are_damage(tmp_path):
    facts = StateFacts(tokens=10**30, fingerprint="f" * 32, tokenizer="world")
    save(_model("7.0").blank(), tmp_path / "a.state", facts)
    with pytest.raises(DamagedState):
        load(tmp_path / "a.state", _model("7.0").spec, BINDING)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (Binding("0" * 32, "world"), "state-model"),
        (Binding("f" * 32, "bytes"), "state-tokenizer"),
    ],
)
def test_the_state_of_another_model_or_tokenizer_is_refused(tmp_path, other, why):
    model = _model("7.0")
    save(model.blank(), tmp_path / "a.state", FACTS)
    with pytest.raises(RequestRefused) as caught:
        load(tmp_path / "a.state", model.spec, other)
    assert caught.value.facts["why"] == why
    assert caught.value.facts["path"] == str(tmp_path / "a.state")


def test_a_state_of_other_sizes_is_refused(tmp_path):
    save(_model("7.0").blank(), tmp_path / "a.state", FACTS)
    with pytest.raises(DamagedState):
        load(tmp_path / "a.state", _model("7.0", layers=3).spec, BINDING)


def test_no_byte_of_a_state_file_can_change_unnoticed(tmp_path):
    """Any byte of its header and numbers: a state that is not what was saved is never used."""
    model = _model("7.0", layers=1, vocabulary=8)
    path, state = tmp_path / "a.state", _after(model, [1, 2, 3])
    save(state[0], path, FACTS, state[1])
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    places = [*range(0, header, 3), *range(header, len(whole), 97), len(whole) - 1]
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            found = load(path, model.spec, BINDING)
        except (DamagedState, RequestRefused, HostileCheckpoint, UnsupportedFormat):
            continue
        # only white space of the header may differ: all that it says is as it was
        assert place < header
        assert _equal(found.state, state[0])
        assert found.facts.tokens == 12


@pytest.mark.parametrize("size", [0, 40, 100, -4])
def test_a_cut_file_is_refused(tmp_path, size):
    model, path = _model("7.0"), tmp_path / "a.state"
    save(model.blank(), path, FACTS)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(DamagedState) as caught:
        load(path, model.spec, BINDING)
    assert caught.value.facts["path"] == str(path)


def test_a_file_without_a_state_is_refused(tmp_path):
    path = tmp_path / "a.state"
    text = json.dumps({}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(RequestRefused) as caught:
        load(path, _model("7.0").spec, BINDING)
    assert caught.value.facts["why"] == "state-none"


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(NotFound):
        load(tmp_path / "none.state", _model("7.0").spec, BINDING)


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(StoreError) as caught:
        save(_model("7.0").blank(), tmp_path / "no" / "a.state", FACTS)
    assert caught.value.facts["path"].endswith("a.state")
    assert list(tmp_path.iterdir()) == []


def test_a_state_file_holds_one_text(tmp_path):
    with pytest.raises(ValueError, match="one text"):
        save(State.blank(_model("7.0").spec, 2), tmp_path / "a.state", FACTS)
