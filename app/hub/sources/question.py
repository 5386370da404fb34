"""What one question to a hub may cost: time, requests, bytes and values; and who sees the token.

A question is everything that is asked until one thing is known, such as all pages of a list.  Its
limits hold in the thread that asks, for each request that it makes there.
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
class Question:
    """What is left of the limits; ``home`` is the hub, which alone sees secrets; None: any."""

    home: httpx2.URL | None = None
    until_s: float = field(default_factory=lambda: time.monotonic() + SECONDS)
    requests_left: int = field(default_factory=lambda: REQUESTS)
    bytes_left: int = field(default_factory=lambda: BYTES)
    values_left: int = field(default_factory=lambda: VALUES)

    def begin(self, request: httpx2.Request) -> None:
        """One more request; a secret of another host leaves it.  Raises HubError."""
        self.requests_left -= 1
        if self.requests_left < 0:
            raise HubGarbled(host=request.url.host, why="its list has no end")
        self._raise_if_late(request.url.host)
        if self.home is not None and not is_same_origin(self.home, request.url):
            for name in _SECRET:
                request.headers.pop(name, None)

    def take(self, count: int, host: str) -> None:
        """So many bytes have come.  Raises HubError."""
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise HubGarbled(host=host, why="it is absurdly long")
        self._raise_if_late(host)

    def look_at(self, body: bytes, host: str) -> None:
        """Before it is decoded: each value but the first stands behind a comma, or deep inside."""
        self.values_left -= body.count(b",")
        if self.values_left < 0:
            raise HubGarbled(host=host, why="it holds absurdly many things")

    def _raise_if_late(self, host: str) -> None:
        if time.monotonic() > self.until_s:
            raise HubUnreachable(host=host, why="it did not answer in time")


_now: ContextVar[Question | None] = ContextVar("question", default=None)


def current() -> Question | None:
    """The question that this thread is asking."""
    return _now.get()


@contextmanager
def question(home: str = "", seconds: float = 0.0) -> Iterator[Question]:
    """What is asked inside is one question; inside another one it belongs to that.

    ``seconds`` 0 is the usual time.
    """
    if (outer := _now.get()) is not None:
        yield outer
        return
    one = Question(httpx2.URL(home) if home else None)
    one.until_s = time.monotonic() + (seconds or SECONDS)
    before = _now.set(one)
    try:
        yield one
    finally:
        _now.reset(before)


def is_same_origin(one: httpx2.URL, other: httpx2.URL) -> bool:
    """Whether both are at the same door of the same host."""
    return (one.scheme, one.host, _port(one)) == (other.scheme, other.host, _port(other))


def _port(url: httpx2.URL) -> int | None:
    return url.port or {"http": 80, "https": 443}.get(url.scheme)
