"""The client of the download process, which runs only while there is something to download."""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from app.errors import DownloadError, WorkerError
from app.system.child_process import End, Process

from . import download_protocol
from .download_protocol import Limit, Quit
from .journal import SerialExecutor

DOWNLOADER_ARGUMENT = "--downloader"
"""The hidden first argument with which the program downloads (see app.__main__)."""

_LOOK_S = 0.05


def downloader_command() -> list[str]:
    """The command that starts the download process, also in a frozen program."""
    if getattr(sys, "frozen", False):
        return [sys.executable, DOWNLOADER_ARGUMENT]
    return [sys.executable, "-m", "app", DOWNLOADER_ARGUMENT]


class DownloadClient:
    """Sends requests to the process in order, from a thread of its own, as starting takes time.

    ``on_reply`` (may raise GarbledError) and ``on_death`` (with a DownloadError that says how) are
    called from threads; ``on_death`` only if the process did not start, ended without being asked
    to or sent something that is no reply.  ``command`` replaces the one that starts the process.
    """

    def __init__(
        self,
        chores: SerialExecutor,
        on_reply: Callable[[download_protocol.Reply], None],
        on_death: Callable[[DownloadError], None],
        command: Sequence[str] = (),
    ) -> None:
        self._chores, self._on_reply, self._on_death = chores, on_reply, on_death
        self._command = command or downloader_command()
        self._lock = threading.Lock()
        self._current: Process | None = None
        self._alive: set[int] = set()
        self._started = 0
        self._number = 0  # of the process that serves; 0: none does
        self._closed = False
        self.limit = 0

    @property
    def pid(self) -> int | None:
        """The process id, or None if the process does not run."""
        process = self._current
        return process.pid if process else None

    def send(self, request: download_protocol.Request, *, start: bool = False) -> None:
        """Send the process a request; without ``start`` it is dropped if no process runs."""
        self._chores.add(partial(self._send, request, start=start))

    def dismiss(self, unless: Callable[[], bool] = lambda: False) -> None:
        """Ask the process to end, unless there is something to do for it by then."""
        if self._current or self._alive:
            self._chores.add(partial(self._dismiss, unless))

    def close(self) -> None:
        """Ask the process to end, and start no other."""
        self._closed = True
        self._chores.add(partial(self._dismiss, lambda: False))

    def wait(self, limit_s: float) -> bool:
        """Whether every process has ended within ``limit_s`` seconds."""
        until = time.monotonic() + limit_s
        while self._alive and time.monotonic() < until:
            time.sleep(_LOOK_S)
        return not self._alive

    def _send(self, request: download_protocol.Request, *, start: bool) -> None:
        if self._current is None and start and not self._closed:
            try:
                self._start()
            except WorkerError as failure:
                self._on_death(DownloadError(why="process-not-started", **failure.facts))
                return
        process = self._current  # another thread forgets it when it ends
        if process is not None:
            process.send(download_protocol.encode(request))

    def _start(self) -> None:
        with self._lock:
            self._started += 1
            self._number = number = self._started
            self._alive.add(number)
        try:
            process = Process(self._command, self._receive, partial(self._note_end, number))
        except WorkerError:
            with self._lock:
                self._number = 0
                self._alive.discard(number)
            raise
        with self._lock:
            if self._number == number:
                self._current = process
        process.send(download_protocol.encode(Limit(self.limit)))

    def _dismiss(self, unless: Callable[[], bool]) -> None:
        if self._current is None or unless():
            return
        with self._lock:
            process, self._current, self._number = self._current, None, 0
        if process is not None:
            process.send(download_protocol.encode(Quit()))

    def _receive(self, frame: bytes) -> None:
        self._on_reply(download_protocol.reply(frame))

    def _note_end(self, number: int, end: End) -> None:
        with self._lock:
            asked = number != self._number
            self._alive.discard(number)
            if not asked:
                self._current, self._number = None, 0
        if not asked:
            self._on_death(_failure_of(end))


def _failure_of(end: End) -> DownloadError:
    if end.why == "garbled":
        return DownloadError(why="process-garbled")
    said = [line for line in end.stderr.splitlines() if line.strip()]
    if said:
        return DownloadError(said=said[-1])
    return DownloadError(why="process-ended", exit_code=str(end.exit_code))
