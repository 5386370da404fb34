"""What a plan says of memory is what a real worker holds after 16 tokens."""

import asyncio
import random
import sys

import pytest

from app.benchmark.timed_texts import Texts
from app.runtime.planning.machine import Machine
from app.runtime.planning.plan import plan_of
from app.runtime.planning.strategy import ON_CPU, parse
from app.runtime.worker.client import Client
from bench.shapes import SIZES, write_checkpoint

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="what a program without a model takes was measured on Linux"
)

_LEAST = 48_000_000
_SHARE = 0.03
_TOKENS = 16


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    """Makes the file of a shape once."""
    made = {}

    def of(generation, size):
        key = generation, size
        if key not in made:
            made[key] = tmp_path_factory.mktemp("model") / f"{generation}-{size}.pth"
            write_checkpoint(made[key], generation, SIZES[size])
        return made[key]

    return of


async def held(path, text, texts):
    """The spec, and the worker's resident bytes after every text has so many tokens."""
    client = Client()
    try:
        loaded = await client.load(str(path), text)
        assert loaded.strategy == loaded.plan.strategy.text == text
        await Texts(client, loaded.spec.vocabulary, texts, random.Random(1)).decode(_TOKENS)
        return loaded, (await client.measure(1 << 14)).resident_memory_bytes
    finally:
        await client.close()


def check(path, text, texts=1):
    loaded, found = asyncio.run(held(path, text, texts))
    machine = Machine(memory_total=1 << 40, memory_available=1 << 40)
    plan = plan_of(loaded.spec, "bf16", parse(text), machine, texts=texts)
    told = plan.bytes["cpu"]
    assert abs(told - found) <= max(_LEAST, _SHARE * found), (told, found)
    if texts == 1:
        assert loaded.plan.bytes == plan.bytes


STREAMED = "cpu bf16 *4+; embedding cpu bf16 mapped"
SPLITS = ("cpu bf16 *6 -> cpu int8", "cpu int4 *3 -> cpu fp16; head cpu int8")


@pytest.mark.cold
@pytest.mark.parametrize("text", [*ON_CPU, SPLITS[0], STREAMED])
def test_a_worker_with_a_0_1b_holds_what_its_plan_says(model_file, text):
    check(model_file("7.0", "0.1B"), text)


@pytest.mark.cold
@pytest.mark.exhaustive
@pytest.mark.timeout(900)
@pytest.mark.parametrize("text", [*ON_CPU, *SPLITS, STREAMED])
@pytest.mark.parametrize(
    ("generation", "size", "texts"),
    [
        ("7.0", "0.4B", 1),
        ("7.0", "1.5B", 1),
        ("6.0", "0.4B", 1),
        ("6.0", "1.5B", 1),
        ("5.2", "0.4B", 1),
        ("4", "0.1B", 1),
        ("7.0", "0.1B", 8),
        ("7.0", "0.4B", 8),
        ("7.0", "1.5B", 8),
    ],
)
def test_so_does_one_with_another_shape_or_more_texts(model_file, generation, size, texts, text):
    check(model_file(generation, size), text, texts)
