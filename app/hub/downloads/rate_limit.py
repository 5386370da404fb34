"""A speed limit that several transfers share, and the measured speed of the last seconds."""

import threading
import time
from collections import deque

_BURST_S = 0.05
_WINDOW_S = 4.0
_GAP_S = 0.2
_SOONEST_S = 1.0  # a shorter time tells of bursts more than of the network


class RateLimit:
    """A limit in bytes a second for all transfers that share it; 0 is none."""

    def __init__(self, limit: int = 0) -> None:
        self._lock = threading.Lock()
        self._limit, self._free_at_s = limit, 0.0

    @property
    def limit(self) -> int:
        """Bytes a second; may be changed at any time."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        with self._lock:
            self._limit, self._free_at_s = limit, 0.0

    def wait_s(self, count: int) -> float:
        """Count these bytes; returns the seconds to wait before more are received."""
        with self._lock:
            if not self._limit:
                return 0.0
            now = time.monotonic()
            self._free_at_s = max(self._free_at_s, now - _BURST_S) + count / self._limit
            return max(0.0, self._free_at_s - now)


class Meter(RateLimit):
    """Applies the ``shared`` limit to one download, and counts its bytes in ``received``.

    Only bytes that arrive now are counted, not those that were on the disk before.
    """

    def __init__(self, shared: RateLimit) -> None:
        super().__init__()
        self._shared, self._counting = shared, threading.Lock()
        self.received = 0

    @property
    def limit(self) -> int:
        """The shared limit, in bytes a second."""
        return self._shared.limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._shared.limit = limit

    def wait_s(self, count: int) -> float:
        """Count these bytes; returns the seconds to wait before more are received."""
        with self._counting:
            self.received += count
        return self._shared.wait_s(count)


class Rate:
    """The speed over the last few seconds in bytes a second; 0 until it is known.

    It is measured from the first change on: earlier bytes were there before, or came at once.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()
        self._moves = False

    def note(self, total: int) -> float:
        """``total`` bytes are there now; returns the speed."""
        now = time.monotonic()
        if self._seen and total < self._seen[-1][1]:
            self._seen.clear()
            self._moves = False
        if self._seen and not self._moves and total > self._seen[-1][1]:
            self._seen.clear()
            self._moves = True
        if not self._seen or now - self._seen[-1][0] >= _GAP_S:
            self._seen.append((now, total))
        while len(self._seen) > 2 and now - self._seen[0][0] > _WINDOW_S:
            self._seen.popleft()
        since, before = self._seen[0]
        return (total - before) / (now - since) if now - since >= _SOONEST_S else 0.0
