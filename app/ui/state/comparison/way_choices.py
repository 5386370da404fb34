"""The models of this disk and the ways that each can run in, to be compared; loads nothing."""

import asyncio
from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QObject, Signal

from app.errors import Failure
from app.messages.plans import reason_in_words
from app.messages.units import size
from app.runtime.checkpoint.describe import ModelFile, describe
from app.store.comparisons.comparison_records import ModelRun
from app.ui.state.models.model_names import plain_name
from app.ui.state.run.run_planning import failure_of, plan_with
from app.ui.state.run.run_words import device_names, way_title
from app.ui.state.services import Services


class WayChoice(NamedTuple):
    """One way: its name with what it takes, and why there is no room for it now, or ""."""

    way: ModelRun
    title: str
    why: str


class WayChoices(QObject):
    """``choose`` a model; ``changed`` when its ways are known, or ``failure`` tells why not."""

    changed = Signal()

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self.path: Path | None = None
        self.ways: tuple[WayChoice, ...] = ()
        self.recommended = ""
        self.failure: Failure | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def models(self) -> list[tuple[str, str]]:
        """Titles and paths of what can be opened, the open one first."""
        entries = self._services.library.entries
        found = [(one.title, str(one.path)) for one in entries if one.usable and one.path]
        loaded = self._services.session.loaded
        path = loaded.path if loaded is not None else ""
        return sorted(found, key=lambda one: one[1] != path)

    def choose(self, path: Path) -> None:
        """Look for the ways of a model; an earlier look is forgotten."""
        if self._task is not None:
            self._task.cancel()
        if path != self.path:
            self.path, self.ways, self.failure = path, (), None
            self.changed.emit()
        if not self._services.tasks.ended:
            self._task = self._services.tasks.start(self._look(path))

    async def _look(self, path: Path) -> None:
        file: ModelFile = await self._services.tasks.thread(describe, path)
        if file.spec is None:
            self.ways, self.failure = (), failure_of(file)
            self.changed.emit()
            return
        machine = await self._services.planning.machine_beside()
        planned = plan_with(file, machine, self._services.planning.wishes)
        names = device_names(machine)
        name = plain_name(file.name, file.spec.parameters).partition(",")[0]
        self.ways = tuple(
            WayChoice(
                ModelRun(str(path), plan.strategy.text, name),
                f"{way_title(plan.strategy, names)} · {size(sum(plan.bytes.values()))}",
                "" if plan.fits else reason_in_words(plan),
            )
            for plan in planned.candidates
        )
        best = planned.recommended
        self.recommended = best.strategy.text if best is not None else ""
        self.failure = None
        self.changed.emit()
