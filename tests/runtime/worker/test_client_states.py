"""States by message, with a real worker: saved, loaded, taken, and begun from."""

import asyncio
import contextlib
import os

import pytest

from app.errors import NotFound, RequestRefused, WorkerDied
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done
from app.runtime.protocol.prompts import Tokens
from app.runtime.protocol.states import Place, StartState
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
