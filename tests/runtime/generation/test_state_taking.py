"""States on the way of a prompt: saved, loaded, begun from, and marked where they are not exact."""

import os

import numpy as np
import pytest
import torch

from app.errors import RequestRefused
from app.runtime.loading.loading import open_model
from app.runtime.protocol.messages import Failed, Prefilled
from app.runtime.protocol.prompts import Text, Tokens
from app.runtime.protocol.states import (
    LoadState,
    Place,
    SaveState,
    StartState,
    StateLoaded,
    StateParts,
    StateSeen,
    StatesTaken,
    TakeStates,
)
from app.runtime.states.state_files import Binding
from app.runtime.states.state_formats import load
from tests.runtime.small_models import Desk, ask, plainly, small_file, small_model
from tests.support.checkpoints import random_tensors, write_pth

PROMPT = tuple(i * 7 % 255 + 1 for i in range(40))


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))


def _start(path, **more):
    return StartState(os.fsencode(path), **more)


def _saved(opened, path, prompt=PROMPT, **more):
    """What an engine of its own tells that it saved."""
    save = SaveState(id=1, prompt=Tokens(prompt), path=os.fsencode(path), **more)
    return Desk(opened).run(save)[2]


def _same(one, other):
    return torch.allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_state_is_saved_as_the_model_leaves_it(opened, tmp_path):
    taken = _saved(opened, tmp_path / "s.safetensors")
    (one,) = taken.states
    assert (taken.prompt_tokens, taken.computed_tokens, one.tokens) == (40, 40, 40)
    assert one.file_bytes == (tmp_path / "s.safetensors").stat().st_size
    found = load(tmp_path / "s.safetensors", opened.model.spec, opened.binding)
    state = opened.model.blank()
    logits = opened.model.forward(torch.tensor([PROMPT]), state)
    assert torch.equal(found.state.wkv, state.wkv)
    assert torch.equal(found.state.shift, state.shift)
    assert torch.equal(found.logits, logits[0])
    assert found.facts == one.facts
    assert (found.facts.tokens, found.facts.format) == (40, "fp32")
    assert found.facts.fingerprint == opened.loaded(1).fingerprint


def test_a_text_begins_from_a_saved_state_without_its_tokens(opened, tmp_path):
    _saved(opened, tmp_path / "s.safetensors")
    desk = Desk(opened)
    request = ask(1, (9, 8, 7), limit=8, start=_start(tmp_path / "s.safetensors"))
    tokens, _, done = desk.run(request)
    assert tokens == plainly(opened, (*PROMPT, 9, 8, 7), 8)
    assert (done.prompt_tokens, done.computed_tokens, done.approximate) == (3, 3, False)
    again = desk.run(ask(2, (9, 8, 7), limit=8, start=_start(tmp_path / "s.safetensors")))
    assert again[2].computed_tokens == 0
    assert again[0] == tokens
    assert desk.run(ask(3, (9, 8, 7), limit=8))[0] == plainly(opened, (9, 8, 7), 8)


def test_an_empty_prompt_goes_on_from_the_logits_of_the_state(opened, tmp_path):
    _saved(opened, tmp_path / "s.safetensors")
    desk = Desk(opened)
    tokens, _, done = desk.run(ask(1, (), limit=6, start=_start(tmp_path / "s.safetensors")))
    assert tokens == plainly(opened, PROMPT, 6)
    assert (done.prompt_tokens, done.computed_tokens) == (0, 0)


def test_many_texts_begin_from_one_state_at_once(opened, tmp_path):
    _saved(opened, tmp_path / "s.safetensors")
    desk, start = Desk(opened), _start(tmp_path / "s.safetensors")
    asked = [ask(i, (i, 5), limit=5, start=start) for i in range(1, 6)]
    desk.run(*asked)
    for i in range(1, 6):
        assert desk.tokens(i) == plainly(opened, (*PROMPT, i, 5), 5)


def test_a_file_that_was_written_anew_is_read_anew(opened, tmp_path):
    desk, path = Desk(opened), tmp_path / "s.safetensors"
    _saved(opened, path)
    desk.run(ask(1, (3,), limit=4, start=_start(path)))
    _saved(opened, path, (60, 61))
    assert desk.run(ask(2, (3,), limit=4, start=_start(path)))[0] == plainly(opened, (60, 61, 3), 4)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(Exception, match="damaged-state"):
        desk.engine.start(ask(3, (3,), start=_start(path)))


def test_states_are_taken_at_positions(opened, tmp_path):
    places = [Place(at, os.fsencode(tmp_path / f"{at}")) for at in (40, 0, 7, 33)]
    desk = Desk(opened)
    desk.run(TakeStates(id=1, prompt=Tokens(PROMPT), places=(*places, Place(20))))
    taken = desk.sent[1][-1]
    assert [one.tokens for one in taken.states] == [0, 7, 20, 33, 40]
    for at in (0, 7, 33, 40):
        state = opened.model.blank()
        if at:
            opened.model.forward(torch.tensor([PROMPT[:at]]), state)
        found = load(tmp_path / f"{at}", opened.model.spec, opened.binding)
        assert _same(found.state.wkv, state.wkv)
        assert (found.facts.tokens, found.logits is None) == (at, at == 0)
    done = desk.run(ask(2, (*PROMPT[:20], 99), limit=1))[2]
    assert done.computed_tokens == 1
    progress = [reply.done for reply in desk.sent[1] if isinstance(reply, Prefilled)]
    assert progress == [7, 20, 33, 40]


def test_the_state_before_all_tokens_is_taken_alone(opened):
    desk = Desk(opened)
    desk.run(TakeStates(id=1, prompt=Tokens(PROMPT), places=(Place(0),)))
    assert [one.tokens for one in desk.sent[1][-1].states] == [0]


def test_a_state_goes_on_from_a_state(opened, tmp_path):
    _saved(opened, tmp_path / "a", PROMPT[:25])
    taken = _saved(opened, tmp_path / "b", PROMPT[25:], start=_start(tmp_path / "a"))
    facts = taken.states[0].facts
    assert (taken.computed_tokens, facts.tokens, facts.since) == (15, 40, 15)
    tokens = Desk(opened).run(ask(1, (9,), limit=5, start=_start(tmp_path / "b")))[0]
    assert tokens == plainly(opened, (*PROMPT, 9), 5)


def test_a_loaded_state_is_known_by_its_tokens(opened, tmp_path):
    _saved(opened, tmp_path / "s")
    desk = Desk(opened)
    desk.engine.load_state(LoadState(id=1, state=_start(tmp_path / "s")))
    told = desk.sent[1][-1]
    assert isinstance(told, StateLoaded)
    assert (told.facts.tokens, told.bound, told.approximate) == (40, True, False)
    tokens, _, done = desk.run(ask(2, (*PROMPT, 5), limit=5))
    assert (done.prompt_tokens, done.computed_tokens) == (41, 1)
    assert tokens == plainly(opened, (*PROMPT, 5), 5)


def test_a_state_of_another_format_serves_only_where_it_may_and_is_marked(tmp_path):
    path = small_file(tmp_path)
    _saved(open_model(path, "cpu bf16"), tmp_path / "s")
    exact = open_model(path, "cpu fp32")
    for request in (
        ask(1, (5,), start=_start(tmp_path / "s")),
        SaveState(id=1, prompt=Tokens((5,)), path=b"no", start=_start(tmp_path / "s")),
    ):
        with pytest.raises(RequestRefused) as caught:
            Desk(exact).engine.start(request)
        assert caught.value.facts["why"] == "state-format"
        assert (caught.value.facts["found"], caught.value.facts["wanted"]) == ("bf16", "fp32")
    desk, start = Desk(exact), _start(tmp_path / "s", other_format=True)
    assert desk.run(ask(1, (5,), limit=3, start=start))[2].approximate
    assert desk.run(ask(2, (5, *desk.tokens(1), 8), limit=3, start=start))[2].approximate
    desk.engine.load_state(LoadState(id=3, state=start))
    assert desk.sent[3][-1].approximate
    assert desk.run(ask(4, (*PROMPT, 5), limit=3))[2].approximate
    assert not desk.run(ask(5, (5, 6), limit=3))[2].approximate
    save = SaveState(id=6, prompt=Tokens((7,)), path=os.fsencode(tmp_path / "t"), start=start)
    assert desk.run(save)[2].states[0].facts.approximate
    with pytest.raises(RequestRefused):
        Desk(exact).engine.start(ask(1, (5,), start=_start(tmp_path / "t")))


def test_a_tuned_state_is_a_beginning_for_its_sizes(opened, tmp_path):
    spec = opened.model.spec
    shape = (spec.heads, spec.head_size, spec.head_size)
    tuned = {f"blocks.{i}.att.time_state": torch.randn(shape) for i in range(spec.layers)}
    start = _start(write_pth(tmp_path / "s.pth", tuned))
    desk = Desk(opened)
    desk.engine.load_state(LoadState(id=1, state=start))
    assert (desk.sent[1][-1].facts.kind, desk.sent[1][-1].bound) == ("tuned", False)
    merged = open_model(write_pth(tmp_path / "m.pth", _tensors_of(opened) | tuned), "cpu fp32")
    assert merged.fingerprint != opened.fingerprint
    tokens, _, done = desk.run(ask(2, (5, 6, 7), limit=12, start=start))
    assert tokens == plainly(merged, (5, 6, 7), 12) != plainly(opened, (5, 6, 7), 12)
    assert not done.approximate
    empty = desk.run(ask(3, (), limit=2, start=start))[2]
    assert empty.prompt_tokens == 1  # a tuned state has no logits: a text begins as usual
    _saved(opened, tmp_path / "copy", (), start=start)
    copy = load(tmp_path / "copy", spec, opened.binding)
    assert (copy.facts.tokens, copy.logits) == (0, None)
    assert torch.equal(copy.state.wkv, load(tmp_path / "s.pth", spec, opened.binding).state.wkv)


def _tensors_of(opened):
    return torch.load(opened.path, weights_only=True)


def test_a_document_is_read_as_it_stands(opened, tmp_path):
    save = SaveState(id=1, prompt=Text("Hi"), path=os.fsencode(tmp_path / "s"), document=True)
    assert Desk(opened).run(save)[2].states[0].tokens == 2


@pytest.mark.parametrize(
    ("places", "why"),
    [((), "state-nowhere"), ((Place(41),), "state-place"), ((Place(-1),), "state-place")],
)
def test_places_that_are_none_are_refused(opened, places, why):
    with pytest.raises(RequestRefused) as caught:
        Desk(opened).engine.start(TakeStates(id=1, prompt=Tokens(PROMPT), places=places))
    assert caught.value.facts["why"] == why


def test_nothing_at_all_makes_no_state(opened, tmp_path):
    with pytest.raises(RequestRefused) as caught:
        _saved(opened, tmp_path / "s", ())
    assert caught.value.facts["why"] == "state-nothing"
    _saved(opened, tmp_path / "s", (4,))
    copied = _saved(opened, tmp_path / "t", (), start=_start(tmp_path / "s"))
    assert copied.states[0].facts.tokens == 1


def test_a_stopped_reading_tells_what_it_has_taken(opened, tmp_path):
    desk = Desk(opened)
    places = (Place(10, os.fsencode(tmp_path / "10")), Place(600))
    desk.engine.start(TakeStates(id=1, prompt=Tokens(PROMPT * 20), places=places))
    for _ in range(3):
        desk.engine.step()
    desk.cancelled.add(1)
    while not desk.engine.idle:
        desk.engine.step()
    taken = desk.sent[1][-1]
    assert isinstance(taken, StatesTaken)
    assert taken.stopped
    assert [one.tokens for one in taken.states] == [10]


def test_a_file_that_cannot_be_written_fails_its_request_alone(opened, tmp_path):
    desk = Desk(opened)
    save = SaveState(id=1, prompt=Tokens(PROMPT), path=os.fsencode(tmp_path / "no" / "s"))
    desk.run(save, ask(2, (5, 6), limit=4))
    failure = desk.sent[1][-1]
    assert isinstance(failure, Failed)
    assert failure.code == "store"
    assert desk.tokens(2) == plainly(opened, (5, 6), 4)


@pytest.mark.parametrize("generation", ["4", "5.2", "6.0", "7.0"])
def test_a_state_of_every_generation_is_begun_from(tmp_path, generation):
    path = write_pth(tmp_path / "m.pth", random_tensors(generation, vocabulary=256))
    model = open_model(path, "cpu fp32")
    _saved(model, tmp_path / "s")
    tokens = Desk(model).run(ask(1, (9,), limit=4, start=_start(tmp_path / "s")))[0]
    assert tokens == plainly(model, (*PROMPT, 9), 4)
    with pytest.raises(RequestRefused) as caught:
        load(tmp_path / "s", model.model.spec, Binding("0" * 32, model.tokenizer.name))
    assert caught.value.facts["why"] == "state-model"


def test_exact_states_are_not_read_anew_for_each_place_and_no_text_goes_on_from_them(opened):
    def looked(at, request, *places):
        parts = StateParts(norms=True, all_heads=True, heads_at=(places[-1],))
        asked = tuple(Place(one) for one in places)
        take = TakeStates(id=request, prompt=Tokens(PROMPT), places=asked, parts=parts, exact=True)
        return at.run(take)[2], [one for one in at.sent[request] if isinstance(one, StateSeen)]

    desk = Desk(opened)
    done, _ = looked(desk, 1, 10, 20, 30, 40)
    assert done.computed_tokens == 40
    done, (seen,) = looked(desk, 2, 25)
    assert done.computed_tokens == 5
    fresh, (anew,) = looked(Desk(opened), 1, 25)
    assert fresh.computed_tokens == 25
    for one, other in zip(seen.heads, anew.heads, strict=True):
        assert np.allclose(np.frombuffer(one, "<f4"), np.frombuffer(other, "<f4"), atol=1e-4)
    assert desk.run(ask(3, PROMPT, limit=1))[2].computed_tokens == 40
