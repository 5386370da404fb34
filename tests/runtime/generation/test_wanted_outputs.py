"""What a text may be asked for besides its words: vectors after ln_out, and states on its way."""

import os

import numpy as np
import pytest
import torch

from app.errors import RequestRefused
from app.runtime.protocol.generate_options import Outputs
from app.runtime.protocol.messages import Piece
from app.runtime.protocol.prompts import Sampling, Tokens
from app.runtime.protocol.states import (
    Place,
    StateParts,
    StateSeen,
    StatesTaken,
    StatesWanted,
    TakeStates,
)
from app.runtime.states.state_files import Binding
from app.runtime.states.state_formats import load
from tests.runtime.small_models import Desk, ask, small_model

PROMPT = tuple(range(60, 100))
GENERATIONS = ["4", "5.2", "6.0", "7.0"]


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))


def facts(desk, number=1):
    pieces = [reply for reply in desk.sent[number] if isinstance(reply, Piece)]
    return [fact for piece in pieces for fact in piece.tokens]


def seen(desk, number=1):
    return [reply for reply in desk.sent[number] if isinstance(reply, StateSeen)]


def vector(fact):
    return torch.from_numpy(np.frombuffer(fact.hidden, "<f4").copy())


def numbers(packed):
    return np.frombuffer(packed, "<f4")


@pytest.mark.parametrize("sampling", [Sampling(temperature=0), Sampling(seed=3)])
def test_the_head_makes_of_a_tokens_vector_the_logits_that_it_was_drawn_from(opened, sampling):
    plain = Desk(opened).run(ask(1, PROMPT, sampling=sampling))[0]
    desk, wanted = Desk(opened), Outputs(hidden=True, logprob=True)
    asked = [ask(n, PROMPT, sampling=sampling, outputs=wanted) for n in (1, 2)]
    assert desk.run(*asked)[0] == desk.tokens(1) == plain
    for number in (1, 2):
        for fact in facts(desk, number):
            logits = opened.model.logits(vector(fact)[None, None])[0, 0]
            likely = torch.log_softmax(logits.double(), 0)
            assert fact.logprob == pytest.approx(float(likely[fact.token]), abs=1e-5)


def test_a_vector_is_told_where_the_prompt_is_remembered(opened):
    desk = Desk(opened)
    desk.run(ask(1, PROMPT, limit=1))
    done = desk.run(ask(2, PROMPT, limit=2, outputs=Outputs(hidden=True)))[2]
    assert done.prompt_tokens == 40
    assert done.computed_tokens >= 1
    assert [len(fact.hidden) for fact in facts(desk, 2)] == [4 * opened.model.spec.width] * 2
    assert [fact.hidden for fact in facts(desk)] == [b""]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_states_are_told_of_on_the_way_through_prompt_and_reply(tmp_path, generation):
    opened = small_model(tmp_path, generation)
    spec = opened.model.spec
    last = (spec.layers - 1, max(1, spec.heads) - 1)
    parts = StateParts(norms=True, heads=((0, 0), last))
    wanted = StatesWanted(places=(Place(7), Place(40)), every=3, parts=parts)
    desk = Desk(opened)
    tokens = desk.run(ask(1, PROMPT, limit=8, outputs=Outputs(states=wanted)))[0]
    assert tokens == Desk(opened).run(ask(1, PROMPT, limit=8))[0]
    found, text = seen(desk), (*PROMPT, *tokens)
    assert [one.tokens for one in found] == [7, 40, 42, 45]
    for one in found:
        state = opened.model.blank()
        opened.model.forward(torch.tensor([text[: one.tokens]]), state, exact=True)
        wkv = state.wkv[:, 0]
        norms = wkv.double().flatten(2).norm(dim=2) if spec.heads else wkv.double().norm(dim=2)
        assert numbers(one.norms) == pytest.approx(norms.flatten().numpy(), rel=1e-3)
        for (layer, head), told in zip(parts.heads, one.heads, strict=True):
            part = wkv[layer, head] if spec.heads else wkv[layer]
            assert numbers(told) == pytest.approx(part.flatten().numpy(), rel=1e-3, abs=1e-4)


def test_a_reply_leaves_states_in_files(opened, tmp_path):
    places = tuple(Place(at, os.fsencode(tmp_path / f"{at}")) for at in (40, 43, 90))
    desk = Desk(opened)
    outputs = Outputs(states=StatesWanted(places=places))
    tokens = desk.run(ask(1, PROMPT, limit=6, outputs=outputs))[0]
    assert [[one.tokens for one in told.taken] for told in seen(desk)] == [[40], [43]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["40", "43"]
    found = load(tmp_path / "43", opened.model.spec, opened.binding)
    assert found.facts.tokens == 43
    assert seen(desk)[1].taken[0].file_bytes == (tmp_path / "43").stat().st_size
    state = opened.model.blank()
    opened.model.forward(torch.tensor([(*PROMPT, *tokens[:3])]), state)
    assert torch.allclose(found.state.wkv, state.wkv, rtol=1e-3, atol=1e-4)
    with pytest.raises(RequestRefused):
        load(tmp_path / "43", opened.model.spec, Binding("0" * 32, opened.tokenizer.name))


def test_exact_parts_are_those_of_a_text_that_is_scored(opened):
    desk, parts = Desk(opened), StateParts(norms=True, heads=((1, 0),))
    desk.run(ask(1, PROMPT, limit=1))
    asked = TakeStates(
        id=2, prompt=Tokens(PROMPT), places=(Place(0), Place(40)), parts=parts, exact=True
    )
    desk.run(asked)
    state = opened.model.blank()
    opened.model.forward(torch.tensor([PROMPT]), state, exact=True)
    first, last = seen(desk, 2)
    assert not numbers(first.norms).any()
    assert numbers(last.heads[0]) == pytest.approx(state.wkv[1, 0, 0].flatten().numpy(), rel=1e-5)
    taken = desk.sent[2][-1]
    assert isinstance(taken, StatesTaken)
    assert taken.computed_tokens == 40, "nothing that was remembered has a part in it"


def test_a_text_whose_states_go_beside_another_has_its_own(opened):
    wanted = Outputs(states=StatesWanted(every=4, parts=StateParts(norms=True)))
    alone, both = Desk(opened), Desk(opened)
    alone.run(ask(1, PROMPT, limit=9, outputs=wanted))
    both.run(ask(2, (5, 6, 7), limit=9, outputs=wanted), ask(1, PROMPT, limit=9, outputs=wanted))
    assert [one.tokens for one in seen(both)] == [40, 44, 48]
    assert [one.tokens for one in seen(both, 2)] == [4, 8]
    for one, other in zip(seen(alone), seen(both), strict=True):
        assert numbers(one.norms) == pytest.approx(numbers(other.norms), rel=1e-4)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (StatesWanted(parts=StateParts(heads=((99, 0),))), "state-head"),
        (StatesWanted(parts=StateParts(heads=((0, -1),))), "state-head"),
        (StatesWanted(parts=StateParts(heads=((0, 0),) * 4 * 10**5)), "state-parts"),
        (StatesWanted(places=(Place(1),) * 5000), "state-many"),
        (StatesWanted(every=-1), "sampling-least"),
    ],
)
def test_what_the_model_has_not_and_too_much_is_refused(opened, wanted, why):
    with pytest.raises(RequestRefused) as refused:
        Desk(opened).engine.start(ask(1, PROMPT, outputs=Outputs(states=wanted)))
    assert refused.value.facts["why"] == why


def test_a_file_that_cannot_be_written_fails_its_text_alone(opened, tmp_path):
    nowhere = Place(42, os.fsencode(tmp_path / "no" / "s"))
    desk = Desk(opened)
    outputs = Outputs(states=StatesWanted(places=(nowhere,)))
    desk.run(ask(2, PROMPT, limit=6, outputs=outputs), ask(1, (5, 6), limit=12))
    assert desk.sent[2][-1].code == "store"
    assert len(desk.tokens(1)) == 12
