"""Every message between the window and the process that downloads for it."""

from typing import Any, Literal

import msgspec

from app.errors import BY_CODE, Fact, Failure
from app.hub.catalogue.entries import Entry
from app.hub.sources.endpoints import Endpoint
from app.system.frames import decoded


class Origin(msgspec.Struct, frozen=True):
    """A hub, as ``remote.Hub`` is made."""

    endpoint: Endpoint
    token: str = ""
    proxy: str = ""


class Fetch(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Download an entry into a folder; answered by Moved, and by one Ended.

    ``into`` as ``Destination`` has it; ``verified`` is the file that remembers what was read whole;
    ``others`` are asked where ``origin`` has the file no more.
    """

    id: str
    entry: Entry
    folder: str
    origin: Origin
    connections: int = 4
    into: str | None = None
    verified: str = ""
    others: tuple[Origin, ...] = ()


class Halt(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Stop one; ``discard`` takes away what is there.  Answered by its Ended."""

    id: str
    discard: bool = False


class Limit(msgspec.Struct, frozen=True, tag=True):
    """Bytes a second for all together; 0 for none."""

    bytes_per_s: int


class Quit(msgspec.Struct, frozen=True, tag=True):
    """Stop everything, keep it, and end."""


Request = Fetch | Halt | Limit | Quit


class Moved(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """How far one is; ``code`` and ``facts`` tell why it is waiting."""

    id: str
    state: Literal["running", "waiting", "checking"]
    done: int
    total: int
    bytes_per_s: float = 0.0
    seconds_left: float = -1.0
    code: str = ""
    facts: dict[str, Fact] = {}


class Ended(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """One has ended: ``path`` opens it if it is whole; ``code`` if it failed; else stopped.

    With both it is whole and lacks something.
    """

    id: str
    path: str = ""
    done: int = 0
    code: str = ""
    facts: dict[str, Fact] = {}


Reply = Moved | Ended

encode = msgspec.msgpack.encode
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def request(frame: bytes) -> Request:
    """Raises GarbledError."""
    return decoded(_requests.decode, frame)


def reply(frame: bytes) -> Reply:
    """Raises GarbledError."""
    return decoded(_replies.decode, frame)


def failure_to_fields(failure: Failure | None) -> dict[str, Any]:
    """A failure as the fields of a message."""
    return {"code": failure.code, "facts": failure.facts} if failure else {}


def failure_from_fields(code: str, facts: dict[str, Fact]) -> Failure | None:
    """The failure that a message tells of."""
    return BY_CODE.get(code, Failure)("", **facts) if code else None
