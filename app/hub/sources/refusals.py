"""Turns refusals of hubs and failures of the network into HubError."""

import os
import socket
import ssl

import httpx2

from app.errors import Fact, HubBusy, HubError, HubGarbled, HubMissing, HubRefused, HubUnreachable

from .server_clock import clock_failure
from .socks import ProxyRefusal

_CODE, _MESSAGE = "X-Error-Code", "X-Error-Message"
_CODES = {
    "GatedRepo": "its terms must be accepted first",
    "DisabledRepo": "it was switched off there",
    "RevisionNotFound": "that version of it is not there",
}


def refuse_bad(response: httpx2.Response) -> None:
    """Raises the HubError for a status that is no success; does not need the body."""
    status, host = response.status_code, response.request.url.host
    if status < 400:
        return
    code, facts = response.headers.get(_CODE, ""), _facts(response)
    if status == 404 or (status == 401 and code == "RepoNotFound"):
        raise HubMissing(host=host, status=status, **facts)
    if status in (401, 403):
        raise HubRefused(host=host, status=status, **facts)
    if status == 429:
        wait = response.headers.get("Retry-After", "")
        asked: dict[str, Fact] = {"wait_s": int(wait)} if _is_number(wait) else {}
        raise HubBusy("", host=host, status=status, **facts, **asked)
    raise HubGarbled(host=host, status=status, **{"why": f"error {status}", **facts})


def _facts(response: httpx2.Response) -> dict[str, str]:
    """The reason that the hub gives: by a known code, and in its own words."""
    why = _CODES.get(response.headers.get(_CODE, ""), "")
    said = " ".join(response.headers.get(_MESSAGE, "").split()).rstrip(".")
    return {name: fact for name, fact in (("why", why), ("said", said)) if fact}


def failure_of(error: httpx2.HTTPError, host: str) -> HubError:
    """The HubError for an exception of the HTTP library."""
    if isinstance(error, httpx2.ProxyError):
        return HubUnreachable(host=host, why=_proxy_reason(error))
    if isinstance(error, httpx2.TimeoutException):
        return HubUnreachable(host=host, why="it did not answer in time")
    if isinstance(error, httpx2.UnsupportedProtocol):
        return HubGarbled(host=host, why="it leads to an address that is none")
    if (dated := clock_failure(error, host)) is not None:
        return dated
    if isinstance(error, httpx2.NetworkError):
        return HubUnreachable(host=host, why=_reason(error))
    return HubGarbled(host=host, why=_reason(error))


def _proxy_reason(error: httpx2.ProxyError) -> str:
    if isinstance(error.__cause__, ProxyRefusal):
        return str(error)
    if str(error).startswith("407"):
        return "the proxy wants a name and a password"
    return "the proxy refuses to connect"


def _reason(error: BaseException) -> str:
    """The first cause in the chain of exceptions that tells a person something."""
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


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 7
