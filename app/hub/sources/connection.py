"""The HTTP client for hubs: it limits time and size, uses proxies, and raises only HubError."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from app.errors import HubError, HubGarbled

from .hf_hub_import import refuse_offline
from .refusals import failure_of, refuse_bad
from .request_budget import RequestBudget, request_budget
from .server_clock import looked_at_clock
from .transport import Transport

LIMIT_S = 10.0

_lock = threading.Lock()
_open: dict[tuple[str, float], "Connection"] = {}


class Connection(httpx2.Client):
    """A client that returns only complete, successful answers of limited size.

    ``proxy`` is an address, or "" for what the environment says; ``limit_s`` limits connecting and
    each wait for the next bytes.  Raises NetworkSettingRefused if the proxy cannot be used.
    """

    def __init__(self, proxy: str = "", limit_s: float = LIMIT_S) -> None:
        self._limit_s, self._proxy = limit_s, proxy
        super().__init__(
            transport=Transport(proxy),
            trust_env=False,  # the transport asks the environment, and says what it refuses there
            timeout=limit_s,
            follow_redirects=True,
            max_redirects=5,
        )

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send it and read the whole answer.  Raises HubError for everything that goes wrong."""
        host = request.url.host
        refuse_offline()
        request.extensions = {
            **request.extensions,
            "timeout": httpx2.Timeout(self._limit_s).as_dict(),
        }
        with request_budget() as budget:
            budget.begin(request)
            try:
                response = super().send(request, **{**options, "stream": True})
                try:
                    refuse_bad(response)
                    return _whole(response, budget)
                finally:
                    response.close()
            except httpx2.HTTPError as error:
                failure = failure_of(error, host)
                raise looked_at_clock(error, request, self._proxy, failure) from error
            except httpx2.InvalidURL as error:
                raise HubGarbled(host=host, why="redirect-invalid") from error


def connection(proxy: str = "", limit_s: float = LIMIT_S) -> Connection:
    """The client for this proxy and limit, the same one each time; see Connection."""
    with _lock:
        found = _open.get((proxy, limit_s))
        if found is None:
            found = _open[proxy, limit_s] = Connection(proxy, limit_s)
        return found


@contextmanager
def about(**facts: str) -> Iterator[None]:
    """Add these facts, if they are not "", to any HubError that is raised inside."""
    try:
        yield
    except HubError as failure:
        told = {name: fact for name, fact in facts.items() if fact}
        failure.facts = {**told, **failure.facts}
        raise


def _whole(response: httpx2.Response, budget: RequestBudget) -> httpx2.Response:
    """The same answer with its body read.  Raises HubError beyond the budget."""
    body, host = bytearray(), response.request.url.host
    for piece in response.iter_bytes():
        budget.take(len(piece), host)
        body += piece
    whole_body = bytes(body)
    budget.look_at(whole_body, host)
    packed = ("content-encoding", "content-length", "transfer-encoding")
    head = response.request.method == "HEAD"
    headers = [
        (name, value)
        for name, value in response.headers.multi_items()
        if head or name.lower() not in packed
    ]
    whole = httpx2.Response(
        response.status_code, headers=headers, content=whole_body, request=response.request
    )
    whole.history = response.history
    return whole
