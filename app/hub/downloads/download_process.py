"""The process that downloads models, several at a time, apart from the window's process.

It ends when it is told to and when the process that started it is gone; what was downloaded is
kept.
"""

import os
import signal
import threading
import time
import traceback
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import BinaryIO

import msgspec

from app.errors import Failure
from app.hub.sources.remote import Hub
from app.system import crash_log
from app.system.frames import GarbledError, read_frame, write_frame
from app.system.pipes import take_pipes

from . import download_protocol
from .bundle import Bundle, discard
from .connection_pool import FetchOptions
from .download_protocol import Ended, Fetch, Halt, Limit, Moved, Origin, Quit
from .rate_limit import Meter, Rate, RateLimit
from .transfer import StoppedError
from .verified_files import Verified

_TICK_S = 0.2
_END_S = 20.0


def main() -> int:
    """Serve the process that started this one, until it sends Quit or is gone."""
    requests, replies = take_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.excepthook = _end_process
    DownloadProcess(requests, replies).serve()
    return 0


def _end_process(bug: threading.ExceptHookArgs) -> None:
    """End the whole process if a thread raises an unexpected exception.

    The exception is printed to stderr, which the program that started the process reads.
    """
    traceback.print_exception(bug.exc_value)
    if bug.exc_value is not None:
        crash_log.leave(bug.exc_value)
    os._exit(1)


class _Job:
    """One download, in a thread of its own."""

    def __init__(self, fetch: Fetch, rate_limit: RateLimit) -> None:
        self.fetch, self.folder = fetch, Path(fetch.folder)
        how = FetchOptions(connections=fetch.connections)
        hub = _hub(fetch.origin, self.folder)
        self._meter = Meter(rate_limit)
        self._bundle = Bundle(
            hub,
            fetch.entry,
            self.folder,
            how=how,
            rate_limit=self._meter,
            into=fetch.into,
            verified=Verified(Path(fetch.verified) if fetch.verified else None),
            others=[_hub(origin, self.folder) for origin in fetch.others],
        )
        self.discards = False
        self.ended: Ended | None = None
        self._rate = Rate()
        self._thread = threading.Thread(
            target=self._run, name=f"job-{fetch.id}", daemon=True
        )  # so that a bug in the main thread ends the process
        self._thread.start()

    def stop(self, *, discards: bool) -> None:
        self.discards = self.discards or discards
        self._bundle.stop()

    def join(self, limit_s: float) -> None:
        self._thread.join(limit_s)

    def moved(self) -> Moved:
        now = self._bundle.progress
        rate = self._rate.note(self._meter.received)
        return Moved(
            id=self.fetch.id,
            state=now.state,
            done=now.done,
            total=now.total,
            bytes_per_s=rate,
            seconds_left=(now.total - now.done) / rate if rate else -1.0,
            **download_protocol.failure_to_fields(now.failure),
        )

    def _run(self) -> None:
        id = self.fetch.id  # noqa: A001
        try:
            path = self._bundle.run()
            missing = download_protocol.failure_to_fields(self._bundle.missing)
            self.ended = Ended(id=id, path=str(path), done=self._bundle.progress.total, **missing)
        except StoppedError:
            self.ended = Ended(id=id, done=self._bundle.progress.done)
        except Failure as failure:
            done = self._bundle.progress.done
            self.ended = Ended(id=id, done=done, **download_protocol.failure_to_fields(failure))

    def clear_up(self) -> None:
        """Delete what was downloaded, if that was requested; called after the thread has ended."""
        if self.discards and self.ended and not self.ended.path:
            discard(self.fetch.entry, self.folder, self.fetch.into)


class DownloadProcess:
    """Does what the requests say, and reports progress five times a second."""

    def __init__(self, requests: BinaryIO, replies: BinaryIO) -> None:
        self._requests, self._replies = requests, replies
        self._inbox: SimpleQueue[download_protocol.Request] = SimpleQueue()
        self._jobs: dict[str, _Job] = {}
        self._told: dict[str, Moved] = {}
        self._rate_limit = RateLimit()

    def serve(self) -> None:
        """Read requests until Quit comes or the other side of the pipe is closed."""
        threading.Thread(target=self._listen, name="requests", daemon=True).start()
        while not isinstance(request := self._next(), Quit):
            if request is not None:
                self._obey(request)
            self._tell()
        self._end()

    def _listen(self) -> None:
        try:
            while (frame := read_frame(self._requests)) is not None:
                self._inbox.put(download_protocol.request(frame))
        except GarbledError as error:
            os.write(2, f"not a request: {error}\n".encode())
        self._inbox.put(Quit())

    def _next(self) -> download_protocol.Request | None:
        try:
            return self._inbox.get(timeout=_TICK_S if self._jobs else None)
        except Empty:
            return None

    def _obey(self, request: download_protocol.Request) -> None:
        if isinstance(request, Limit):
            self._rate_limit.limit = request.bytes_per_s
        elif isinstance(request, Halt):
            job = self._jobs.get(request.id)
            if job:
                job.stop(discards=request.discard)
        elif isinstance(request, Fetch):
            try:
                self._jobs[request.id] = _Job(request, self._rate_limit)
            except Failure as failure:
                self._send(Ended(id=request.id, **download_protocol.failure_to_fields(failure)))

    def _tell(self) -> None:
        for id, job in list(self._jobs.items()):  # noqa: A001
            if job.ended:
                del self._jobs[id]
                self._told.pop(id, None)
                self._bury(job, job.ended)
            elif (moved := job.moved()) != self._told.get(id):
                self._told[id] = moved
                self._send(moved)

    def _bury(self, job: _Job, ended: Ended) -> None:
        job.join(_END_S)
        try:
            job.clear_up()
        except Failure as failure:
            ended = msgspec.structs.replace(ended, **download_protocol.failure_to_fields(failure))
        self._send(ended)

    def _end(self) -> None:
        until = time.monotonic() + _END_S
        for job in self._jobs.values():
            job.stop(discards=False)
        for job in self._jobs.values():
            job.join(max(0.0, until - time.monotonic()))
        os._exit(0)

    def _send(self, reply: download_protocol.Reply) -> None:
        try:
            write_frame(self._replies, download_protocol.encode(reply))
        except OSError:
            self._inbox.put(Quit())


def _hub(origin: Origin, folder: Path) -> Hub:
    """The hub of an ``Origin``, without a cache of answers, as it is asked for files only."""
    return Hub(origin.endpoint, origin.token, origin.proxy, cache_dir=folder)
