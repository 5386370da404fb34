"""What is known of one request while it runs and when it has ended; it holds no text and no key."""

import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_KEPT = 50
_RECORD = "rookery.record"


@dataclass(eq=False)
class RequestRecord:
    """``why`` is the code of what refused or ended it; tokens count while they are written.

    ``cut``: its client left before it was answered.  ``stop`` ends it, once there is work to end.
    """

    number: int
    method: str
    path: str
    client: str = ""
    status: int = 0
    why: str = ""
    model: str = ""
    read: int = 0
    cached: int = 0
    written: int = 0
    began_s: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    cut: bool = False
    stop: Callable[[], None] | None = None


class RequestRecords:
    """The records of all that runs, and of the last ``refused``; ``on_end`` hears of each end."""

    def __init__(self, on_end: Callable[[RequestRecord], None] = lambda _: None) -> None:
        self.running: dict[int, RequestRecord] = {}
        self.refused: deque[RequestRecord] = deque(maxlen=_KEPT)
        self._listeners = [on_end]
        self._numbers = itertools.count(1)

    def listen(self, on_end: Callable[[RequestRecord], None]) -> None:
        """Tell this one as well."""
        self._listeners.append(on_end)

    def stop(self) -> None:
        """End all that run, with an honest error each."""
        for one in tuple(self.running.values()):
            if one.stop is not None:
                one.stop()

    def begin(self, scope: Scope) -> RequestRecord:
        """A request has come."""
        client = (scope.get("client") or ("",))[0]
        one = RequestRecord(next(self._numbers), scope["method"], scope["path"], client)
        self.running[one.number] = one
        scope[_RECORD] = one
        return one

    def end(self, one: RequestRecord) -> None:
        """It has been answered, or its client is gone."""
        self.running.pop(one.number, None)
        one.seconds = time.monotonic() - one.began_s
        if one.why:
            self.refused.append(one)
        for tell in self._listeners:
            tell(one)


def record_of(scope: Scope) -> RequestRecord:
    """The record of a request."""
    found: RequestRecord = scope[_RECORD]
    return found


class Recorded:
    """Keeps a record of every request that ``app`` answers."""

    def __init__(self, app: ASGIApp, records: RequestRecords) -> None:
        self._app, self._records = app, records

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        one = self._records.begin(scope)

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                one.status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            self._records.end(one)
