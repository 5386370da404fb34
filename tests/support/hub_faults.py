"""What can go wrong with one answer of the hub of the tests, and what it was asked."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one answer.  Counts are bytes of the answer's body.

    ``status`` (with ``retry_after`` and ``code``, the X-Error-Code) instead of the answer;
    ``cut_after`` closes the connection, ``stall_after`` goes silent and keeps it open;
    ``drip`` sends so many bytes a second; ``longer`` is added to the Content-Length that is
    claimed; ``etag`` is claimed instead of the true one; ``wrong_at`` flips the byte at this
    place of the file; ``no_ranges`` answers a Range with 200 and everything; ``expired`` refuses
    the signature; ``delay`` waits so many seconds before it answers.
    """

    status: int = 0
    retry_after: str = ""
    code: str = ""
    cut_after: int = -1
    stall_after: int = -1
    drip: int = 0
    longer: int = 0
    etag: str = ""
    wrong_at: int = -1
    no_ranges: bool = False
    expired: bool = False
    delay: float = 0.0


@dataclass(frozen=True)
class Request:
    """One request that was received; ``host`` is "hub" or "cdn"."""

    host: str
    method: str
    path: str
    headers: dict[str, str]
    status: int = 0
