"""Requests ranges of bytes of a file over HTTP, and checks each answer before it is used."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from app.errors import Fact, HubBusy, HubError, HubGarbled, HubRefused, PageInstead
from app.hub.sources.refusals import failure_of, refuse_bad
from app.hub.sources.request_budget import is_same_origin, request_budget
from app.hub.sources.transport import Transport

from .byte_ranges import Span

CONNECT_S = 15.0
_PAGES = ("text/html", "application/xhtml+xml")
_SIGN_IN = 511  # Network Authentication Required
_HOPS = 5
_AT_ONCE = 1 << 20
_REDIRECTS = (301, 302, 303, 307, 308)
_SPAN = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)
_LONGEST_WAIT_S = 3600.0
_IDENTITY = ("", "identity")


class ChangedError(Exception):
    """The host now has another file than at the start, or sends all of it instead of a range.

    ``ranged`` tells whether requesting ranges again can work.
    """

    def __init__(self, *, ranged: bool) -> None:
        super().__init__()
        self.ranged = ranged


class TroubleError(Exception):
    """A failure after which another try may work; ``wait_s`` is how long the host asks to wait."""

    def __init__(self, failure: HubError, wait_s: float = 0.0) -> None:
        super().__init__()
        self.failure, self.wait_s = failure, wait_s


class RangeClient:
    """Requests ranges of one file. ``headers`` are sent to the host of ``url`` only.

    If ``url`` redirects to another host, that host is asked directly until it refuses.
    """

    def __init__(self, url: str, headers: dict[str, str], *, proxy: str, stall_s: float) -> None:
        self._url, self._headers = httpx2.URL(url), headers
        self._direct: httpx2.URL | None = None
        self._head_s = CONNECT_S + stall_s
        self._client = httpx2.Client(
            transport=Transport(proxy),
            trust_env=False,
            timeout=httpx2.Timeout(stall_s, connect=CONNECT_S),
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    @contextmanager
    def asked(self, span: Span, size: int, validator: str) -> "Iterator[Answer]":
        """Request the bytes of ``span`` of a file of ``size`` bytes whose ETag is ``validator``.

        Raises ChangedError, TroubleError, and HubError for an answer that will not change.
        """
        start, end = span
        wanted = {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}
        if validator and validator.isascii() and not validator.startswith("W/"):
            wanted["If-Range"] = validator
        try:
            response = self._followed(wanted)
            try:
                self._refuse_page(response)
                yield Answer(_checked(response, start, size, validator))
            finally:
                response.close()
        except httpx2.HTTPError as error:
            raise TroubleError(failure_of(error, self._url.host)) from error
        except httpx2.InvalidURL as error:
            raise HubGarbled(host=self._url.host, why="redirect-invalid") from error

    def _refuse_page(self, response: httpx2.Response) -> None:
        """Raises PageInstead for HTML.

        A sign-in page of a network, a block page, or a wrong address.
        """
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        wanted = self._url.path.lower().endswith((".html", ".htm", ".xhtml"))
        is_page = kind in _PAGES and response.status_code < 300 and not wanted
        if is_page or response.status_code == _SIGN_IN:
            name = self._url.path.rsplit("/", 1)[-1]
            host = response.request.url.host
            response.close()
            raise PageInstead(host=host, found="web-page", file=name)

    def _followed(self, wanted: dict[str, str]) -> httpx2.Response:
        url, direct = self._direct or self._url, self._direct
        for _ in range(_HOPS):
            headers = {**self._headers, **wanted} if is_same_origin(url, self._url) else wanted
            request = self._client.build_request("GET", url, headers=headers)
            with request_budget(seconds=self._head_s):  # of its beginning; the bytes may take long
                response = self._client.send(request, stream=True)
            if response.status_code not in _REDIRECTS:
                if response.status_code < 400:
                    self._direct = None if is_same_origin(url, self._url) else url
                elif direct is not None or not is_same_origin(url, self._url):
                    self._direct = None
                    _expired(response)
                return response
            place = response.headers.get("Location", "")
            response.close()
            url = url.join(place)
        raise HubGarbled(host=self._url.host, why="redirect-circle")


class Answer:
    """An answer whose body has not been read yet.

    ``ranged`` tells whether the host supports ranges, ``validator`` is the ETag.
    """

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self._stream = response.extensions.get("network_stream")
        self.ranged = response.status_code == 206
        self.validator = response.headers.get("ETag", "")

    def chunks(self, *, wide: bool = True) -> Iterator[bytes]:
        """The body piece by piece, in large pieces if ``wide``.

        Ends early if the connection breaks.
        """
        if wide and self._stream is not None:
            _widen(self._stream)
        yield from self._response.iter_raw()

    def cut(self) -> None:
        """End the request from another thread, also while it waits for bytes."""
        client = self._stream.get_extra_info("socket") if self._stream else None
        if client is not None:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it has ended by itself


class _Wide:
    """A stream that reads more from the socket at a time than the 64 KiB of the HTTP library.

    Measured from a server on loopback: 0.6 of curl's rate without this, 0.9 with it.
    """

    def __init__(self, read: Callable[..., bytes]) -> None:
        self._read = read

    def __call__(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._read(max(max_bytes, _AT_ONCE), timeout)


def _widen(stream: Any) -> None:
    """Use ``_Wide`` for an unencrypted stream; TLS hands out 16 KiB at a time in any case."""
    if stream.get_extra_info("ssl_object") is None and not isinstance(stream.read, _Wide):
        stream.read = _Wide(stream.read)


def _expired(response: httpx2.Response) -> None:
    """Raises TroubleError if a redirected address refuses.

    The next try follows the redirect anew.
    """
    if response.status_code in (400, 401, 403, 404, 410):
        host = response.request.url.host
        response.close()
        raise TroubleError(HubRefused(host=host, status=response.status_code))


def _checked(response: httpx2.Response, start: int, size: int, validator: str) -> httpx2.Response:
    """The answer, if it is the range that was requested; otherwise raises."""
    try:
        _refused(response)
        if response.headers.get("Content-Encoding", "") not in _IDENTITY:
            raise HubGarbled(host=response.request.url.host, why="file-packed")
        if response.status_code == 206:
            _check_part(response, start, size, validator)
        elif response.status_code == 200:
            _check_whole(response, start, size, validator)
        else:
            raise _odd(response, "http-status", status=response.status_code)
    except BaseException:
        response.close()
        raise
    return response


def _refused(response: httpx2.Response) -> None:
    if response.status_code == 416:
        raise ChangedError(ranged=True)
    try:
        refuse_bad(response)
    except HubBusy as failure:
        raise TroubleError(failure, _wait_s(response)) from failure
    except HubGarbled as failure:
        if response.status_code < 500 and response.status_code not in (408, 425):
            raise
        raise TroubleError(failure, _wait_s(response)) from failure


def _check_part(response: httpx2.Response, start: int, size: int, validator: str) -> None:
    span = _SPAN.fullmatch(response.headers.get("Content-Range", ""))
    if not span or int(span[1]) != start:
        raise _odd(response, "other-part")
    if span[3] != "*" and int(span[3]) != size:
        raise ChangedError(ranged=True)
    etag = response.headers.get("ETag", "")
    if validator and etag and etag != validator:
        raise ChangedError(ranged=True)


def _check_whole(response: httpx2.Response, start: int, size: int, validator: str) -> None:
    """Check an answer that holds the whole file.

    Raises ChangedError if a later range was requested or the ETag is another, TroubleError if the
    length is wrong.
    """
    etag = response.headers.get("ETag", "")
    if start or (validator and etag and etag != validator):
        raise ChangedError(ranged=bool(validator) and etag != validator)
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and int(length) != size:
        raise _odd(response, "other-length", found_bytes=int(length), size_bytes=size)


def _odd(response: httpx2.Response, why: str, **facts: Fact) -> TroubleError:
    return TroubleError(HubGarbled(host=response.request.url.host, why=why, **facts))


def _wait_s(response: httpx2.Response) -> float:
    """The seconds that Retry-After asks to wait, from a number or a date; 0 without one."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_WAIT_S)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(0.0, (until - datetime.now(UTC)).total_seconds()), _LONGEST_WAIT_S)
