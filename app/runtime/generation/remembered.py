"""Where texts find the states of what was read before, in memory and on the disk, and leave theirs.

Memory is asked first.  A longer beginning that is on the disk is read while other texts go on.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from app.errors import Failure, OutOfMemory
from app.kernels.allocation import allocations_named
from app.runtime.models import StateHome
from app.runtime.planning.machine import Limits
from app.runtime.protocol.states import StateCache
from app.runtime.states.disk_names import DiskName
from app.runtime.states.state import copied
from app.runtime.states.state_disk import FromDisk, StateDisk
from app.runtime.states.state_store import Known, StateStore, Trail
from app.system.memory import available_bytes

from .prompt_reading import PromptReading
from .straight_reads import StraightReads

if TYPE_CHECKING:
    import torch

    from app.runtime.opened import Opened
    from app.runtime.states.state import RecurrentState

T = TypeVar("T")

_PATIENCE_S = 20.0  # with a disk: then the tokens are read again
_GLANCE_S = 0.05
_NO_LIMITS = Limits()


@dataclass
class Coming:
    """A state that is being read from the disk for one text, by the ``name`` of its file."""

    name: DiskName
    state: "Future[FromDisk | None]"
    until_s: float

    @property
    def due(self) -> bool:
        """Whether it is there, or is waited for no longer."""
        return self.state.done() or time.monotonic() >= self.until_s

    def glance(self) -> None:
        """Wait for it a moment, where there is nothing else to do."""
        wait([self.state], _GLANCE_S)


class Remembered:
    """The states of one engine's model: ``store`` in memory, and ``disk`` where there is one."""

    def __init__(
        self,
        opened: "Opened",
        store: StateStore,
        straight: StraightReads,
        disk: StateDisk | None = None,
    ) -> None:
        self._opened, self._straight = opened, straight
        self.store, self.disk = store, disk

    def keep_in(self, cache: StateCache | None, tell: Callable[[Failure], None]) -> None:
        """Keep states in a folder from now on as well, or in memory only.

        ``tell`` is called once, in another thread, where they cannot be written there.
        """
        disk, opened = self.disk, self._opened
        if cache is None:
            if disk is not None:
                disk.drop()  # what waits is not written any more
            self.disk = None
        elif disk is not None and os.fsencode(disk.folder) == cache.folder:
            disk.change(cache)
        else:
            spec, form = opened.model.spec, opened.made_with.format
            self.disk = StateDisk(cache, spec, opened.binding, form, tell)

    def longest(self, text: PromptReading, trail: Trail) -> Known | None:
        """The longest beginning in memory that may serve a text, of which the trail was read.

        One that is to repeat takes only states that its own reading would come to.
        """
        tokens = text.lookup[trail.prefix.tokens :]
        if not text.repeats:
            return self.store.longest(trail, tokens)
        return self.store.longest(trail, tokens, lambda key: self._straight.serves(key, text))

    def coming(
        self, text: PromptReading, beyond: int, tried: Coming | None = None
    ) -> Coming | None:
        """Begin to read the longest beginning from the disk, if one has more tokens than that.

        None where it is the one that was ``tried``: it may lie there, but there was no memory.
        """
        disk, trail = self.disk, text.trail
        if disk is None or not text.lookup:
            return None
        repeats = (lambda name: self._straight.serves_kept(name, text)) if text.repeats else None
        tokens = text.lookup[trail.prefix.tokens :]
        name = disk.longest(trail.prefix, tokens, beyond, repeats)
        if name is None or (tried is not None and name == tried.name):
            return None
        state = disk.read(trail.prefix.point, name)
        return Coming(name, state, time.monotonic() + _PATIENCE_S)

    def arrived(self, coming: Coming, text: PromptReading) -> Known | None:
        """What has come from the disk, which is in memory from then on; None where nothing has.

        Its state is the text's own.
        """
        found = coming.state.result() if coming.state.done() else None
        if found is None:
            return None
        try:
            with allocations_named():
                state = self._opened.model.place(found.state)
                own = state.clone()
        except OutOfMemory:
            self.give_back()
            return None
        known = Known(found.key, state, found.logits, found.approximate)
        self.store.put(known)
        self._straight.note_kept(found.key, found.cuts, text)
        return known._replace(state=own)

    def go_on(self, text: PromptReading, known: Known) -> None:
        """The text goes on from there."""
        text.straight = self._straight.serves(known.key, text)
        text.go_on_from(known)
        if self.disk is not None and self.disk.has(known.key):
            text.trail.written = known.key
            self.disk.note_owner(text.trail.owner, known.key)

    def keep(
        self,
        text: PromptReading,
        copy: Callable[[], "RecurrentState"],
        nbytes: int,
        logits: "torch.Tensor | None",
        *,
        lasting: bool = False,
    ) -> None:
        """A state of so many bytes, which ``copy`` gives, is kept unless it is known.

        A ``lasting`` one, at the end of a message, goes to the disk as well, and others now and
        then.
        """
        if not text.remembers:
            return
        trail = text.come_up()
        if not trail.prefix.tokens:
            return
        in_memory = self.store.wants(trail, nbytes, logits=logits is not None)
        to_disk = self._to_disk(text, trail, with_logits=logits is not None, lasting=lasting)
        if not (in_memory or to_disk):
            return
        known = None if in_memory else self.store.get(trail.prefix.key)
        try:
            with allocations_named():
                state = copy() if known is None else known.state
                if in_memory:
                    self.store.keep(trail, state, logits)
                    self._straight.note(trail.prefix.key, text)
                if to_disk:
                    self._write(text, state, logits, lasting=lasting)
        except OutOfMemory:
            self.give_back()

    def with_room(self, act: Callable[[], T]) -> T:
        """``act``; where memory runs out in it, once more without what is remembered.

        Raises OutOfMemory where that is no help, and what ``act`` raises.
        """
        try:
            with allocations_named():
                return act()
        except OutOfMemory:
            if not self.give_back():
                raise
        with allocations_named():
            return act()

    def give_back(self) -> bool:
        """Let go of all that is in memory, for it ran out; False where there was nothing."""
        if self.disk is not None:
            self.disk.drop()
        return self.store.give_back()

    def _to_disk(
        self, text: PromptReading, trail: Trail, *, with_logits: bool, lasting: bool
    ) -> bool:
        if self.disk is None:
            return False
        if not lasting and time.perf_counter() - text.kept_s < self.disk.every_s:
            return False
        return self.disk.wants(trail, logits=with_logits, spare=not lasting)

    def _write(
        self,
        text: PromptReading,
        state: "RecurrentState",
        logits: "torch.Tensor | None",
        *,
        lasting: bool,
    ) -> None:
        assert self.disk is not None
        trail = text.trail
        cuts = self._straight.cuts_of(text, trail.prefix.tokens)
        own = None if logits is None else copied(logits)
        facts = self._opened.state_facts(trail)
        self.disk.keep(trail, facts, state.host_later(), own, cuts=cuts, spare=not lasting)
        text.kept_s = time.perf_counter()


def store_beside(opened: "Opened", limits: Limits = _NO_LIMITS) -> StateStore:
    """One that takes its share of the memory where the model and its states lie.

    Model and states together keep to a limit; what is planned for states is theirs in any case.
    """
    plan, homes = opened.plan, opened.model.state_homes
    most: int | None = None
    for home in homes:
        on_cpu = home.device is None
        where = "cpu" if on_cpu else home.name
        limit = limits.cpu_bytes if on_cpu else limits.gpu_bytes
        if limit is not None:
            planned = plan.parts[where].get("kept states", 0)
            own = int((planned + max(0, limit - plan.peak_bytes[where])) / home.share)
            most = own if most is None else min(most, own)
    return StateStore(lambda: min(map(_room_in, homes)), most=most)


def _room_in(home: StateHome) -> int:
    """So many bytes of states fit before their part on this device has no room any more."""
    free = available_bytes() if home.device is None else home.device.free_bytes
    return int(free / home.share)
