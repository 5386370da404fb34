"""States by message, with a real worker: saved, loaded, taken, and begun from."""

import asyncio
import contextlib
import os

import pytest

from app.errors import NotFound, RequestRefused, WorkerDied
from app.runtime.protocol.generate_options import GenerateOptions, Outputs
from app.runtime.protocol.messages import Done, Piece
from app.runtime.protocol.prompts import Text, Tokens
from app.runtime.protocol.states import (
    Place,
    StartState,
    StateParts,
    StateSeen,
    StatesTaken,
    StatesWanted,
    TakeStates,
)
from app.runtime.protocol.token_spans import unpack
from app.runtime.worker.client import Client
from app.runtime.worker.supervisor import Supervisor
from tests.runtime.small_models import GREEDY, HUGE, small_file

PROMPT = Tokens(tuple(range(60, 90)))


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(small_file(tmp_path_factory.mktemp("models")))


@pytest.fixture(scope="module")
def client(runner, model):
    async def open_client():
        client = Client()
        client.loaded = await client.load(model, "cpu fp32")
        return client

    client = runner.run(open_client())
    yield client
    runner.run(client.close())


async def _tokens_of(speaker, prompt, **more):
    options = GenerateOptions(limit=6, sampling=GREEDY)
    events = speaker.generate(prompt, options, **more)
    tokens = []
    async with contextlib.aclosing(events):
        async for event in events:
            if isinstance(event, Done):
                return tokens, event
            tokens += [fact.token for fact in getattr(event, "tokens", ())]
    raise AssertionError("no end")


def test_a_state_goes_to_a_file_and_back(runner, client, tmp_path):
    path, seen = tmp_path / "s.safetensors", []
    taken = runner.run(client.save_state(PROMPT, str(path), report=seen.append))
    assert (taken.prompt_tokens, taken.computed_tokens) == (30, 30)
    assert taken.states[0].file_bytes == path.stat().st_size
    assert taken.states[0].facts.fingerprint == client.loaded.fingerprint != ""
    assert [(done.done, done.total) for done in seen] == [(30, 30)]
    start = StartState(os.fsencode(path))
    told = runner.run(client.load_state(start))
    assert (told.facts, told.running) == (taken.states[0].facts, "fp32")
    whole, _ = runner.run(_tokens_of(client, Tokens((*PROMPT.ids, 5))))
    tokens, done = runner.run(_tokens_of(client, Tokens((5,)), start=start))
    assert tokens == whole
    assert (done.prompt_tokens, done.computed_tokens) == (1, 1)


def test_states_are_taken_at_positions_while_others_write(runner, client, tmp_path):
    async def both():
        places = [Place(10, os.fsencode(tmp_path / "10")), Place(20)]
        return await asyncio.gather(
            client.take_states(PROMPT, places), _tokens_of(client, Tokens((7, 8)))
        )

    taken, (tokens, _) = runner.run(both())
    assert [one.tokens for one in taken.states] == [10, 20]
    assert (tmp_path / "10").exists()
    assert len(tokens) == 6


def test_failures_come_back_as_themselves(runner, client, tmp_path):
    with pytest.raises(NotFound):
        runner.run(client.load_state(StartState(os.fsencode(tmp_path / "none"))))
    with pytest.raises(RequestRefused):
        runner.run(client.take_states(PROMPT, []))
    assert client.alive


def test_a_reading_that_nobody_waits_for_stops(runner, client, tmp_path):
    async def begin_and_leave():
        long = Tokens((5,) * HUGE)
        begun = asyncio.Event()
        saving = asyncio.create_task(
            client.save_state(long, str(tmp_path / "never"), report=lambda _: begun.set())
        )
        await begun.wait()
        saving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await saving
        return await _tokens_of(client, Tokens((5, 6)))

    assert len(runner.run(begin_and_leave())[0]) == 6
    assert not (tmp_path / "never").exists()


def test_a_new_worker_begins_from_the_same_file(runner, model, client, tmp_path):
    """After its worker was killed a supervisor asks the next one, which reads the state anew."""
    path = tmp_path / "s"
    runner.run(client.save_state(PROMPT, str(path)))
    start = StartState(os.fsencode(path))

    async def kill_between():
        supervisor = Supervisor()
        try:
            await supervisor.open(model, "cpu fp32")
            assert (await supervisor.load_state(start)).facts.tokens == 30
            first, _ = await _tokens_of(supervisor, Tokens((5,)), start=start)
            os.kill(supervisor.worker_pid, 9)
            with contextlib.suppress(WorkerDied):
                return first, (await _tokens_of(supervisor, Tokens((5,)), start=start))[0]
            return first, (await _tokens_of(supervisor, Tokens((5,)), start=start))[0]
        finally:
            await supervisor.close()

    first, second = runner.run(kill_between())
    assert first == second


def test_a_text_tells_vectors_and_states_through_the_supervisor(runner, model):
    states = StatesWanted(every=4, parts=StateParts(norms=True, heads=((0, 0),)))
    options = GenerateOptions(limit=7, sampling=GREEDY, outputs=Outputs(hidden=True, states=states))

    async def write():
        supervisor = Supervisor()
        try:
            spec = (await supervisor.open(model, "cpu fp32")).spec
            async with contextlib.aclosing(supervisor.generate(PROMPT, options)) as events:
                return spec, [event async for event in events]
        finally:
            await supervisor.close()

    spec, events = runner.run(write())
    seen = [event for event in events if isinstance(event, StateSeen)]
    assert [one.tokens for one in seen] == [32, 36]
    assert {len(one.norms) for one in seen} == {4 * spec.layers * spec.heads}
    assert {len(one.heads[0]) for one in seen} == {4 * spec.head_size**2}
    facts = [fact for event in events if isinstance(event, Piece) for fact in event.tokens]
    assert [len(fact.hidden) for fact in facts] == [4 * spec.width] * 7


def test_states_on_the_way_through_a_text_are_told_and_left_early(runner, client):
    parts = StateParts(norms=True)
    asked = TakeStates(
        id=0, prompt=PROMPT, places=tuple(map(Place, (5, 30))), parts=parts, exact=True
    )

    async def look(asked, few):
        found = []
        async with contextlib.aclosing(client.look_at_states(asked)) as events:
            async for event in events:
                found.append(event)
                if isinstance(event, StateSeen) and few:
                    break
        return found

    found = runner.run(look(asked, few=False))
    assert [one.tokens for one in found if isinstance(one, StateSeen)] == [5, 30]
    assert isinstance(found[-1], StatesTaken)
    long = TakeStates(
        id=0, prompt=Tokens((5,) * HUGE), places=(Place(1), Place(HUGE)), parts=parts, exact=True
    )
    assert len(runner.run(look(long, few=True))) >= 1
    assert len(runner.run(_tokens_of(client, Tokens((5, 6))))[0]) == 6


def test_the_vocabulary_gives_the_text_of_what_is_encoded(runner, client):
    vocabulary = runner.run(client.vocabulary())
    encoded = runner.run(client.encode(Text("né 中")))
    assert encoded.vocabulary == vocabulary.identity
    words = b"".join(vocabulary.pieces[token] for token in unpack(encoded.ids))
    assert words.decode() == "né 中"
