"""Real workers, one after the other: what one has kept on the disk the next one goes on from."""

import asyncio
import contextlib
import os
import sys
import time

import pytest

from app.errors import StatesUnkept, WorkerDied
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Piece
from app.runtime.protocol.prompts import Chat, Sampling, Turn
from app.runtime.protocol.reply_tokens import ReplyTokens
from app.runtime.protocol.states import StateCache
from app.runtime.protocol.token_spans import unpack
from app.runtime.states.disk_budget import files_in
from app.runtime.worker.client import Client
from tests.runtime.small_models import small_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="as the other tests of workers")

STORY = "Once there was a bird that read a book about birds"


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(small_file(tmp_path_factory.mktemp("models"), width=64, layers=4))


@contextlib.asynccontextmanager
async def worker(model, cache, told=None):
    client = Client()
    client.on_unkept = (lambda _: None) if told is None else told.append
    try:
        await client.load(model, "cpu bf16", cache=cache)
        yield client
    finally:
        await client.close()


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def plain(runner, model, told):
    """A worker that keeps nothing unless it is told to."""
    opened = worker(model, None, told)
    yield runner.run(opened.__aenter__())
    runner.run(opened.__aexit__(None, None, None))


async def reply(client, turns, limit, seen=lambda _: None):
    """A reply to what was said, as a turn with its tokens; and its Done."""
    before = turns[-1] if turns[-1].role == "assistant" else Turn("assistant", "")
    tokens, text, end = ReplyTokens(len(before.text), before.tokens), before.text, None
    options = GenerateOptions(limit=limit, sampling=Sampling(temperature=0, banned=(0,)))
    events = client.generate(Chat(turns=tuple(turns), template="g1"), options)
    try:
        async with contextlib.aclosing(events):
            async for event in events:
                tokens.note(event)
                text += getattr(event, "text", "")
                end = event if isinstance(event, Done) else end
                seen(event)
    except WorkerDied:
        pass
    return Turn("assistant", text, tokens.span), end


async def written(folder, files):
    """Wait until so many states are there: a worker that leaves waits for them but a moment."""

    def wait():
        while len(list(files_in(folder))) < files:
            time.sleep(0.02)

    await asyncio.to_thread(wait)


def test_everything_a_conversation_comes_back_to_is_restored_after_a_restart(
    runner, model, tmp_path
):
    folder = tmp_path / "kept"
    cache = StateCache(folder=os.fsencode(folder))
    asked, other = Turn("user", STORY), Turn("user", "And then?")

    async def converse():
        async with worker(model, cache) as client:
            first, _ = await reply(client, [asked], 20)
            second, whole = await reply(client, [asked, first, other], 20)
            await written(folder, 4)
        async with worker(model, cache) as client:
            return whole, {
                name: (await reply(client, turns, 4))[1].computed_tokens
                for name, turns in {
                    "regenerate": [asked, first, other],
                    "edit": [asked, first, Turn("user", "But why?")],
                    "first again": [asked],
                    "go on": [asked, first, other, second],
                    "next": [asked, first, other, second, Turn("user", "More")],
                }.items()
            }

    whole, computed = runner.run(converse())
    assert whole.computed_tokens < whole.prompt_tokens
    assert computed["regenerate"] == computed["first again"] == 0
    assert computed["go on"] == 1, "the last token was chosen and never read"
    assert computed["edit"] < len("User: But why?\n\nAssistant:") + 4
    assert computed["next"] < len("User: More\n\nAssistant:") + 4


def test_a_reply_goes_on_from_its_last_state_after_its_worker_was_killed(
    runner, plain, model, tmp_path
):
    """No token is lost or doubled, and the text is that of no kill at all."""
    folder, asked, more = tmp_path / "kept", Turn("user", STORY), 60
    cache = StateCache(folder=os.fsencode(folder), every_s=0.0)

    async def killed():
        async with worker(model, cache) as client:

            def seen(event):
                """Once a state of the reply is there: the prompt's end is another one."""
                if isinstance(event, Piece) and len(list(files_in(folder))) > 1:
                    os.kill(client.pid, 9)

            return await reply(client, [asked], 50_000, seen)

    async def goes_on(turn):
        async with worker(model, cache) as client:
            return await reply(client, [asked, turn], more)

    cut, end = runner.run(killed())
    assert end is None
    turn, end = runner.run(goes_on(cut))
    known = len(unpack(cut.tokens.ids))
    whole, _ = runner.run(reply(plain, [asked], known + more))
    assert unpack(turn.tokens.ids) == unpack(whole.tokens.ids)
    assert turn.text == whole.text
    assert end.computed_tokens < known - 16, "from a state in the middle of the reply"


def test_a_folder_that_takes_nothing_is_told_once_and_texts_go_on(runner, plain, told, tmp_path):
    (tmp_path / "file").write_text("no folder")

    async def write():
        plain.keep_states(StateCache(folder=os.fsencode(tmp_path / "file" / "kept")))
        for words in ("one", "two"):
            assert (await reply(plain, [Turn("user", words)], 4))[1]
        while not told:
            await reply(plain, [Turn("user", "and so on")], 4)
        plain.keep_states(None)
        assert (await reply(plain, [Turn("user", "three")], 4))[1]

    runner.run(write())
    assert [type(one) for one in told] == [StatesUnkept]


def test_two_workers_share_a_folder(runner, plain, model, tmp_path):
    folder = tmp_path / "kept"
    cache = StateCache(folder=os.fsencode(folder))
    asked = [Turn("user", "What do you share?")]

    async def both():
        plain.keep_states(cache)
        await reply(plain, asked, 2)
        await written(folder, 2)
        async with worker(model, cache) as other:
            end = (await reply(other, asked, 9))[1]
            await written(folder, 3)
        return end, (await reply(plain, asked, 2))[1]

    other, again = runner.run(both())
    assert (other.computed_tokens, again.computed_tokens) == (0, 0)
