"""The process that downloads, as the window has it: there while there is something to do."""

import sys
import threading
import time
from collections.abc import Callable
from functools import partial

from app.errors import WorkerError
from app.system.child_process import End, Process

from . import download_protocol
from .download_protocol import Limit, Quit
from .journal import SerialExecutor

DOWNLOADER_ARGUMENT = "--fetcher"
"""The hidden first argument with which the program downloads (see app.__main__)."""

_LOOK_S = 0.05


def downloader_command() -> list[str]:
    """How to start the process that downloads, frozen or not."""
    if getattr(sys, "frozen", False):
        return [sys.executable, DOWNLOADER_ARGUMENT]
    return [sys.executable, "-m", "app", DOWNLOADER_ARGUMENT]


class DownloadClient:
    """Sends requests in order and away from the caller: a process takes a moment to start.

    ``on_reply`` and ``on_death`` (with what it said last) are called from threads; the second only
    where it ended without being told to, or did not start.
    """

    def __init__(
        self,
        chores: SerialExecutor,
        on_reply: Callable[[download_protocol.Reply], None],
        on_death: Callable[[str], None],
    ) -> None:
        self._chores, self._on_reply, self._on_death = chores, on_reply, on_death
        self._lock = threading.Lock()
        self._current: Process | None = None
        self._alive: set[int] = set()
        self._numbers = 0
        self._closed = False
        self.limit = 0

    @property
    def pid(self) -> int | None:
        """Of the process that runs, if one does."""
        process = self._current
        return process.pid if process else None

    def send(self, request: download_protocol.Request, *, start: bool = False) -> None:
        """Tell the process; it is started where ``start`` says so, else nobody is told."""
        self._chores.add(partial(self._send, request, start=start))

    def dismiss(self, unless: Callable[[], bool] = lambda: False) -> None:
        """Let it end, unless there is something to do for it by then."""
        if self._current or self._alive:
            self._chores.add(partial(self._dismiss, unless))

    def close(self) -> None:
        """Let it end, and start no other."""
        self._closed = True
        self._chores.add(partial(self._dismiss, lambda: False))

    def wait(self, limit_s: float) -> bool:
        """Whether every process has ended within so many seconds."""
        until = time.monotonic() + limit_s
        while self._alive and time.monotonic() < until:
            time.sleep(_LOOK_S)
        return not self._alive

    def _send(self, request: download_protocol.Request, *, start: bool) -> None:
        if self._current is None and start and not self._closed:
            try:
                self._start()
            except WorkerError as failure:
                self._on_death(str(failure.facts.get("why", "")))
                return
        if self._current is not None:
            self._current.send(download_protocol.encode(request))

    def _start(self) -> None:
        self._numbers += 1
        number = self._numbers
        self._alive.add(number)
        try:
            process = Process(downloader_command(), self._hear, partial(self._bury, number))
        except WorkerError:
            self._alive.discard(number)
            raise
        with self._lock:
            if number in self._alive:
                self._current = process
        process.send(download_protocol.encode(Limit(self.limit)))

    def _dismiss(self, unless: Callable[[], bool]) -> None:
        if self._current is not None and not unless():
            self._current.send(download_protocol.encode(Quit()))
            with self._lock:
                self._current = None

    def _hear(self, frame: bytes) -> None:
        self._on_reply(download_protocol.reply(frame))

    def _bury(self, number: int, end: End) -> None:
        with self._lock:
            asked = self._current is None or number != self._numbers
            self._alive.discard(number)
            if not asked:
                self._current = None
        if not asked:
            said = [line for line in end.stderr.splitlines() if line.strip()]
            self._on_death(said[-1] if said else f"its process ended ({end.exit_code})")
