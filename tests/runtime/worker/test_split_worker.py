"""A split model in a real worker: it writes, scores and saves states like any other."""

import asyncio
import contextlib

import pytest

from app.errors import StrategyUnsupported
from app.runtime.loading.loading import open_model
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done
from app.runtime.protocol.prompts import Tokens
from app.runtime.protocol.states import StartState
from app.runtime.worker.client import Client
from tests.runtime.small_models import GREEDY, plainly, small_file

PROMPT = tuple(range(60, 90))
SPLIT = "cpu fp32 *1 -> cpu int8; head cpu fp32"


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
        client.loaded = await client.load(model, SPLIT.upper())
        return client

    client = runner.run(open_client())
    yield client
    runner.run(client.close())


async def tokens_of(client, prompt, limit=6, **more):
    options = GenerateOptions(limit=limit, sampling=GREEDY)
    events, found = client.generate(Tokens(prompt), options, **more), []
    async with contextlib.aclosing(events):
        async for event in events:
            if isinstance(event, Done):
                return found
            found += [fact.token for fact in getattr(event, "tokens", ())]
    raise AssertionError("no end")


def test_it_says_how_it_runs_and_writes_what_its_layers_make(runner, client, model):
    loaded = client.loaded
    assert loaded.strategy == loaded.plan.strategy.text == SPLIT
    assert set(loaded.plan.bytes) == {"cpu"}
    opened = open_model(model, SPLIT)
    assert runner.run(tokens_of(client, PROMPT)) == plainly(opened, PROMPT, 6)
    assert loaded.weights_bytes == opened.model.weights_bytes
    whole = open_model(model, "cpu fp32")
    assert opened.model.weights_bytes < whole.model.weights_bytes


def test_a_state_of_it_names_its_formats_and_is_gone_on_from(runner, client, tmp_path):
    path = str(tmp_path / "s.safetensors")
    taken = runner.run(client.save_state(Tokens(PROMPT), path))
    assert taken.states[0].facts.format == "fp32 *1 -> int8"
    start = StartState(path.encode())
    assert runner.run(tokens_of(client, (9,), start=start)) == runner.run(
        tokens_of(client, (*PROMPT, 9))
    )


def test_what_would_be_streamed_is_refused_before_anything_is_loaded(runner, model):
    async def load():
        client = Client()
        try:
            await client.load(model, "cpu int8 *1+")
        finally:
            await client.close()

    with pytest.raises(StrategyUnsupported):
        runner.run(load())
