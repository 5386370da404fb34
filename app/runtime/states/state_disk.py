"""States of texts in a folder, which several programs may share; found again after a restart.

Writing is done by one thread, reading by threads of their own, so neither delays a token.  A file
has its name only when it is whole, and is believed only when its header and checksum say that it is
the state that the name tells, of this very model.
"""

import contextlib
import os
import stat
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from app.errors import (
    CheckpointError,
    Failure,
    NotFound,
    OutOfMemory,
    RequestRefused,
    StatesUnkept,
    StoreError,
)
from app.kernels.allocation import allocations_named
from app.runtime.planning.footprint import state_bytes
from app.runtime.protocol.states import StateCache, StateFacts
from app.runtime.spec import Spec
from app.system.atomic_file import replacing, unwritten
from app.system.bug_hook import SurvivingBugs
from app.system.log import describe, logger

from .disk_budget import DiskBudget, DiskLimits
from .disk_index import DiskIndex
from .disk_names import NOTHING, DiskName, can_be_named
from .state import State
from .state_files import Binding, write
from .state_formats import load
from .state_key import StartingPoint, StateKey, TokenPrefix
from .state_owners import StateOwners
from .state_store import Trail

if TYPE_CHECKING:
    import torch

_HEADER_BYTES = 1 << 20  # of a file, at most
_MOST_WAITING_BYTES = 512 << 20
_MANY = 32  # tokens that are rather read than remembered in another format
_FEW = 2  # states that wait: while there are more, spare ones are not written
_log = logger("states")


class FromDisk(NamedTuple):
    """A state as it was read, on the host, and what is known of it."""

    key: StateKey
    state: State
    logits: "torch.Tensor | None"
    approximate: bool
    cuts: str


class _Waiting(NamedTuple):
    """A state that is to be written; ``host`` gives it, and may be called in another thread."""

    point: StartingPoint
    name: DiskName
    facts: StateFacts
    host: Callable[[], State]
    logits: "torch.Tensor | None"
    nbytes: int
    half: bool
    spare: bool


class StateDisk:
    """The states of one model, whose sizes are ``spec``; ``form`` is the format of its weights.

    A text leaves a state every ``every_s`` seconds.  ``tell`` is called once, in another thread,
    where states cannot be written.  Nothing else is raised to whoever asks: without the disk
    everything goes on, and costs time.
    """

    def __init__(
        self,
        cache: StateCache,
        spec: Spec,
        binding: Binding,
        form: str,
        tell: Callable[[Failure], None] = lambda _: None,
    ) -> None:
        self._spec, self._binding, self._form, self._tell = spec, binding, form, tell
        self._told = False
        self._numbers_bytes = state_bytes(spec)
        self._lock = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        self._writing: _Waiting | None = None
        self._writer: threading.Thread | None = None
        self._folder = Path(os.fsdecode(cache.folder))
        self._budget = DiskBudget(self._folder, _limits(cache))
        self._index, self._owners = DiskIndex(self._folder), StateOwners(self._folder)
        self._half, self._others = cache.half, cache.other_formats
        self.every_s = cache.every_s
        self._closed = not can_be_named(form)

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self._folder

    def change(self, cache: StateCache) -> None:
        """Go by other limits from now on; the folder stays."""
        with self._lock:
            self._half, self._others = cache.half, cache.other_formats
            self.every_s = cache.every_s
            self._budget.limits = _limits(cache)

    # finding

    def longest(
        self,
        prefix: TokenPrefix,
        tokens: Sequence[int],
        beyond: int = 0,
        repeats: Callable[[DiskName], bool] | None = None,
    ) -> DiskName | None:
        """The longest beginning of ``tokens`` of more than ``beyond`` tokens, from names alone.

        ``repeats`` says which ones serve a text that is to repeat, where it is one.  One of another
        format serves none of these, and others only where it saves many tokens.
        """

        def own(name: DiskName) -> bool:
            return name.format == self._form and (repeats is None or repeats(name))

        found = self._index.longest(prefix, tokens, own, beyond)
        if repeats is not None or not self._others:
            return found
        beyond = max(beyond, found.tokens if found else 0) + _MANY
        return self._index.longest(prefix, tokens, lambda _: True, beyond) or found

    def read(self, point: StartingPoint, name: DiskName) -> "Future[FromDisk | None]":
        """Begin to read a state; None comes where it is of no use, and it is gone then."""
        coming: Future[FromDisk | None] = Future()

        def job() -> None:
            found = None
            with SurvivingBugs():
                found = self._read(point, name)
            coming.set_result(found)

        try:
            threading.Thread(target=job, name="state", daemon=True).start()
        except RuntimeError:  # the system gives no more threads
            job()
        return coming

    def has(self, key: StateKey) -> bool:
        """Whether the state is on the disk, or soon will be."""
        place = (key.tokens, key.prefix)
        soon = any((w.point, w.name.place) == (key.point, place) for w in self._unwritten())
        return soon or bool(self._index.at(key.point, place))

    # keeping

    def wants(self, trail: Trail, *, logits: bool, spare: bool) -> bool:
        """Whether a state here is worth being written: it is new, and the writer keeps up.

        A ``spare`` one is followed by another of its text soon.
        """
        waiting = self._unwritten()
        if self._closed or (spare and len(waiting) >= _FEW):
            return False
        if sum(one.nbytes for one in waiting) > _MOST_WAITING_BYTES:
            return False
        key = trail.prefix.key
        name = self._name(trail, key, logits=logits)
        names = [one.name for one in waiting if one.point == key.point]
        names += self._index.at(key.point, name.place)
        if any(one.serves_as(name) for one in names):
            trail.written = key
            self.note_owner(trail.owner, key)
            return False
        return True

    def note_owner(self, owner: str, key: StateKey) -> None:
        """A state that is there, or soon will be, is of this owner as well."""
        try:
            self._owners.note(owner, key)
        except StoreError as failure:
            self._tell_once(failure)

    def keep(
        self,
        trail: Trail,
        facts: StateFacts,
        host: Callable[[], State],
        logits: "torch.Tensor | None",
        *,
        cuts: str = NOTHING,
        spare: bool = False,
    ) -> None:
        """Have the state after the trail's tokens written; it must not be changed any more."""
        key, half = trail.prefix.key, self._half
        name = self._name(trail, key, logits=logits is not None, cuts=cuts)
        nbytes = self._numbers_bytes // (2 if half else 1) + 4 * self._spec.vocabulary
        waiting = _Waiting(key.point, name, facts, host, logits, nbytes, half, spare)
        trail.written = key
        self.note_owner(trail.owner, key)
        with self._lock:
            self._waiting.append(waiting)
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_all, name="states", daemon=True)
                self._writer.start()

    def flush(self, patience_s: float) -> bool:
        """Wait until all is written, but not for longer; whether it is."""
        with self._lock:
            return self._lock.wait_for(lambda: self._writer is None, patience_s)

    def drop(self) -> None:
        """Let go of what waits: memory ran out."""
        with self._lock:
            self._waiting.clear()

    # inside

    def _unwritten(self) -> list[_Waiting]:
        with self._lock:
            return [*self._waiting, *([self._writing] if self._writing else ())]

    def _name(self, trail: Trail, key: StateKey, *, logits: bool, cuts: str = NOTHING) -> DiskName:
        before = trail.written
        before = before if before and before.tokens < key.tokens else None
        exact = not (trail.approximate or self._half)
        return DiskName(
            key.tokens,
            key.prefix,
            key.tokens - (before.tokens if before else 0),
            before.prefix[: len(NOTHING)] if before else NOTHING,
            self._form,
            exact,
            logits,
            cuts if exact else NOTHING,
        )

    def _read(self, point: StartingPoint, name: DiskName) -> FromDisk | None:
        path = self._index.path(point, name)
        try:
            with allocations_named():
                return self._checked(path, point, name)
        except OutOfMemory:
            return None
        except (CheckpointError, RequestRefused) as failure:
            if not isinstance(failure, NotFound):
                _log.warning("a kept state is of no use and goes: %s", describe(failure))
                with contextlib.suppress(OSError):
                    path.unlink()
            self._index.forget(point, name)
            return None

    def _checked(self, path: Path, point: StartingPoint, name: DiskName) -> FromDisk:
        self._refuse_strange(path)
        found = load(path, self._spec, self._binding)
        facts = found.facts
        told = (facts.kind, facts.start, facts.since, facts.prefix, facts.format)
        if told != ("saved", point.start, name.tokens, name.prefix, name.format):
            raise RequestRefused(why="state-none", path=str(path))
        if name.logits and found.logits is None:
            raise RequestRefused(why="state-none", path=str(path))
        with contextlib.suppress(OSError):
            os.utime(path)
        exact = name.exact and not facts.approximate and name.format == self._form
        key = StateKey(point, name.tokens, name.prefix)
        return FromDisk(key, found.state, found.logits, not exact, name.cuts)

    def _refuse_strange(self, path: Path) -> None:
        """No link, no pipe, nothing that is larger than a state of this model."""
        try:
            status = os.lstat(path)
        except OSError as error:
            raise NotFound(path=str(path)) from error
        most = self._numbers_bytes + 4 * self._spec.vocabulary + _HEADER_BYTES
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            raise RequestRefused(why="state-none", path=str(path))

    def _write_all(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._writer = self._writing = None
                    self._lock.notify_all()
                    return
                waiting = self._writing = self._waiting.popleft()
            with SurvivingBugs():
                self._write(waiting)

    def _write(self, waiting: _Waiting) -> None:
        try:
            self._put(waiting)
        except StoreError as failure:
            self._tell_once(failure)
        except (OutOfMemory, MemoryError):
            _log.warning("a state was not kept: there is no memory for it")

    def _tell_once(self, failure: StoreError) -> None:
        if not self._told:
            self._told = True
            self._tell(StatesUnkept(failure.detail, **failure.facts))
        _log.warning("a state was not kept: %s", describe(failure))

    def _put(self, waiting: _Waiting) -> None:
        point, name = waiting.point, waiting.name
        path = self._index.path(point, name)
        there = self._index.at(point, name.place)
        if any(one.serves_as(name) for one in there):
            return  # another program was quicker
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise unwritten(error, str(path.parent)) from error
        if not self._budget.take(waiting.nbytes, spare=waiting.spare):
            return
        try:
            with replacing(path, 0o600) as file:
                write(waiting.host(), file, waiting.facts, waiting.logits, half=waiting.half)
        except BaseException:
            with contextlib.suppress(StoreError):
                self._budget.give_up(waiting.nbytes)
            raise
        for one in there:
            if name.serves_as(one):
                with contextlib.suppress(OSError):
                    self._index.path(point, one).unlink()
        self._index.refresh(point)


def _limits(cache: StateCache) -> DiskLimits:
    return DiskLimits(cache.budget_bytes, cache.day_bytes)
