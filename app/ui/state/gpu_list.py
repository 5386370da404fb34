"""The graphics cards, looked for beside the window; knows no widget."""

import time
from collections.abc import Callable, Sequence

from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from app.runtime.planning.footprint import footprints
from app.runtime.planning.strategy import parse
from app.runtime.protocol.messages import Loaded
from app.system.gpus import Gpu, gpus, usable
from app.system.other_gpus import other_gpus

from .tasks import Tasks

_PAUSE_S = 2.0
_STEP = 100  # a share of a card's memory: smaller changes change nothing


class GpuList(QObject):
    """``changed`` when another card is there, or much more or less of its memory is free.

    ``found`` are all, ``usable`` those on which models run, the best first; ``others`` are the
    names of those of other makers.  ``known`` tells whether they were looked for.
    """

    changed = Signal()

    def __init__(
        self,
        tasks: Tasks,
        look: Callable[[], Sequence[Gpu]] = gpus,
        look_for_others: Callable[[], Sequence[str]] = other_gpus,
    ) -> None:
        super().__init__()
        self._tasks, self._look, self._look_for_others = tasks, look, look_for_others
        self._looking, self._at = False, 0.0
        self.known = False
        self.found: tuple[Gpu, ...] = ()
        self.usable: tuple[Gpu, ...] = ()
        self.others: tuple[str, ...] = ()

    def look(self) -> None:
        """Look now, if that was not just done; without a driver once is enough."""
        if self._tasks.ended:
            return
        late = time.monotonic() - self._at > _PAUSE_S
        if not self._looking and (not self.known or (self.found and late)):
            self._looking = True
            self._tasks.start(self.looked(), self._rest)

    async def looked(self) -> None:
        """Look, and wait for what is found."""
        self._looking = True
        try:
            found = tuple(await self._tasks.thread(self._look))
            if not self.known:
                self.others = tuple(await self._tasks.thread(self._look_for_others))
        finally:
            self._rest()
        if not self.known or _differ(found, self.found):
            self.found, self.usable = found, usable(found)
            self.known = True
            self.changed.emit()

    def _rest(self) -> None:
        self._looking, self._at = False, time.monotonic()


def with_room_of(loaded: Loaded | None, found: Sequence[Gpu]) -> tuple[Gpu, ...]:
    """The cards with what the open model takes as free: it would go before another one came."""
    way = parse(loaded.strategy) if loaded is not None else None
    if loaded is None or way is None or not way.on_gpu:
        return tuple(found)
    held = {device: part.total for device, part in footprints(loaded.spec, way).items()}
    return tuple(
        replace(
            gpu,
            free_bytes=min(gpu.total_bytes, gpu.free_bytes + held.get(gpu.device, 0)),
        )
        for gpu in found
    )


def _differ(now: Sequence[Gpu], before: Sequence[Gpu]) -> bool:
    if [gpu.name for gpu in now] != [gpu.name for gpu in before]:
        return True
    pairs = zip(now, before, strict=True)
    return any(abs(a.free_bytes - b.free_bytes) * _STEP > a.total_bytes for a, b in pairs)
