"""Downloads one file over several connections, each in a thread, with retries."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.errors import Failure, HubUnreachable

from .byte_ranges import Ranges, Span
from .http_range import Answer, ChangedError, RangeClient, TroubleError
from .part_file import PartFile
from .rate_limit import RateLimit

_PROGRESS = 1 << 16


@dataclass(frozen=True)
class FetchOptions:
    """Options of a ConnectionPool.

    ``connections`` is the largest number at once; one that gets no byte for ``stall_s`` seconds is
    closed; ``tries`` failures in a row without a new byte end the download (0: never).  Before
    retry n the pool waits ``first_wait_s`` * 2^n seconds, at most ``longest_wait_s``.  ``segment``
    is the number of bytes that one of several connections requests at a time.
    """

    connections: int = 4
    stall_s: float = 30.0
    tries: int = 0
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0
    segment: int = 64 << 20


class ConnectionPool:
    """Downloads the missing bytes of ``part``, with one connection at first.

    ``offer`` is called with each piece of bytes and its position after it was written.
    """

    def __init__(
        self,
        part: PartFile,
        client: RangeClient,
        how: FetchOptions,
        rate_limit: RateLimit,
        offer: Callable[[bytes, int], None] = lambda data, at: None,
    ) -> None:
        self._offer = offer
        self._part, self._client, self._how, self._rate_limit = part, client, how, rate_limit
        self._size = part.record.identity.bytes if part.record else 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._spans: dict[int, list[int]] = {}
        self._answers: dict[int, Answer] = {}
        self._threads: list[threading.Thread] = []
        self._fails = 0
        self.ranged = False
        self.trouble: Failure | None = None
        self.again_at_s = 0.0
        self.failure: BaseException | None = None
        self.add()

    @property
    def count(self) -> int:
        """How many connections were opened so far."""
        return len(self._threads)

    def add(self) -> None:
        """Open one more connection, which takes over a part of what is missing."""
        number = self.count
        with self._lock:
            for span in self._spans.values():
                span[1] = min(span[1], span[0] + self._how.segment)
        thread = threading.Thread(
            target=self._work, args=(number,), name=f"fetch-{number}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def wait(self, limit_s: float) -> bool:
        """Wait up to ``limit_s`` seconds; True when all connections have ended.

        ``failure`` then says why they ended, and is None if the file is complete.
        """
        until = time.monotonic() + limit_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def halt(self) -> None:
        """Make all connections end, also those that wait for bytes.

        May be called from any thread.
        """
        self._stopped.set()
        with self._lock:
            answers = list(self._answers.values())
        for answer in answers:
            answer.cut()

    def close(self) -> None:
        """End all connections and wait for their threads."""
        self.halt()
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        """The thread of one connection. Exceptions are raised again by ``wait``."""
        try:
            while span := self._take(number):
                self._try(number, span)
        except BaseException as failure:  # noqa: BLE001 - a bug too is raised by who waits
            with self._lock:
                self.failure = self.failure or failure
            self.halt()

    def _take(self, number: int) -> list[int] | None:
        """The next missing bytes that no other connection is fetching; None if there are none."""
        with self._lock:
            self._spans.pop(number, None)
            if self._stopped.is_set():
                return None
            taken = Ranges([*self._part.spans, *map(_span, self._spans.values())])
            for start, end in taken.gaps(self._size):
                if self.count > 1:
                    end = min(end, start + self._how.segment)
                self._spans[number] = [start, end]
                return self._spans[number]
        return None

    def _try(self, number: int, span: list[int]) -> None:
        begun = span[0]
        try:
            self._fetch(number, span)
            self._fails, self.trouble = 0, None
        except TroubleError as trouble:
            if not self._stopped.is_set():
                self._back_off(trouble, span[0] - begun)

    def _fetch(self, number: int, span: list[int]) -> None:
        record = self._part.record
        validator = record.validator if record else ""
        with self._client.asked((span[0], span[1]), self._size, validator) as answer:
            if record and not validator:
                record.validator = answer.validator
            self.ranged = answer.ranged
            self._answers[number] = answer
            try:
                self._receive(answer, span)
            finally:
                with self._lock:
                    del self._answers[number]
        if span[0] < span[1] and not self._stopped.is_set():
            raise TroubleError(HubUnreachable(why="connection-broke"))

    def _receive(self, answer: Answer, span: list[int]) -> None:
        if self._stopped.is_set():
            return
        for chunk in answer.chunks(wide=not self._rate_limit.limit):
            piece = chunk[: max(0, span[1] - span[0])]
            self._part.write(piece, span[0])
            self._offer(piece, span[0])
            span[0] += len(piece)
            self.trouble = None
            wait_s = self._rate_limit.wait_s(len(piece))  # counted, also where it is the last one
            if span[0] >= span[1] or self._stopped.wait(wait_s):
                return

    def _back_off(self, trouble: TroubleError, progress: int) -> None:
        how = self._how
        with self._lock:
            self._fails = 1 if progress >= _PROGRESS else self._fails + 1
            fails = self._fails
        if how.tries and fails >= how.tries:
            raise trouble.failure
        wait_s = max(trouble.wait_s, waiting_s(how, fails))
        self.trouble, self.again_at_s = trouble.failure, time.monotonic() + wait_s
        self._stopped.wait(wait_s)


def waiting_s(how: FetchOptions, fails: int) -> float:
    """Seconds to wait before the next try, after ``fails`` tries without a new byte."""
    longest = min(how.longest_wait_s, how.first_wait_s * 2.0 ** min(fails - 1, 30))
    return longest * random.uniform(0.5, 1.0)


def _span(span: list[int]) -> Span:
    return span[0], span[1]


__all__ = ["ChangedError", "ConnectionPool", "FetchOptions", "waiting_s"]
