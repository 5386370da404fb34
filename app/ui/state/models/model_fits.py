"""How every model would run here now; remembers what it said until the free memory is another."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from app.hub.catalogue.disk_fit import Room
from app.hub.catalogue.memory_fit import Fit as Verdict
from app.hub.catalogue.memory_fit import fit, verdict_of
from app.runtime.checkpoint.describe import ModelFile
from app.runtime.planning.machine import Limits, Machine, Rates, this_machine
from app.system.gpus import Gpu
from app.system.memory import available_bytes, total_bytes
from app.ui.state.machine_memory import Machine as Counters

from .entry import Entry
from .fit_words import Fit, no_room, said

_STEP = 100  # a share of all memory: smaller changes change nothing


class Wanted(Protocol):
    """What the settings say of how models run."""

    @property
    def limits(self) -> Limits:
        """What a model may take."""
        ...

    def usual(self, file: ModelFile, machine: Machine) -> str:
        """The strategy that is recommended for a file; "" for the common choice."""
        ...


class ModelFits:
    """``chosen`` gives the strategy that the person picked for an entry, or "".

    ``gpus`` gives the cards on which models run, with the memory that is free now; ``disk``
    the folder that downloads go to with its free bytes, and ``begun`` how much of one is there.
    ``wanted`` tells what the settings want; None for nothing special.
    """

    def __init__(
        self,
        chosen: Callable[[Entry], str],
        gpus: Callable[[], Sequence[Gpu]] = tuple,
        disk: Callable[[], tuple[Path, int] | None] = lambda: None,
        begun: Callable[[Entry], int] = lambda entry: 0,
        wanted: Wanted | None = None,
    ) -> None:
        self._chosen, self._gpus, self._wanted = chosen, gpus, wanted
        self._disk, self._begun = disk, begun
        self._counters = Counters()
        self.here = this_machine(gpus=tuple(gpus()))
        self._known: dict[str, tuple[Entry, Verdict]] = {}

    def measure(self, worker_pid: int | None, rates: Rates | None = None) -> None:
        """Look at the memory again; what the open model holds counts as free, it would go first.

        ``rates`` are what this machine was measured to do, as far as that is known.
        """
        if rates != self.here.rates:
            self.here = replace(self.here, rates=rates)
            self._known.clear()
        now, total = self._counters.read(worker_pid), total_bytes()
        held = now.worker_bytes - now.cached_bytes  # pages of files count as free already
        free, gpus = min(available_bytes() + held, total), tuple(self._gpus())
        if abs(free - self.here.memory_available) * _STEP > total or gpus != self.here.gpus:
            self.here = replace(self.here, memory_available=free, memory_total=total, gpus=gpus)
            self._known.clear()

    def forget(self) -> None:
        """The settings recommend something else now."""
        self._known.clear()

    def verdict(self, entry: Entry) -> Verdict:
        """Kind, usual strategy and the memory of every way."""
        known = self._known.get(entry.key)
        if known is None or known[0] != entry:  # a list that is read again has the same ones anew
            known = self._known[entry.key] = (entry, self._judged(entry))
        return known[1]

    def strategy(self, entry: Entry) -> str:
        """How it would be run: as the person picked, if that is allowed, else in the usual way."""
        picked, verdict = self._chosen(entry), self.verdict(entry)
        there = any(way.strategy == picked and way.allowed for way in verdict.per_format)
        return picked if there else verdict.strategy

    def words(self, entry: Entry) -> Fit | None:
        """The mark and the sentences; None for what does not run."""
        verdict, room = self.verdict(entry), self.room(entry)
        if room is not None and not room.enough and entry.fetchable:
            return no_room(room)
        if verdict.kind == "unknown":
            return None
        picked = self.strategy(entry)
        ways = {way.strategy: way for way in verdict.per_format}
        other = ways[picked] if picked != verdict.strategy else None
        return said(verdict, self.here, other, self._limits)

    def good(self, entry: Entry) -> bool:
        """Whether it runs now, and where it is not here has room on the disk."""
        room = self.room(entry)
        return self.verdict(entry).runs and (room is None or room.enough)

    def room(self, entry: Entry) -> Room | None:
        """What its download would take on the disk; None for what is here, or not known."""
        disk = self._disk()
        if entry.here or not entry.bytes or disk is None:
            return None
        folder, free = disk
        needed = max(0, entry.download_bytes - self._begun(entry))
        return Room(needed_bytes=needed, free_bytes=free, folder=str(folder))

    def _judged(self, entry: Entry) -> Verdict:
        if entry.usable and entry.file is not None and entry.file.spec is not None:
            limits = self._limits
            common = fit(entry.file.spec, self.here, dtype=entry.file.dtype, limits=limits)
            return self._as_wanted(entry.file, common)
        if entry.offer is not None and not entry.here:
            known = fit(entry.offer, self.here, limits=self._limits)
            return replace(known, exact=known.exact and not entry.unknown)
        return Verdict(kind="unknown")

    def _as_wanted(self, file: ModelFile, common: Verdict) -> Verdict:
        """With the way that the settings recommend as the usual one."""
        wanted = self._wanted.usual(file, self.here) if self._wanted is not None else ""
        for way in common.per_format:
            if way.strategy == wanted:
                found = verdict_of(way, self.here, self._limits)
                return replace(found, per_format=common.per_format)
        return common

    @property
    def _limits(self) -> Limits:
        return self._wanted.limits if self._wanted is not None else Limits()
