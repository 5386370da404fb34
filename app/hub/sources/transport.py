"""The HTTP transport: direct or through a proxy, with a time limit for each whole query.

The HTTP library limits each wait for bytes, not their sum: a slow host could hold a thread for
ever.  Here every read also ends when the query's time is over (``request_budget``).
"""

import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore2
import httpx2

from .network_settings import Proxy, proxy_at, proxy_to, tls_context
from .request_budget import current_budget
from .socks import ProxyRefusal, connect_through

_CONNECTIONS = 100
_KEPT, _KEPT_S = 20, 5.0


class Transport(httpx2.BaseTransport):
    """``proxy`` is an address or "" for that of the environment; ``context`` has the certificates.

    Raises NetworkSettingRefused if either is invalid.
    """

    def __init__(self, proxy: str = "", context: ssl.SSLContext | None = None) -> None:
        self._proxy, self._context = proxy, context or tls_context()
        if proxy.strip():
            proxy_at(proxy)
        self._lock = threading.Lock()
        self._ways: dict[Proxy | None, _Way] = {}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """As the library's; raises NetworkSettingRefused."""
        proxy = proxy_to(request.url, self._proxy)
        with self._lock:
            way = self._ways.get(proxy)
            if way is None:
                way = self._ways[proxy] = _Way(proxy, self._context)
        return way.handle_request(request)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            ways, self._ways = list(self._ways.values()), {}
        for way in ways:
            way.close()


class _Way(httpx2.HTTPTransport):
    """The transport of the HTTP library, with connections opened by ``_Network``."""

    def __init__(self, proxy: Proxy | None, context: ssl.SSLContext) -> None:
        super().__init__(verify=context, trust_env=False)
        shared: dict[str, Any] = {
            "ssl_context": context,
            "max_connections": _CONNECTIONS,
            "max_keepalive_connections": _KEPT,
            "keepalive_expiry": _KEPT_S,
            "network_backend": _Network(proxy),
        }
        if proxy is None or proxy.scheme.startswith("socks"):
            self._pool = httpcore2.ConnectionPool(**shared)
            return
        login = (proxy.user.encode(), proxy.password.encode()) if proxy.user else None
        where = httpcore2.URL(scheme=proxy.scheme, host=proxy.host, port=proxy.port, target="/")
        self._pool = httpcore2.HTTPProxy(
            where,
            proxy_auth=login,
            proxy_ssl_context=context if proxy.scheme == "https" else None,
            **shared,
        )


class _Network(httpcore2.NetworkBackend):
    """Opens connections; those through SOCKS look like direct ones to the library."""

    def __init__(self, proxy: Proxy | None) -> None:
        self._proxy, self._system = proxy, httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """As the library's; raises ProxyRefusal where a proxy is in the way."""
        proxy = self._proxy
        if proxy is None:
            return _Stream(self._system.connect_tcp(host, port, _left(timeout)))
        try:
            stream = _Stream(self._system.connect_tcp(proxy.host, proxy.port, _left(timeout)))
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
            raise ProxyRefusal("proxy-no-answer", proxy.place) from error
        if proxy.scheme.startswith("socks"):
            try:
                connect_through(stream, proxy, host, port)
            except BaseException:
                stream.close()
                raise
        return stream


class _Stream(httpcore2.NetworkStream):
    """A connection whose reads end when the query's time is over."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """As the library's."""
        return self._stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """As the library's."""
        self._stream.write(buffer, _left(timeout))

    def close(self) -> None:
        """As the library's."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """As the library's."""
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        """As the library's."""
        return self._stream.get_extra_info(info)


def _left(timeout: float | None) -> float | None:
    """The time limit for one step. Raises ReadTimeout if the query has no time left."""
    budget = current_budget()
    if budget is None:
        return timeout
    left = budget.until_s - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("the time for this query is over")
    return left if timeout is None else min(timeout, left)
