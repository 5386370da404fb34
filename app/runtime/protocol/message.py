"""The base of every message between the window (or command line) and a worker."""

import msgspec


class Message(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Anything that crosses the pipe."""

    id: int
