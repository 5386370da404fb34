"""Makes huggingface_hub send its requests through our HTTP client, with a proxy and limits.

Its own client retries a failed request for up to a minute; ours answers or fails within seconds.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpx2
import huggingface_hub
from huggingface_hub import constants

from .connection import LIMIT_S, connection
from .request_budget import request_budget

_lock = threading.Lock()
_route: ContextVar[tuple[str, float]] = ContextVar("route", default=("", LIMIT_S))


class ForwardingClient(httpx2.Client):
    """Passes each request on to the ``Connection`` that ``routed_through`` chose in this thread.

    So hubs with different proxies can be asked at the same time.
    """

    def __init__(self) -> None:
        super().__init__(transport=httpx2.BaseTransport(), trust_env=False)

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send it through the chosen connection.  Raises HubError."""
        return connection(*_route.get()).send(request, **options)


@contextmanager
def routed_through(proxy: str = "", limit_s: float = LIMIT_S, home: str = "") -> Iterator[None]:
    """Requests of huggingface_hub inside, in this thread, use this proxy and share one budget.

    Secrets are sent to the host of the address ``home`` only; see ``request_budget``.
    """
    with _lock:
        # It would ask the hub what other programs may be running here, and tell of torch.
        constants.HF_HUB_DISABLE_TELEMETRY = True
        # Not looked for first: asking for its client makes one of its own, which reads the
        # environment and falls over it.  One of ours that is closed by this still passes on.
        huggingface_hub.set_client_factory(ForwardingClient)
    before = _route.set((proxy, limit_s))
    try:
        with request_budget(home):
            yield
    finally:
        _route.reset(before)
