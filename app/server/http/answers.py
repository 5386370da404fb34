"""Answers that take time: one JSON object, or events as they come; a client that leaves stops both.

The first bytes go out with the first event, so that what fails before has a status of its own.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from starlette.types import Receive, Scope, Send

from app.errors import Failure, ServerRefused
from app.system.log import describe, logger

from .error_answers import headers_of, refusal_bytes, status_of
from .request_record import record_of

PING_S = 10.0
_STUCK_S = 60.0  # then a client that takes nothing is taken for gone


class Framing(NamedTuple):
    """How events are told apart: ``before`` and ``after`` each, ``last`` behind all, ``ping``."""

    kind: str
    before: bytes = b""
    after: bytes = b"\n"
    last: bytes = b""
    ping: bytes = b""


EVENTS = Framing(
    "text/event-stream; charset=utf-8", b"data: ", b"\n\n", b"data: [DONE]\n\n", b": ping\n\n"
)
LINES = Framing("application/x-ndjson")


class _GoneError(Exception):
    """The client takes nothing any more."""


class _Answer:
    """Runs ``_work`` until it ends, the client leaves, or the server is being ended."""

    _stopped = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        work = asyncio.create_task(self._work(scope, send))
        gone = asyncio.create_task(_gone(receive))

        def stop() -> None:
            self._stopped = True
            work.cancel()

        record_of(scope).stop = stop
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            record_of(scope).cut = not work.done()
            for task in (work, gone):
                task.cancel()
            await asyncio.wait((work, gone))
        if not work.cancelled() and (error := work.exception()) is not None:
            if isinstance(error, _GoneError):
                record_of(scope).cut = True
            else:
                raise error

    async def _work(self, scope: Scope, send: Send) -> None:
        raise NotImplementedError

    @contextlib.contextmanager
    def _stoppable(self) -> Iterator[None]:
        """Where the server is being ended, that is the failure of what runs in the block."""
        try:
            yield
        except asyncio.CancelledError:
            if not self._stopped:
                raise
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            raise ServerRefused(why="stopping") from None


class JsonAnswer(_Answer):
    """One object, which ``made`` comes to."""

    def __init__(self, made: Callable[[], Awaitable[Any]]) -> None:
        self._made = made

    async def _work(self, scope: Scope, send: Send) -> None:
        try:
            with self._stoppable():
                body = msgspec.json.encode(await self._made())
        except Failure as failure:
            await send_refusal(scope, send, failure)
            return
        await send_whole(send, body)


class StreamAnswer(_Answer):
    """The objects of ``events``, in a framing; a failure on the way is the last of them.

    An event is a value to be encoded, or a pair of its name and the value.
    """

    def __init__(self, events: AsyncGenerator[Any, None], framing: Framing = EVENTS) -> None:
        self._events, self._framing = events, framing
        self._begun = False
        self._sent_s = 0.0

    async def _work(self, scope: Scope, send: Send) -> None:
        pings = asyncio.create_task(self._ping(send)) if self._framing.ping else None
        try:
            await self._write(scope, send)
        finally:
            if pings is not None:
                pings.cancel()
                await asyncio.wait((pings,))

    async def _write(self, scope: Scope, send: Send) -> None:
        framing = self._framing
        try:
            with self._stoppable():
                async with contextlib.aclosing(self._events) as events:
                    async for event in events:
                        await self._send(send, self._framed(event))
        except Failure as failure:
            if not self._begun:
                await send_refusal(scope, send, failure)
                return
            _note(scope, failure)
            ollama = framing is LINES
            last = refusal_bytes(failure, status_of(failure), ollama=ollama)
            await self._send(send, framing.before + last + framing.after, more=False)
            return
        await self._send(send, framing.last, more=False)

    def _framed(self, event: Any) -> bytes:
        framing = self._framing
        named = b""
        if isinstance(event, tuple):
            named, event = b"event: " + event[0].encode() + b"\n", event[1]
        return named + framing.before + msgspec.json.encode(event) + framing.after

    async def _ping(self, send: Send) -> None:
        """Tell now and then that the request is not forgotten."""
        clock = asyncio.get_running_loop().time
        self._sent_s = clock()
        while True:
            await asyncio.sleep(max(0.0, self._sent_s + PING_S - clock()))
            if clock() - self._sent_s >= PING_S:
                await self._send(send, self._framing.ping)

    async def _send(self, send: Send, data: bytes, *, more: bool = True) -> None:
        self._sent_s = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(_STUCK_S):
                if not self._begun:
                    self._begun = True
                    await send(_start(200, {"content-type": self._framing.kind}, stream=True))
                await send({"type": "http.response.body", "body": data, "more_body": more})
        except (TimeoutError, OSError) as error:
            raise _GoneError from error


async def send_refusal(scope: Scope, send: Send, failure: Failure) -> None:
    """The whole answer to a request that failed before anything was sent."""
    status = status_of(failure)
    _note(scope, failure)
    body = refusal_bytes(failure, status, ollama=scope["path"].startswith("/api/"))
    await send_whole(send, body, status, headers_of(failure, status))


async def send_whole(
    send: Send, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> None:
    """An answer in JSON."""
    told = {"content-type": "application/json", "content-length": str(len(body))}
    await send(_start(status, {**told, **(headers or {})}))
    await send({"type": "http.response.body", "body": body})


def _start(status: int, headers: Mapping[str, str], *, stream: bool = False) -> dict[str, Any]:
    told = (
        {**headers, "cache-control": "no-cache", "x-accel-buffering": "no"} if stream else headers
    )
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told.items()]
    return {"type": "http.response.start", "status": status, "headers": pairs}


def _note(scope: Scope, failure: Failure) -> None:
    why = str(failure.facts.get("why", "")) if isinstance(failure, ServerRefused) else ""
    record_of(scope).why = why or failure.code
    logger("server").warning("%s: %s", scope["path"], describe(failure))


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
