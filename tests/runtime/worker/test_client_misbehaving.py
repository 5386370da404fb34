"""The client with real processes that break the protocol, each in a way of its own."""

import asyncio
import sys

import pytest

from app.errors import NoModel, WorkerDied, WorkerError
from app.runtime.protocol import messages
from app.runtime.protocol.messages import Piece
from app.runtime.worker.client import Client
from tests.runtime.worker.test_client import gone, replies_of, until
from tests.support import misbehaving

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.fixture(scope="module")
def runner():
    """One loop for all tests here."""
    with asyncio.Runner() as runner:
        yield runner


def death_of(runner, script):
    """What two requests that wait are told; the worker is gone and its end was told once."""

    async def scenario():
        ends = []
        client = Client(lambda: ends.append(client.failure), misbehaving.command(script))
        waiting = [client.load("any.pth", ""), replies_of(client)]
        async with asyncio.timeout(20):
            first, second = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(first, WorkerDied)
        assert second.facts == first.facts
        assert ends == [client.failure]
        assert not client.alive
        assert gone(client.pid)
        await client.close()
        return first.facts

    return runner.run(scenario())


@pytest.mark.parametrize("kind", misbehaving.GARBLED)
def test_what_is_no_message_is_a_death_that_says_so(runner, kind):
    assert death_of(runner, misbehaving.GARBLED[kind])["why"] == "garbled"


@pytest.mark.parametrize("kind", misbehaving.ENDING)
def test_a_message_cut_short_by_the_end_is_a_death_with_its_exit_code(runner, kind):
    facts = death_of(runner, misbehaving.ENDING[kind])
    assert (facts["exit_code"], facts.get("why")) == (5, None)


@pytest.mark.parametrize("kind", misbehaving.CLOSING)
def test_a_worker_that_closes_its_pipe_is_ended_and_every_request_told(runner, kind):
    assert death_of(runner, misbehaving.CLOSING[kind])["why"] == "closed"


def test_a_reply_of_another_kind_than_was_asked_for_is_no_message(runner):
    piece = messages.encode(Piece(id=1, text="instead of a Loaded"))
    script = f"wait_for_a_request(); send({piece!r}); time.sleep(60)"
    assert death_of(runner, script)["why"] == "garbled"


def test_a_failure_may_have_facts_of_any_name(runner):
    facts = {"detail": "one", "self": "two"}
    reply = messages.encode(messages.Failed(id=1, code="worker", detail="three", facts=facts))

    async def scenario():
        client = Client(command=misbehaving.command(f"send({reply!r}); time.sleep(60)"))
        with pytest.raises(WorkerError) as caught:
            await client.load("any.pth", "")
        assert (caught.value.detail, caught.value.facts) == ("three", facts)
        client.kill()
        await client.ended()

    runner.run(scenario())


@pytest.mark.parametrize("kind", misbehaving.SILENT)
def test_a_worker_that_never_answers_can_be_left_at_any_time(runner, kind):
    async def scenario():
        client = Client(command=misbehaving.command(misbehaving.SILENT[kind]))
        loading = asyncio.ensure_future(client.load("any.pth", ""))
        await until(lambda: client._running)
        await client.close()
        with pytest.raises(NoModel):
            await loading
        assert gone(client.pid)

    runner.run(scenario())
