"""Moves the open model from a graphics card to the processor and back; what is said goes on."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.errors import Failure
from app.runtime.planning.plan import decided
from app.runtime.planning.stepping_down import least_of
from app.runtime.planning.strategy import understood
from app.runtime.worker.phase import Phase
from app.ui.state.session import Session

from .run_planning import ModelPlans, RunPlanning


class FreeGpu(QObject):
    """``changed`` when ``possible`` or ``moving`` may have; ``freed`` carries the strategies
    before and now, ``failed`` a Failure.

    Nothing is remembered for the model: the next time it is opened as before.
    """

    changed = Signal()
    freed = Signal(str, str)
    failed = Signal(object)

    def __init__(
        self, session: Session, planning: RunPlanning, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._planning = session, planning
        self.moving = False
        session.changed.connect(self.changed)

    @property
    def possible(self) -> bool:
        """Whether the open model is on a card, and nothing else is done to it."""
        session = self._session
        loaded = session.loaded if session.phase is Phase.READY else None
        way = understood(loaded.strategy) if loaded is not None else None
        free = session.opening is None and not self.moving
        return free and way is not None and way.on_gpu

    def free(self) -> None:
        """Run the model on the processor; nothing happens where it does already."""
        if self.possible:
            self._begin("")

    def back(self, strategy: str) -> None:
        """Run it as it ran before."""
        if self._session.loaded is not None and not self.moving:
            self._begin(strategy)

    def _begin(self, strategy: str) -> None:
        self.moving = True
        self._session.tasks.start(self._move(strategy), self._end)
        self.changed.emit()

    def _end(self) -> None:
        self.moving = False
        self.changed.emit()

    async def _move(self, strategy: str) -> None:
        session = self._session
        loaded = session.loaded
        if loaded is None:
            return
        path, before, asked = Path(loaded.path), loaded.strategy, session.asked
        try:
            now = strategy or on_processor(await self._planning.plans(path), self._planning)
            await session.pause()
            found = await session.opened(path, now)
        except Failure as failure:
            if session.loaded is None:
                await session.opened(path, asked)
            self.failed.emit(failure)
            return
        if not strategy:
            self.freed.emit(before, found.strategy)


def on_processor(plans: ModelPlans, planning: RunPlanning) -> str:
    """The way to run it there.  Raises OverLimit where the limits allow none."""
    spec, dtype = plans.file.spec, plans.file.dtype
    assert spec is not None
    there = [plan for plan in plans.planned.candidates if not plan.strategy.on_gpu]
    best = decided(spec, dtype, there, planning.wishes.policy).recommended
    return (best or least_of(there)).strategy.text
