"""The messages between the window and its download process."""

from typing import Any, Literal

import msgspec

from app.errors import BY_CODE, Fact, Failure
from app.hub.catalogue.entries import Entry
from app.hub.sources.endpoints import Endpoint
from app.system.frames import decoded


class Origin(msgspec.Struct, frozen=True):
    """The arguments of ``remote.Hub``."""

    endpoint: Endpoint
    token: str = ""
    proxy: str = ""


class Fetch(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Download an entry into ``folder``; answered by any number of Moved and one Ended.

    ``into`` is as in ``Destination``; ``verified`` is the file that records verified files;
    ``others`` are hubs to ask for files that ``origin`` no longer has.
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
    """Stop a download; ``discard`` deletes what was downloaded. Answered by its Ended."""

    id: str
    discard: bool = False


class Limit(msgspec.Struct, frozen=True, tag=True):
    """The speed limit of all downloads together, in bytes a second; 0 is none."""

    bytes_per_s: int


class Quit(msgspec.Struct, frozen=True, tag=True):
    """Stop all downloads, keep their files, and end the process."""


Request = Fetch | Halt | Limit | Quit


class Moved(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The progress of a download; ``code`` and ``facts`` are the failure that it waits after."""

    id: str
    state: Literal["running", "waiting", "checking"]
    done: int
    total: int
    bytes_per_s: float = 0.0
    seconds_left: float = -1.0
    code: str = ""
    facts: dict[str, Fact] = {}


class Ended(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A download has ended.

    ``path`` opens the model if it is complete; ``code`` and ``facts`` are the failure, if one ended
    it; with neither it was stopped.  With both, the model is complete but its vocabulary is
    missing.
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
    """Decode a request. Raises GarbledError."""
    return decoded(_requests.decode, frame)


def reply(frame: bytes) -> Reply:
    """Decode a reply. Raises GarbledError."""
    return decoded(_replies.decode, frame)


def failure_to_fields(failure: Failure | None) -> dict[str, Any]:
    """The code and the facts of a failure, as fields of a message."""
    return {"code": failure.code, "facts": failure.facts} if failure else {}


def failure_from_fields(code: str, facts: dict[str, Fact]) -> Failure | None:
    """The failure with this code and these facts; None if there is no code."""
    return BY_CODE.get(code, Failure)("", **facts) if code else None
