"""The one client of huggingface_hub in this process, which passes requests on to ours.

The library repeats what failed for up to a minute; ours answers or fails within seconds.
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
from .question import question

_lock = threading.Lock()
_way: ContextVar[tuple[str, float]] = ContextVar("way", default=("", LIMIT_S))


class Switch(httpx2.Client):
    """Passes each request on to the way chosen where it is made.

    So hubs with different proxies can be asked at once, and a new one disturbs no old one.
    """

    def __init__(self) -> None:
        super().__init__(transport=httpx2.BaseTransport(), trust_env=False)

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """As the library's; raises HubError."""
        return connection(*_way.get()).send(request, **options)


@contextmanager
def through(proxy: str = "", limit_s: float = LIMIT_S, home: str = "") -> Iterator[None]:
    """What huggingface_hub asks inside, in this thread, goes this way, and is one question.

    Secrets go to the address ``home`` alone.
    """
    with _lock:
        # It would ask the hub what other programs may be running here, and tell of torch.
        constants.HF_HUB_DISABLE_TELEMETRY = True
        # Not looked for first: asking for its client makes one of its own, which reads the
        # environment and falls over it.  One of ours that is closed by this still passes on.
        huggingface_hub.set_client_factory(Switch)
    before = _way.set((proxy, limit_s))
    try:
        with question(home):
            yield
    finally:
        _way.reset(before)
