"""How every model would run here now; remembers what it said until the free memory is another."""

from collections.abc import Callable

from app.hub.fits import Fit as Verdict
from app.hub.fits import Machine, fit, machine
from app.ui.status.machine import Machine as Counters

from .entry import Entry
from .fit import Fit, said

_STEP = 100  # a share of all memory: smaller changes change nothing


class Fitting:
    """``chosen`` gives the strategy that the person picked for an entry, or ""."""

    def __init__(self, chosen: Callable[[Entry], str]) -> None:
        self._chosen = chosen
        self._counters = Counters()
        self.here = machine()
        self._known: dict[str, tuple[Entry, Verdict]] = {}

    def measure(self, worker_pid: int | None) -> None:
        """Look at the memory again; what the open model holds counts as free, it would go first."""
        now, held = machine(), self._counters.read(worker_pid).worker_bytes
        free = min(now.available_bytes + held, now.total_bytes)
        if abs(free - self.here.available_bytes) * _STEP > now.total_bytes:
            self.here = Machine(free, now.total_bytes)
            self._known.clear()

    def verdict(self, entry: Entry) -> Verdict:
        """Kind, usual strategy and the memory of every way."""
        known = self._known.get(entry.key)
        if known is None or known[0] is not entry:
            known = self._known[entry.key] = (entry, self._judged(entry))
        return known[1]

    def strategy(self, entry: Entry) -> str:
        """How it would be run: as the person picked, else in the usual way."""
        return self._chosen(entry) or self.verdict(entry).strategy

    def words(self, entry: Entry) -> Fit | None:
        """The mark and the sentences; None for what does not run."""
        verdict = self.verdict(entry)
        if verdict.kind == "unknown":
            return None
        picked = self._chosen(entry)
        ways = {way.strategy: way.needed_bytes for way in verdict.per_format}
        if picked in ways and picked != verdict.strategy:
            return said(verdict, self.here, ways[picked])
        return said(verdict, self.here)

    def good(self, entry: Entry) -> bool:
        """Whether it runs now."""
        return self.verdict(entry).runs

    def _judged(self, entry: Entry) -> Verdict:
        if entry.usable and entry.file is not None and entry.file.spec is not None:
            return fit(entry.file.spec, self.here, dtype=entry.file.dtype)
        if entry.offer is not None and not entry.here:
            return fit(entry.offer, self.here)
        return Verdict(kind="unknown")
