"""Texts that begin in one go in a real worker."""

import asyncio
import contextlib

import pytest

from app.errors import RequestRefused
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Failed, Generate, Piece
from app.runtime.protocol.prompts import Sampling, Text, Tokens
from app.runtime.worker.client import Client
from tests.runtime.small_models import small_file

PROMPTS = [
    Text(f"A beginning that many share, and then {i}" * (1 + 7 * (i == 3))) for i in range(6)
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(small_file(tmp_path_factory.mktemp("models")))


def options(seed, limit=24, **more):
    sampling = Sampling(temperature=1.5, top_p=1.0, seed=seed)
    return GenerateOptions(limit=limit, sampling=sampling, **more)


def texts_of(asked):
    return [Generate(id=0, prompt=prompt, options=how, afresh=True) for prompt, how in asked]


async def written(client, asked):
    tokens, ends = [[] for _ in asked], [None] * len(asked)
    async with contextlib.aclosing(client.generate_together(texts_of(asked))) as events:
        async for place, event in events:
            if isinstance(event, Piece):
                tokens[place] += [fact.token for fact in event.tokens]
            elif isinstance(event, Done | Failed):
                ends[place] = event
    return tokens, ends


def test_texts_together_depend_on_nothing_that_was_read_before(model):
    async def run():
        asked = [(prompt, options(7 + i)) for i, prompt in enumerate(PROMPTS)]
        client = Client()
        try:
            await client.load(model, "cpu fp32")
            first = await written(client, asked)
            begun = client.generate(PROMPTS[0], options(1, 100))
            async with contextlib.aclosing(begun) as events:  # it leaves states behind
                async for _ in events:
                    pass
            second = await written(client, asked)
        finally:
            await client.close()
        assert first[0] == second[0]
        assert len({tuple(tokens) for tokens in first[0]}) == len(PROMPTS)
        for prompt, done in zip(PROMPTS, second[1], strict=True):
            assert done.computed_tokens == done.prompt_tokens == len(prompt.text)

    asyncio.run(run())


def test_one_that_is_refused_ends_alone_and_leaving_early_stops_them_all(model):
    async def run():
        client = Client()
        try:
            await client.load(model, "cpu fp32")
            asked = [
                (Text("one"), options(1)),
                (Tokens((10**6,)), options(2)),
                (Text("three"), options(3, stops=("",))),
                (Text("four"), options(4)),
            ]
            tokens, ends = await written(client, asked)
            assert [len(some) for some in tokens] == [24, 0, 0, 24]
            assert [isinstance(end, Failed) for end in ends] == [False, True, True, False]
            assert ends[1].code == RequestRefused.code
            endless = [(Text(f"{i}"), options(i, 10**9)) for i in range(3)]
            async with contextlib.aclosing(client.generate_together(texts_of(endless))) as events:
                async for _, event in events:
                    if isinstance(event, Piece):
                        break
            assert (await written(client, asked))[0] == tokens
        finally:
            await client.close()

    asyncio.run(run())
