"""A text with a seed comes out the same beside others and whatever is remembered."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.kernels.portable import PortableOps
from app.runtime.loading.backends import Backends
from app.runtime.loading.loading import open_model
from app.runtime.protocol.generate_options import Outputs
from app.runtime.protocol.messages import Piece, Prefilled
from app.runtime.protocol.prompts import Sampling, Tokens
from app.runtime.protocol.states import LoadState, SaveState, StartState
from app.runtime.states.state_store import StateStore
from tests.runtime.small_models import Desk, ask, small_file, small_model

WAYS = {"7.0": "cpu bf16", "6.0": "cpu int8", "4": "cpu fp32"}


@pytest.fixture(scope="module", params=[*WAYS, "portable"])
def opened(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    if request.param == "portable":
        backends = Backends(open_ops=lambda _: PortableOps())
        return open_model(small_file(folder, "7.0"), "cpu fp32", backends=backends)
    return open_model(small_file(folder, request.param), WAYS[request.param])


def seeded(number, prompt, limit):
    sampling = Sampling(top_p=1, seed=number)
    return ask(number, prompt, limit=limit, sampling=sampling, outputs=Outputs(logprob=True, top=3))


def facts(desk, number):
    """The tokens, and the log-probabilities that they were drawn from."""
    return [reply.tokens for reply in desk.sent[number] if isinstance(reply, Piece)]


texts = st.lists(
    st.tuples(
        st.integers(0, 12),  # steps until it begins
        st.integers(1, 45).flatmap(
            lambda n: st.tuples(*[st.integers(1, 255)] * min(n, 3)).map(lambda t: (t * n)[:n])
        ),
        st.integers(1, 12),
    ),
    min_size=2,
    max_size=9,
)


@given(texts)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_texts_that_come_and_go_are_what_they_are_alone(opened, drawn):
    desk = Desk(opened, StateStore())
    requests = [
        (wait, seeded(number, prompt, limit)) for number, (wait, prompt, limit) in enumerate(drawn)
    ]
    for step in range(13):
        for wait, request in requests:
            if wait == step:
                desk.engine.start(request)
        desk.engine.step()
    while not desk.engine.idle:
        desk.engine.step()
    for _, request in requests:
        alone = Desk(opened, StateStore())
        alone.run(request)
        assert facts(desk, request.id) == facts(alone, request.id)


def read_at_once(desk, number):
    """How many tokens of its prompt a text has found remembered."""
    first = next(reply for reply in desk.sent[number] if isinstance(reply, Prefilled))
    return first.done


PROMPT = tuple(i * 37 % 250 + 1 for i in range(600))


@pytest.mark.parametrize("known", [100, 256, 300, 512, 600])
def test_a_seed_repeats_whatever_beginning_is_remembered(opened, known):
    alone, desk = Desk(opened), Desk(opened)
    alone.run(seeded(3, PROMPT, 6))
    desk.run(ask(2, PROMPT[:known], limit=0))
    desk.run(seeded(3, PROMPT, 6))
    assert facts(desk, 3) == facts(alone, 3)
    used = read_at_once(desk, 3)
    assert used == (known if known in (256, 512, 600) else 256)  # 256 are its own first piece


def test_a_seed_repeats_behind_a_reply_and_reads_it_as_a_prompt(opened):
    desk, alone = Desk(opened), Desk(opened)
    desk.run(seeded(1, PROMPT[:400], 150))
    prompt = PROMPT[:400] + tuple(desk.tokens(1)) + (7, 8, 9)
    desk.run(seeded(2, prompt, 6))
    alone.run(seeded(2, prompt, 6))
    assert facts(desk, 2) == facts(alone, 2)
    assert alone.engine.prefills == 3
    desk.run(ask(4, (*prompt, 5), limit=6))
    assert read_at_once(desk, 4) == len(prompt)  # without a seed all that is known serves
    relaxed = ask(5, (*prompt, 6), limit=1, sampling=Sampling(seed=5), reproducible=False)
    desk.run(relaxed)
    assert read_at_once(desk, 5) == len(prompt)  # as where a seed need not repeat


def test_a_seed_repeats_where_a_state_of_its_beginning_was_loaded_from_a_file(opened, tmp_path):
    path = os.fsencode(tmp_path / "s.safetensors")
    desk, alone, elsewhere = Desk(opened), Desk(opened), Desk(opened)
    written = elsewhere.run(ask(1, PROMPT[:250], limit=7))[0]
    prompt = PROMPT[:250] + tuple(written[:6])
    elsewhere.run(SaveState(id=2, prompt=Tokens(prompt), path=path))  # read token by token
    assert elsewhere.sent[2][-1].computed_tokens == 0
    desk.run(ask(1, prompt, limit=0))
    desk.engine.load_state(LoadState(id=2, state=StartState(path)))
    for other in (desk, alone):
        other.run(seeded(3, (*prompt, 1, 2, 3), 4))
    assert facts(desk, 3) == facts(alone, 3)
    assert desk.engine.prefills == 1 + alone.engine.prefills


def test_a_remembered_state_that_another_reading_replaced_is_not_taken_for_the_straight_one(
    tmp_path,
):
    opened = small_model(tmp_path)
    desk = Desk(opened)
    written = desk.run(ask(1, PROMPT[:250], limit=6))[0]
    prompt = PROMPT[:250] + tuple(written)
    assert len(prompt) == 256
    # its last six tokens were written one by one, and a text without a seed goes on from there
    desk.run(ask(2, prompt, limit=0))
    asked, alone = seeded(3, (*prompt, 1, 2, 3), 4), Desk(opened)
    before = desk.engine.prefills
    desk.run(asked)
    alone.run(asked)
    assert facts(desk, 3) == facts(alone, 3)
    assert desk.engine.prefills - before == alone.engine.prefills == 2
