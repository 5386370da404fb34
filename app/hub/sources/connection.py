"""The HTTP client of the hub: limits on time and size, proxies, and failures as Failure.

huggingface_hub has one client in a process, and repeats what failed for up to a minute; ours,
which ``through`` puts in its place, answers or fails within seconds.
"""

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpx2
import huggingface_hub
from huggingface_hub import constants

from app.errors import (
    Fact,
    HubBusy,
    HubError,
    HubGarbled,
    HubMissing,
    HubRefused,
    HubUnreachable,
)

LIMIT_S = 10.0
_TOTAL_S = 60.0
_LARGEST = 64 << 20
_CODE = "X-Error-Code"

_lock = threading.Lock()
_open: dict[tuple[str, float], "Connection"] = {}
_way: ContextVar[tuple[str, float]] = ContextVar("way", default=("", LIMIT_S))


class Connection(httpx2.Client):
    """A client whose every answer is whole, good and small; everything else is a HubError.

    ``proxy`` is an address or "" for what the environment says; ``limit_s`` is for connecting
    and for each silence.
    """

    def __init__(self, proxy: str = "", limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        try:
            super().__init__(
                proxy=proxy.strip() or None, timeout=limit_s, follow_redirects=True, max_redirects=5
            )
        except (ValueError, httpx2.InvalidURL, ImportError) as error:
            shown = proxy.rpartition("@")[2]  # a name and a password may stand before it
            raise HubUnreachable(host=shown, why="this is no address of a proxy") from error

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """As the library's; raises HubError."""
        host = request.url.host
        if huggingface_hub.is_offline_mode():
            raise HubUnreachable(host=host, why="HF_HUB_OFFLINE is set")
        request.extensions = {
            **request.extensions,
            "timeout": httpx2.Timeout(self._limit_s).as_dict(),
        }
        try:
            response = super().send(request, **{**options, "stream": True})
            try:
                refuse_bad(response)
                return _whole(response)
            finally:
                response.close()
        except httpx2.HTTPError as error:
            raise failure_of(error, host) from error
        except httpx2.InvalidURL as error:
            raise HubGarbled(host=host, why="it leads to an address that is none") from error


class Switch(httpx2.Client):
    """The one client of huggingface_hub: passes each request on to the way chosen where it is made.

    So hubs with different proxies can be asked at once, and a new one disturbs no old one.
    """

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """As the library's; raises HubError."""
        return connection(*_way.get()).send(request, **options)


def connection(proxy: str = "", limit_s: float = LIMIT_S) -> Connection:
    """The client for this way, the same one each time; raises HubUnreachable for a bad proxy."""
    with _lock:
        found = _open.get((proxy, limit_s))
        if found is None:
            found = _open[proxy, limit_s] = Connection(proxy, limit_s)
        return found


@contextmanager
def through(proxy: str = "", limit_s: float = LIMIT_S) -> Iterator[None]:
    """What huggingface_hub asks inside, in this thread, goes this way."""
    with _lock:
        if not isinstance(huggingface_hub.get_session(), Switch):
            # Otherwise it asks the hub what other programs may be running here, and tells of torch.
            constants.HF_HUB_DISABLE_TELEMETRY = True
            huggingface_hub.set_client_factory(Switch)
    before = _way.set((proxy, limit_s))
    try:
        yield
    finally:
        _way.reset(before)


@contextmanager
def about(**facts: str) -> Iterator[None]:
    """A HubError from inside tells also these facts, where they are not ""."""
    try:
        yield
    except HubError as failure:
        told = {name: fact for name, fact in facts.items() if fact}
        failure.facts = {**told, **failure.facts}
        raise


def refuse_bad(response: httpx2.Response) -> None:
    """Raises the HubError that the status of an answer stands for; needs no body."""
    status, host = response.status_code, response.request.url.host
    if status < 400:
        return
    code = response.headers.get(_CODE, "")
    if status == 404 or (status == 401 and code == "RepoNotFound"):
        raise HubMissing(host=host, status=status)
    if status in (401, 403):
        why = "its terms must be accepted first" if code == "GatedRepo" else ""
        raise HubRefused(host=host, status=status, why=why)
    if status == 429:
        wait = response.headers.get("Retry-After", "")
        facts: dict[str, Fact] = {"wait_s": int(wait)} if _is_number(wait) else {}
        raise HubBusy("", host=host, status=status, **facts)
    raise HubGarbled(host=host, status=status, why=f"error {status}")


def failure_of(error: httpx2.HTTPError, host: str) -> HubError:
    """What an error of the library means for a person."""
    if isinstance(error, httpx2.TimeoutException):
        return HubUnreachable(host=host, why="it did not answer in time")
    if isinstance(error, httpx2.ProxyError):
        return HubUnreachable(host=host, why="the proxy refuses to connect")
    if isinstance(error, httpx2.UnsupportedProtocol):
        return HubGarbled(host=host, why="it leads to an address that is none")
    if isinstance(error, httpx2.NetworkError):
        return HubUnreachable(host=host, why=_reason(error))
    return HubGarbled(host=host, why=_reason(error))


def _reason(error: BaseException) -> str:
    """The first cause that tells something to a person."""
    cause: BaseException | None = error
    while cause is not None:
        for kind, words in _REASONS:
            if isinstance(cause, kind):
                return words
        cause = cause.__cause__ or cause.__context__
    number = next((one for one in error.args if isinstance(one, OSError)), None)
    text = os.strerror(number.errno) if number and number.errno else str(error)
    return text or "the connection broke"


_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "its name cannot be looked up; there may be no network"),
    (ssl.SSLCertVerificationError, "its certificate is not trusted"),
    (ssl.SSLError, "a safe connection cannot be made"),
    (ConnectionRefusedError, "it refuses the connection"),
    (ConnectionResetError, "the connection broke"),
    (httpx2.RemoteProtocolError, "the connection broke"),
    (httpx2.TooManyRedirects, "it leads in a circle"),
    (httpx2.DecodingError, "it cannot be decoded"),
)


def _whole(response: httpx2.Response) -> httpx2.Response:
    """The same answer with its body read, within limits."""
    body = b"".join(_limited(response))
    packed = ("content-encoding", "content-length", "transfer-encoding")
    head = response.request.method == "HEAD"
    headers = [
        (name, value)
        for name, value in response.headers.multi_items()
        if head or name.lower() not in packed
    ]
    whole = httpx2.Response(
        response.status_code, headers=headers, content=body, request=response.request
    )
    whole.history = response.history
    return whole


def _limited(response: httpx2.Response) -> Iterator[bytes]:
    host, size, end = response.request.url.host, 0, time.monotonic() + _TOTAL_S
    for piece in response.iter_bytes():
        size += len(piece)
        if size > _LARGEST:
            raise HubGarbled(host=host, why="it is absurdly long")
        if time.monotonic() > end:
            raise HubUnreachable(host=host, why="it did not answer in time")
        yield piece


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 7
