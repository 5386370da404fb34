"""Who may ask: by the name that the server was called by, and by a key."""

import hmac
import ipaddress
import socket
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import ServerRefused

from .answers import send_refusal

LOCAL_ORIGINS = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?"
"""Pages that may read answers: those of this computer."""

_LOCAL_NAMES = {"localhost", "host.docker.internal", "host.containers.internal"}
_OPEN_PATHS = {"/health", "/v1/health"}
_SHOWN = 80


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches a server at ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class HostGuard:
    """Refuses requests by another name, as after DNS rebinding, where a web page asks.

    An address of numbers cannot be rebound, so those of this and of private networks pass.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        own = {socket.gethostname().casefold()}
        self._app = app
        self._names = _LOCAL_NAMES | own | {name.casefold() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        host = _header(scope, b"host")
        if scope["type"] == "http" and host is not None and not self._is_own(_name(host)):
            await send_refusal(scope, send, ServerRefused(why="host", name=host[:_SHOWN]))
            return
        await self._app(scope, receive, send)

    def _is_own(self, name: str) -> bool:
        if name in self._names or name.endswith(".localhost"):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or address.is_private or address.is_unspecified


class KeyGuard:
    """Refuses requests without the key, if there is one; health may be asked by anybody."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app, self._key = app, key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        guarded = self._key and scope["type"] == "http" and scope["path"] not in _OPEN_PATHS
        if guarded and not hmac.compare_digest(self._shown(scope), self._key):
            await send_refusal(scope, send, ServerRefused(why="key"))
            return
        await self._app(scope, receive, send)

    def _shown(self, scope: Scope) -> bytes:
        kind, _, key = (_header(scope, b"authorization") or "").partition(" ")
        return key.strip().encode("latin-1") if kind.casefold() == "bearer" else b""


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope.get("headers", ()):
        if key == name:
            return str(value.decode("latin-1"))
    return None


def _name(host: str) -> str:
    """The host without its port."""
    host = host.strip().casefold()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host
