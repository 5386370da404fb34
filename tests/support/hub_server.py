"""A real hub on loopback: two HTTP servers that the unmodified huggingface_hub client talks to.

One answers the API and the files' addresses, the other ("CDN") holds the large files; between them
runs a redirect with a signature that can expire.  Faults are made on demand::

    with HubServer([repository("BlinkDL/tiny", {"a.pth": data})]) as hub:
        hub.fail(Fault(cut_after=1000), file="a.pth", times=2)
        ... HF_ENDPOINT = hub.url ...
"""

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from typing import Any, Self

from .hub_answers import Handler
from .hub_content import Bytes, Content, Repository, Virtual, content, repository
from .hub_faults import Fault, Request

__all__ = ["Bytes", "Content", "Fault", "HubServer", "Request", "Virtual", "online", "repository"]


@dataclass
class _Rule:
    fault: Fault
    where: str
    file: str
    method: str
    left: int


class HubServer:
    """Serves ``repositories``; a context manager.  ``url`` is the endpoint, ``log`` the requests.

    ``tokens`` open private repositories.  ``ranges`` False: the CDN knows none at all.
    ``signature_s``: how long an address of the CDN is good for.
    """

    def __init__(self, repositories: Iterable[Repository] = (), *, ranges: bool = True) -> None:
        self.repositories = {one.id: one for one in repositories}
        self.tokens: set[str] = set()
        self.ranges = ranges
        self.signature_s = 3600.0
        self.log: list[Request] = []
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._hub, self._cdn = Server(self, "hub"), Server(self, "cdn")
        self._threads: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self._hub.server_port}"
        self.cdn_url = f"http://127.0.0.1:{self._cdn.server_port}"
        self.closing = threading.Event()

    def __enter__(self) -> Self:
        for server in (self._hub, self._cdn):
            thread = threading.Thread(
                target=server.serve_forever, args=(0.02,), name=f"hub-{server.host}"
            )
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything, also answers that stall."""
        self.closing.set()
        for server in (self._hub, self._cdn):
            server.shutdown()
        self.cut()
        for server in (self._hub, self._cdn):
            server.server_close()
        for thread in self._threads:
            thread.join()

    def add(self, one: Repository) -> None:
        """Publish a repository, or another version of it."""
        if before := self.repositories.get(one.id):
            one.past = before.past | {before.commit: before}
        self.repositories[one.id] = one

    def put(self, id: str, name: str, data: "bytes | Content") -> None:  # noqa: A002
        """Publish another content under a name that may be there already."""
        self.repositories[id].files[name] = content(data)

    def fail(
        self, fault: Fault, *, where: str = "cdn", file: str = "", method: str = "", times: int = 1
    ) -> None:
        """Let the next ``times`` matching answers fail (-1: all of them), in the order asked for.

        ``where``: "cdn", "hub" (a file's address) or "api"; ``file`` is the end of the path.
        """
        with self._lock:
            self._rules.append(_Rule(fault, where, file, method, times))

    def heal(self) -> None:
        """No more faults."""
        with self._lock:
            self._rules.clear()

    def cut(self) -> None:
        """Close every connection now."""
        with self._lock:
            open_now = list(self._open)
        for one in open_now:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def fault(self, where: str, method: str, path: str) -> Fault:
        """The fault due for this answer; used up by this."""
        with self._lock:
            for rule in self._rules:
                fits = rule.where == where and (not rule.method or rule.method == method)
                if rule.left and fits and path.endswith(rule.file):
                    rule.left -= 1
                    return rule.fault
        return Fault()

    def note(self, request: Request) -> None:
        """Remember a request."""
        with self._lock:
            self.log.append(request)

    def requests(self, host: str, method: str = "GET") -> list[Request]:
        """Those received so far."""
        with self._lock:
            return [one for one in self.log if one.host == host and one.method == method]

    def connected(self, one: socket.socket, *, now: bool) -> None:
        """A connection was opened or closed."""
        with self._lock:
            (self._open.add if now else self._open.discard)(one)


class Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, hub: HubServer, host: str) -> None:
        self.hub, self.host = hub, host
        super().__init__(("127.0.0.1", 0), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.hub.connected(request, now=True)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.hub.connected(request, now=False)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client may leave when it likes; anything else is told as usual."""
        import sys

        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def online() -> Iterator[None]:
    """Let huggingface_hub of this process use the network, which the tests switch off.

    Its connections are closed at the end.
    """
    from huggingface_hub import close_session, constants

    from app.hub.sources import connection

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = False
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
        close_session()
        while connection._open:
            connection._open.popitem()[1].close()
