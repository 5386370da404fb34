"""The server: one socket, one app, run in the loop that calls it."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator

import uvicorn

from app.errors import ServerRefused

from .http.connections import LimitedConnection
from .http.guards import is_loopback
from .http_app import Access, http_app
from .server_services import Services

_BACKLOG = 512
_GRACE_S = 1
_KEPT_S = 20  # programs use a connection again, and may find it closed just then
_ANY_ADDRESS = ("0.0.0.0", "::")
_TAKEN = (errno.EADDRINUSE, errno.EACCES, 10013, 10048)


class LocalServer:
    """``listen`` has the address, ``serve`` answers until ``stop``; all in one loop.

    It may be the main loop of a process or that of a thread of its own: nothing in it belongs to a
    process but the socket.
    """

    def __init__(self, services: Services, host: str, port: int, access: Access) -> None:
        """Raises ServerRefused for an address beyond this computer without a key."""
        if not is_loopback(host) and not access.key:
            raise ServerRefused(why="key-needed", name=host)
        self._services, self._host, self._port = services, host, port
        self._access = access
        self._socket: socket.socket | None = None
        self._server: _Uvicorn | None = None

    @property
    def address(self) -> str:
        """http://127.0.0.1:8790, once it listens; of all addresses, this computer's own."""
        host, port = (self._host, self._port)
        if self._socket is not None:
            port = self._socket.getsockname()[1]
        host = "127.0.0.1" if host == "0.0.0.0" else "::1" if host == "::" else host
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def bind(self) -> None:
        """Take the address; nobody can connect before ``serve``.  Raises ServerRefused."""
        where = f"{self._host}:{self._port}"
        try:
            family, kind, protocol, _, place = socket.getaddrinfo(
                self._host, self._port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
            )[0]
        except (OSError, UnicodeError) as error:
            said = getattr(error, "strerror", None) or ""
            raise ServerRefused(why="address-unusable", name=where, said=said) from error
        # only where it is told that this is TCP does asyncio have small pieces sent at once
        found = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":
                found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(place)
        except OSError as error:
            found.close()
            if error.errno in _TAKEN:
                raise ServerRefused(why="port-taken", name=where) from error
            said = error.strerror or ""
            raise ServerRefused(why="address-unusable", name=where, said=said) from error
        self._socket = found

    async def serve(self) -> None:
        """Answer until ``stop``; texts that are being written then end with an error."""
        assert self._socket is not None
        app = http_app(self._services, self._access)
        config = uvicorn.Config(
            app,
            http=LimitedConnection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # anybody could name another client in the log
            timeout_keep_alive=_KEPT_S,
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._server = _Uvicorn(config)
        await self._server.serve([self._socket])

    def stop(self) -> None:
        """Have ``serve`` return within a second or two; from its loop."""
        if self._server is not None:
            self._server.should_exit = True

    def close(self) -> None:
        """Give the address back."""
        if self._socket is not None:
            self._socket.close()


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are whoever's who runs this."""
        yield
