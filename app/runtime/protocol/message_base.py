"""What all messages between the window and a worker have in common."""

import msgspec


class Message(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Anything that crosses the pipe."""

    id: int
