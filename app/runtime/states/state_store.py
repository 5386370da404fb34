"""States of texts already read, in memory, found again by their tokens; knows no request.

A state here is never advanced: a text that continues it gets a copy.  What goes first is what was
not used for long and is soon rebuilt: each state costs the tokens between it and the last one of
its text that is kept, and the clock of GreedyDual (N. Young, "The k-server dual and loose
competitiveness for paging", 1994) weighs that cost against its age.
"""

import heapq
import time
from bisect import bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from app.system.memory import available_bytes

from .state import copied
from .state_key import StartingPoint, StateKey, TokenPrefix
from .state_spacing import gap_at

if TYPE_CHECKING:
    import torch

    from .state import RecurrentState

SHARE = 0.25
"""Of the memory that is free, and of what the store has itself: so much it takes at most."""

_FILE_COST = 64  # tokens that are read while a start state is read from its file
_MEASURED_S = 1.0  # so long a measurement of free memory holds: it takes a fraction of a ms


class Known(NamedTuple):
    """The state of one text after ``key.tokens`` tokens, and the logits (V,) that followed them.

    ``approximate``: weights of another format than the model's have a part in it.
    """

    key: StateKey
    state: "RecurrentState"
    logits: "torch.Tensor | None"
    approximate: bool


@dataclass
class Trail:
    """One text's way: its tokens so far, and the last state of it that the store was given.

    ``before`` tokens were read for the state that it started from, and ``goes_on`` tells that the
    logits after them are known.  ``thins``: states further back are kept further apart.
    ``written`` is its last state that is on the disk, and ``owner`` whose they are there.
    """

    prefix: TokenPrefix
    before: int = 0
    kept: StateKey | None = None
    approximate: bool = False
    goes_on: bool = False
    thins: bool = False
    written: StateKey | None = None
    owner: str = ""


@dataclass
class _Entry:
    """A state, the one that it goes on from, and those that go on from it.

    ``cost`` is in tokens to be read again, ``worth`` that beside the clock of its last use.
    """

    known: Known
    before: StateKey | None
    cost: int
    worth: float = 0.0
    later: set[StateKey] = field(default_factory=set)

    @property
    def nbytes(self) -> int:
        return _bytes_of(self.known)


class StateStore:
    """Keeps as many states as a ``share`` of free memory holds; ``room`` tells what is free.

    There are never more than ``most`` bytes of them, where that is given.
    ``generation`` counts what was kept, so that one who looked before knows to look again.
    """

    def __init__(
        self,
        room: Callable[[], int] = available_bytes,
        share: float = SHARE,
        most: int | None = None,
    ) -> None:
        self._room, self._share, self._most = room, share, most
        self._entries: dict[StateKey, _Entry] = {}
        self._lengths: dict[StartingPoint, Lengths] = {}
        self._queue: list[tuple[float, StateKey]] = []
        self._clock = 0.0
        self._measured_s, self._limit = -_MEASURED_S, 0
        self.nbytes = 0
        self.generation = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: StateKey) -> bool:
        return key in self._entries

    @property
    def limit_bytes(self) -> int:
        """What it may take now, measured at most once a second."""
        now = time.monotonic()
        if now - self._measured_s >= _MEASURED_S:
            self._measured_s = now
            limit = int(self._share * (max(0, self._room()) + self.nbytes))
            self._limit = limit if self._most is None else min(limit, self._most)
        return self._limit

    def wants(self, trail: Trail, nbytes: int, *, logits: bool = False) -> bool:
        """Whether a state of so many bytes here is worth a copy: there is room, and it is new."""
        entry = self._entries.get(trail.prefix.key)
        whole = entry and (entry.known.logits is not None or not logits)
        if entry and whole and (trail.approximate or not entry.known.approximate):
            self._use(entry)
            trail.kept = entry.known.key
            return False
        return nbytes <= self.limit_bytes

    def get(self, key: StateKey) -> Known | None:
        """What is known there; its state is to be copied, and never advanced."""
        entry = self._entries.get(key)
        return entry.known if entry else None

    def keep(self, trail: Trail, state: "RecurrentState", logits: "torch.Tensor | None") -> None:
        """Remember the state (of one text, now the store's own) after the trail's tokens."""
        own = None if logits is None else copied(logits)
        known = Known(trail.prefix.key, state, own, trail.approximate)
        if self.put(known, trail.kept):
            trail.kept = known.key
            if trail.thins:
                self._thin(known.key)

    def put(self, known: Known, before: StateKey | None = None) -> bool:
        """The same for what is known already; ``before`` is what it goes on from.

        False where it is larger than what the store may take.
        """
        entry, nbytes = self._entries.get(known.key), _bytes_of(known)
        if nbytes > self.limit_bytes:
            return False
        if entry:
            if known.approximate and not entry.known.approximate:
                return True
            self.nbytes -= entry.nbytes
            entry.known = known
        else:
            entry = self._add(known, before)
        self.nbytes += nbytes
        self.generation += 1
        self._use(entry)
        self._make_room(self.limit_bytes)
        return True

    def longest(
        self,
        trail: Trail,
        tokens: Sequence[int],
        serves: Callable[[StateKey], bool] = lambda _: True,
    ) -> Known | None:
        """The longest known beginning of ``tokens`` behind the trail that ``serves``.

        Its state is to be copied.  All of ``tokens`` counts only where the logits after them are
        known too.
        """
        lengths = self._lengths.get(trail.prefix.point)
        if lengths is None:
            return None
        whole = trail.prefix.tokens + len(tokens)
        found = None
        for key in trail.prefix.keys_at(tokens, lengths.between(trail.prefix.tokens, whole)):
            entry = self._entries.get(key)
            if entry is None or (key.tokens == whole and entry.known.logits is None):
                continue
            if serves(key):
                found = entry
        if found is None:
            return None
        self._use(found)
        return found.known

    def recent(self) -> Iterator[Known]:
        """What is known, that which was used last first; not to be changed meanwhile."""
        return (entry.known for entry in reversed(self._entries.values()))

    def give_back(self) -> bool:
        """Let go of everything, for memory ran out; False where there was nothing."""
        had = bool(self._entries)
        self._make_room(0)
        self._measured_s = -_MEASURED_S
        return had

    def _add(self, known: Known, before: StateKey | None) -> _Entry:
        key = known.key
        before = before if before in self._entries else None
        cost = key.tokens - (before.tokens if before else 0) if key.tokens else _FILE_COST
        entry = self._entries[key] = _Entry(known, before, cost)
        if before:
            self._entries[before].later.add(key)
        self._lengths.setdefault(key.point, Lengths()).add(key.tokens)
        return entry

    def _use(self, entry: _Entry) -> None:
        entry.worth = self._clock + entry.cost
        self._entries[entry.known.key] = self._entries.pop(entry.known.key)  # to the end
        heapq.heappush(self._queue, (entry.worth, entry.known.key))
        if len(self._queue) > 4 * len(self._entries) + 64:
            self._queue = [(one.worth, key) for key, one in self._entries.items()]
            heapq.heapify(self._queue)

    def _make_room(self, limit: int) -> None:
        while self.nbytes > limit and self._queue:
            worth, key = heapq.heappop(self._queue)
            entry = self._entries.get(key)
            if entry is None or worth != entry.worth:
                continue  # gone, or used since
            self._clock = max(self._clock, worth)
            self._forget(key)

    def _thin(self, last: StateKey) -> None:
        """Let go of states before ``last`` without which its text is still read soon enough.

        One that several texts go on from stays.
        """
        at = self._entries.get(last)
        while at and (middle := self._before(at)) and (first := self._before(middle)):
            gap = at.known.key.tokens - first.known.key.tokens
            if len(middle.later) == 1 and gap <= gap_at(last.tokens - at.known.key.tokens):
                self._forget(middle.known.key)
            else:
                at = middle

    def _before(self, entry: _Entry) -> _Entry | None:
        return self._entries.get(entry.before) if entry.before else None

    def _forget(self, key: StateKey) -> None:
        """Those that went on from it go on from the one before it, which costs more."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self.nbytes -= entry.nbytes
        self._lengths[key.point].remove(key.tokens)
        before = self._entries.get(entry.before) if entry.before else None
        if before:
            before.later.discard(key)
            before.later |= entry.later
        for later in entry.later:
            one = self._entries[later]
            one.before = entry.before if before else None
            one.cost += entry.cost
            one.worth += entry.cost
            heapq.heappush(self._queue, (one.worth, later))


def _bytes_of(known: Known) -> int:
    return known.state.nbytes + (0 if known.logits is None else known.logits.nbytes)


class Lengths:
    """After how many tokens there are states, in order, each length once."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._sorted: list[int] = []

    def add(self, length: int) -> None:
        if length not in self._counts:
            insort(self._sorted, length)
        self._counts[length] = self._counts.get(length, 0) + 1

    def remove(self, length: int) -> None:
        self._counts[length] -= 1
        if not self._counts[length]:
            del self._counts[length]
            self._sorted.remove(length)

    def between(self, least: int, most: int) -> Iterator[int]:
        """From ``least`` to ``most``, both included."""
        first = bisect_right(self._sorted, least - 1)
        return iter(self._sorted[first : bisect_right(self._sorted, most)])
