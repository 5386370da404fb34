"""Limits for one query to a hub: time, requests, bytes and JSON values; and who gets the token.

A query is all requests that are made to find out one thing, such as those for all pages of a list.
Its budget is kept in a context variable, so it holds for every request of the thread that asks.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import httpx2

from app.errors import HubGarbled, HubUnreachable

SECONDS = 60.0
REQUESTS = 20
BYTES = 16 << 20
VALUES = 300_000

_SECRET = ("Authorization", "Cookie")


@dataclass
class RequestBudget:
    """What is left of the limits of one query.

    ``home`` is the address of the hub: other hosts get no token and no cookie.  None is any host.
    ``until_s`` is a time of time.monotonic.
    """

    home: httpx2.URL | None = None
    until_s: float = field(default_factory=lambda: time.monotonic() + SECONDS)
    requests_left: int = field(default_factory=lambda: REQUESTS)
    bytes_left: int = field(default_factory=lambda: BYTES)
    values_left: int = field(default_factory=lambda: VALUES)

    def begin(self, request: httpx2.Request) -> None:
        """Count one more request; if it goes to another host than ``home``, take secrets out of it.

        Raises HubGarbled after too many requests, HubUnreachable when the time is over.
        """
        self.requests_left -= 1
        if self.requests_left < 0:
            raise HubGarbled(host=request.url.host, why="list-without-end")
        self._raise_if_late(request.url.host)
        if self.home is not None and not is_same_origin(self.home, request.url):
            for name in _SECRET:
                request.headers.pop(name, None)

    def take(self, count: int, host: str) -> None:
        """Count ``count`` bytes of an answer.

        Raises HubGarbled after too many, HubUnreachable when the time is over.
        """
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise HubGarbled(host=host, why="answer-too-long")
        self._raise_if_late(host)

    def look_at(self, body: bytes, host: str) -> None:
        """Count the JSON values of an answer by its commas, before it is decoded.

        Raises HubGarbled if there are too many.
        """
        self.values_left -= body.count(b",")
        if self.values_left < 0:
            raise HubGarbled(host=host, why="answer-too-full")

    def _raise_if_late(self, host: str) -> None:
        if time.monotonic() > self.until_s:
            raise HubUnreachable(host=host, why="no-answer-in-time")


_now: ContextVar[RequestBudget | None] = ContextVar("request_budget", default=None)


def current_budget() -> RequestBudget | None:
    """The budget of the query that this thread is making; None outside of any."""
    return _now.get()


@contextmanager
def request_budget(home: str = "", seconds: float = 0.0) -> Iterator[RequestBudget]:
    """All requests inside are one query with one budget: inside another query, that of the other.

    ``home`` is the address of the hub, which alone gets secrets; "" sends them to any host.
    ``seconds`` is the time limit, 0 the usual one.
    """
    if (outer := _now.get()) is not None:
        yield outer
        return
    budget = RequestBudget(httpx2.URL(home) if home else None)
    budget.until_s = time.monotonic() + (seconds or SECONDS)
    before = _now.set(budget)
    try:
        yield budget
    finally:
        _now.reset(before)


def is_same_origin(one: httpx2.URL, other: httpx2.URL) -> bool:
    """Whether scheme, host and port are the same."""
    return (one.scheme, one.host, _port(one)) == (other.scheme, other.host, _port(other))


def _port(url: httpx2.URL) -> int | None:
    return url.port or {"http": 80, "https": 443}.get(url.scheme)
