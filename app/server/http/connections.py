"""The connections of uvicorn, with limits on how many there are and how long one says nothing."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 1000
"""Connections at once; more are closed at once, so that files stay free for the program."""

_SILENT_S = 30.0


class LimitedConnection(H11Protocol):
    """Closed where a request's head does not come in time, however slowly it trickles in."""

    _watch: asyncio.TimerHandle | None = None
    _waits_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio."""
        if len(self.connections) >= MOST:
            transport.abort()
            self.transport = transport
            return
        super().connection_made(transport)
        self._waits_since = self.loop.time()
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        if self._watch is not None:
            self._watch.cancel()
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        if self._watch is not None:
            super().data_received(data)

    def _look_later(self) -> None:
        self._watch = self.loop.call_later(_SILENT_S / 3, self._look)

    def _look(self) -> None:
        connection: Any = self.conn
        waits = connection.their_state is h11.IDLE
        if not waits:
            self._waits_since = self.loop.time()
        if self.transport.is_closing():
            return
        if waits and self.loop.time() - self._waits_since >= _SILENT_S:
            self.transport.close()
            return
        self._look_later()
