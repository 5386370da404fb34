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
    "GatedRepo": "terms-not-accepted",
    "DisabledRepo": "switched-off",
    "RevisionNotFound": "version-missing",
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
    raise HubGarbled(host=host, status=status, **{"why": "http-status", **facts})


def _facts(response: httpx2.Response) -> dict[str, str]:
    """The reason that the hub gives: by a known code, and in its own words."""
    why = _CODES.get(response.headers.get(_CODE, ""), "")
    said = " ".join(response.headers.get(_MESSAGE, "").split()).rstrip(".")
    return {name: fact for name, fact in (("why", why), ("said", said)) if fact}


def failure_of(error: httpx2.HTTPError, host: str) -> HubError:
    """The HubError for an exception of the HTTP library."""
    if isinstance(error, httpx2.ProxyError):
        return HubUnreachable(host=host, **_proxy_facts(error))
    if isinstance(error, httpx2.TimeoutException):
        return HubUnreachable(host=host, why="no-answer-in-time")
    if isinstance(error, httpx2.UnsupportedProtocol):
        return HubGarbled(host=host, why="redirect-invalid")
    if (dated := clock_failure(error, host)) is not None:
        return dated
    if isinstance(error, httpx2.NetworkError):
        return HubUnreachable(host=host, **_reason(error))
    return HubGarbled(host=host, **_reason(error))


def _proxy_facts(error: httpx2.ProxyError) -> dict[str, str]:
    refusal = error.__cause__
    if isinstance(refusal, ProxyRefusal):
        return dict(zip(("why", "proxy"), map(str, refusal.args), strict=False))
    return {"why": "proxy-password-wanted" if str(error).startswith("407") else "proxy-refused"}


def _reason(error: BaseException) -> dict[str, str]:
    """From the first cause in the chain of exceptions that tells a person something.

    Fact ``why``, or ``said`` in the words of the system where nothing is known of it.
    """
    cause: BaseException | None = error
    while cause is not None:
        for kind, reason in _REASONS:
            if isinstance(cause, kind):
                return {"why": reason}
        cause = cause.__cause__ or cause.__context__
    number = next((one for one in error.args if isinstance(one, OSError)), None)
    text = os.strerror(number.errno) if number and number.errno else str(error)
    return {"said": text} if text else {"why": "connection-broke"}


_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "name-unknown"),
    (ssl.SSLCertVerificationError, "certificate-untrusted"),
    (ssl.SSLError, "tls-failed"),
    (ConnectionRefusedError, "connection-refused"),
    (ConnectionResetError, "connection-broke"),
    (httpx2.RemoteProtocolError, "connection-broke"),
    (httpx2.TooManyRedirects, "redirect-circle"),
    (httpx2.DecodingError, "answer-undecodable"),
)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 7
