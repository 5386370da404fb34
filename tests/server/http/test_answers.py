"""Answers that take time: signs of life, clients that leave, and a server that is being ended."""

import asyncio
import contextlib

import pytest

from app.errors import RequestRefused
from app.server.http import answers
from app.server.http.answers import LINES, JsonAnswer, StreamAnswer
from app.server.http.request_record import RequestRecords


class Exchange:
    """One request's ASGI calls; ``gone`` is set when the client leaves."""

    def __init__(self, path="/v1/x"):
        self.records = RequestRecords()
        self.scope = {"type": "http", "method": "POST", "path": path}
        self.record = self.records.begin(self.scope)
        self.gone, self.sent = asyncio.Event(), []
        self.news = asyncio.Event()

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.sent.append(message)
        self.news.set()

    async def wait_for(self, data):
        while data not in self.body:
            self.news.clear()
            await self.news.wait()

    @property
    def body(self):
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def status(self):
        return self.sent[0]["status"]

    def run(self, answer):
        return asyncio.create_task(answer(self.scope, self.receive, self.send))


async def slow(ended, first=True):
    try:
        if first:
            yield {"n": 1}
        await asyncio.Event().wait()
    finally:
        ended.append(True)


def test_a_long_silence_has_signs_of_life_and_a_client_that_leaves_ends_the_work(monkeypatch):
    monkeypatch.setattr(answers, "PING_S", 0.01)

    async def run():
        exchange, ended = Exchange(), []
        task = exchange.run(StreamAnswer(slow(ended, first=False)))
        await exchange.wait_for(b": ping\n\n: ping\n\n")
        assert exchange.status == 200
        exchange.gone.set()
        await task
        assert (ended, exchange.record.cut) == ([True], True)

    asyncio.run(run())


def test_an_answer_that_is_being_written_when_the_server_ends_says_so():
    async def run():
        exchange, ended = Exchange(), []
        task = exchange.run(StreamAnswer(slow(ended)))
        await exchange.wait_for(b'"n"')
        exchange.records.stop()
        await task
        assert ended == [True]
        assert exchange.body.endswith(b"}}\n\n")
        assert b'data: {"error"' in exchange.body
        assert exchange.record.why == "stopping"

    asyncio.run(run())


def test_a_whole_answer_is_ended_with_a_status_of_its_own():
    async def run():
        exchange = Exchange()
        begun = asyncio.Event()

        async def made():
            begun.set()
            await asyncio.Event().wait()

        task = exchange.run(JsonAnswer(made))
        await begun.wait()
        exchange.records.stop()
        await task
        assert exchange.status == 503

    asyncio.run(run())


def test_a_failure_before_the_first_event_has_a_status_and_later_it_is_the_last_event():
    async def failing(*events):
        for event in events:
            yield event
        raise RequestRefused(why="limit")

    async def run():
        early, late = Exchange(), Exchange("/api/x")
        await early.run(StreamAnswer(failing()))
        assert early.status == 400
        await late.run(StreamAnswer(failing({"n": 1}), LINES))
        assert late.status == 200
        assert late.body.startswith(b'{"n":1}\n{"error":"')

    asyncio.run(run())


def test_a_client_that_takes_nothing_is_taken_for_gone(monkeypatch):
    monkeypatch.setattr(answers, "_STUCK_S", 0.01)

    async def run():
        exchange, ended = Exchange(), []

        async def stuck(message):
            await asyncio.Event().wait()

        exchange.send = stuck
        with contextlib.suppress(asyncio.CancelledError):
            await exchange.run(StreamAnswer(slow(ended)))
        assert (ended, exchange.record.cut) == ([True], True)

    asyncio.run(run())


def test_a_bug_is_not_swallowed():
    async def broken():
        raise LookupError
        yield

    async def run():
        with pytest.raises(LookupError):
            await Exchange().run(StreamAnswer(broken()))

    asyncio.run(run())
