"""Measuring models in the ways that are chosen, one after another, beside the chat; no widget."""

import asyncio
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal

from app.benchmark.benchmark_run import Measurement, Progress, WayRun
from app.benchmark.measuring import Amounts
from app.benchmark.result_export import Row, export, rows_of
from app.errors import Failure, OutOfMemory, OverLimit, StoreError
from app.messages.translate import tr
from app.runtime.checkpoint.describe import ModelFile, describe
from app.runtime.planning.machine import Machine
from app.runtime.planning.plan import Plan, Planned
from app.store.benchmark_results import BenchmarkResult, BenchmarkResults, known_rates
from app.store.kept_shortages import KeptShortages
from app.store.measured_rates import MeasuredRates
from app.store.paths import Paths
from app.ui.state.run.run_planning import failure_of
from app.ui.state.run.run_words import usual_ways
from app.ui.state.services import Services

_EACH_MS = 2000


class Stage(Enum):
    """IDLE; WAITING until the chat has written its reply, which both would slow down; RUNNING."""

    IDLE = auto()
    WAITING = auto()
    RUNNING = auto()


class Position(NamedTuple):
    """Which way is measured, its number from 1 and how many there are, and where that is."""

    strategy: str
    number: int
    ways: int
    progress: Progress = Progress("loading", 0, 0)


class Candidates(NamedTuple):
    """A model, this machine as it is now, and every way to run the model beside what is open.

    ``ran_out`` are the ways in which memory ran out here, with the bytes that there were for them.
    """

    file: ModelFile
    machine: Machine
    planned: Planned
    ran_out: Mapping[str, int] = {}


class Benchmark(QObject):
    """``changed`` when anything that is shown is different; one benchmark at a time.

    ``results`` are those of the model that is chosen, on this machine.  ``failure`` is why it
    cannot be measured at all, ``failures`` why one way was not (where memory ran out, that is a
    result: ``Candidates.ran_out``), and ``unkept`` why results are
    lost when the window closes.  Everything but ``changed`` and the verbs is to be read.
    """

    changed = Signal()

    def __init__(self, services: Services, paths: Paths, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services, self._session, self._paths = services, services.session, paths
        self._kept = BenchmarkResults(paths.benchmarks)
        self._shortages = KeptShortages(paths.shortages)
        self._ran_out: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._still = asyncio.Event()
        self._looks = 0
        self.stage = Stage.IDLE
        self.position: Position | None = None
        self.path: Path | None = None
        self.candidates: Candidates | None = None
        self.chosen: set[str] = set()
        self.results: tuple[BenchmarkResult, ...] = ()
        self.failure: Failure | None = None
        self.failures: dict[str, Failure] = {}
        self.unkept: Failure | None = None
        self._clock = QTimer(self, interval=_EACH_MS)
        self._clock.timeout.connect(self._look_again)
        self._session.writing_changed.connect(self._note_writing)
        self._session.moved.connect(self._follow)

    @property
    def running(self) -> bool:
        """Whether a model is being measured, or will be once the chat is still."""
        return self.stage is not Stage.IDLE

    @property
    def plans(self) -> Sequence[Plan]:
        """Every way, whether there is room for it or not."""
        return self.candidates.planned.candidates if self.candidates else ()

    @property
    def can_begin(self) -> bool:
        """Whether something is chosen for which there is room."""
        return not self.running and bool(self._wanted())

    # verbs

    def choose_model(self, path: Path) -> None:
        """Show this model's ways and results; nothing happens while another one is measured."""
        if self.running or path == self.path:
            return
        self.path, self.candidates, self.failure = path, None, None
        self.chosen, self.results, self.failures = set(), (), {}
        self._ran_out, self.unkept = {}, None
        self._look()
        self.changed.emit()

    def watch(self) -> None:
        """Look at the memory again and again, until ``leave``."""
        self._clock.start()
        self._look_again()

    def leave(self) -> None:
        """Look no more; what is measured goes on."""
        self._clock.stop()

    def choose(self, strategy: str, *, chosen: bool) -> None:
        """Measure this way too, or not."""
        if chosen:
            self.chosen.add(strategy)
        else:
            self.chosen.discard(strategy)
        self.changed.emit()

    def begin(self) -> None:
        """Measure what is chosen and has room, in the order that is shown."""
        if not self.can_begin:
            return
        self.failures, self.unkept = {}, None
        ways = self._wanted()
        self._enter(Stage.RUNNING, Position(ways[0], 1, len(ways)))
        self._task = self._services.tasks.start(self._run(ways), self._end)

    def cancel(self) -> None:
        """Measure no more: the worker ends, what was measured before stays."""
        if self._task is not None:
            self._task.cancel()

    def save(self, place: Path) -> None:
        """Write the results into a file; a failure goes to the notices."""
        if self.candidates is not None:
            file = self.candidates.file
            rows = rows_of(file.name, file.fingerprint, self.results)
            self._services.tasks.start(self._save(place, rows))

    async def _save(self, place: Path, rows: Sequence[Row]) -> None:
        await self._services.tasks.thread(export, place, rows)
        self._services.notices.news(tr("The results are in {}.").format(place.name))

    # measuring

    async def _run(self, ways: Sequence[str]) -> None:
        for number, strategy in enumerate(ways, 1):
            position = Position(strategy, number, len(ways))
            await self._quiet(position)
            self._enter(Stage.RUNNING, position)
            try:
                measured = await self._measured(strategy)
            except Failure as failure:
                self.failures[strategy] = failure
                self.changed.emit()
            else:
                if measured is not None:
                    await self._keep(measured)

    async def _quiet(self, position: Position) -> None:
        """Wait until no text is written: both would be slower, and the figures wrong."""
        while self._session.writing:
            self._enter(Stage.WAITING, position)
            self._still.clear()
            await self._still.wait()

    async def _measured(self, strategy: str) -> Measurement | None:
        """None where memory ran out meanwhile, which is a result as well.

        Raises OutOfMemory and OverLimit where there is no room now, and what the run does.
        """
        assert self.path is not None
        await self._plan(self.path, await self._services.tasks.thread(describe, self.path))
        plan = self._plan_of(strategy)
        if plan is not None and not can_measure(plan):
            raise _refusal(plan)
        threads = self._services.planning.wishes.threads
        disk = self.candidates.machine.disk_bytes_per_s if self.candidates else None
        run = WayRun(self.path, self._note_progress, threads=threads, disk_bytes_per_s=disk)
        try:
            return await run.measured(strategy, Amounts())
        except OutOfMemory as failure:
            room = failure.facts.get("room_bytes") or (plan.facts["room_bytes"] if plan else 0)
            await self._keep_shortage(strategy, int(room))
            return None

    async def _keep_shortage(self, strategy: str, room_bytes: int) -> None:
        """It is kept for the chat as well, which passes this way over while there is no more."""
        self._ran_out[strategy] = room_bytes
        if room_bytes:
            put = self._shortages.put
            await self._services.tasks.thread(put, str(self.path), strategy, room_bytes)
        if self.candidates is not None:
            ran_out = {**self.candidates.ran_out, **self._ran_out}
            self.candidates = self.candidates._replace(ran_out=ran_out)
        self.changed.emit()

    async def _keep(self, measured: Measurement) -> None:
        """In this window at once, in the data folder for the next; predictions give way to it."""
        assert self.candidates is not None
        result, file = measured.result, self.candidates.file
        same = (result.strategy, result.gpu)
        others = [one for one in self.results if (one.strategy, one.gpu) != same]
        self.results = (*others, result)
        self._ran_out.pop(result.strategy, None)
        self.changed.emit()
        tasks, paths = self._services.tasks, self._paths
        await tasks.thread(self._shortages.forget, str(self.path), result.strategy)
        await tasks.thread(MeasuredRates(paths.rates).put, measured.rates)
        try:
            await tasks.thread(self._kept.keep, file.fingerprint, file.name, result)
        except StoreError as failure:
            self.unkept = failure
        rates = await tasks.thread(known_rates, paths.rates, paths.benchmarks)
        if rates is not None:
            self._session.know(rates)
        self.changed.emit()

    def _end(self) -> None:
        self._task = None
        self._enter(Stage.IDLE, None)
        self._look_again()

    def _enter(self, stage: Stage, position: Position | None) -> None:
        self.stage, self.position = stage, position
        self.changed.emit()

    def _note_progress(self, progress: Progress) -> None:
        if self.position is not None:
            self.position = self.position._replace(progress=progress)
            self.changed.emit()

    def _note_writing(self) -> None:
        if not self._session.writing:
            self._still.set()

    # looking

    def _look_again(self) -> None:
        if not self.running and not self._services.tasks.ended:
            self._look()

    def _look(self) -> None:
        if self.path is not None:
            self._services.tasks.start(self._plan(self.path))

    async def _plan(self, path: Path, read: ModelFile | None = None) -> None:
        """Every way beside what is open now; a later look at another model makes this one void.

        The header of the file is read once, unless it was ``read`` just now.
        """
        self._looks += 1
        mine = self._looks
        tasks = self._services.tasks
        if read is None and self.candidates is not None:
            read = self.candidates.file
        file: ModelFile = await tasks.thread(describe, path) if read is None else read
        machine = await self._services.planning.machine_beside()
        results = await tasks.thread(self._kept.of, file.fingerprint)
        found = await self._found(path, file, machine) if file.spec is not None else None
        if mine != self._looks or path != self.path:
            return
        if found is None:
            self.failure, self.candidates = failure_of(file), None
        else:
            self._take(found, results)
        self.changed.emit()

    async def _found(self, path: Path, file: ModelFile, machine: Machine) -> Candidates:
        _, machine, planned, ran_out = await self._services.planning.planned(path, file, machine)
        return Candidates(file, machine, planned, {**ran_out, **self._ran_out})

    def _take(self, found: Candidates, results: tuple[BenchmarkResult, ...]) -> None:
        first, self.candidates, self.failure = self.candidates is None, found, None
        if self.unkept is None:
            self.results = results
        if first:
            usual = usual_ways(found.planned.candidates)
            self.chosen = {plan.strategy.text for plan in usual if plan.fits}

    def _wanted(self) -> list[str]:
        ways = (plan for plan in self.plans if can_measure(plan))
        return [plan.strategy.text for plan in ways if plan.strategy.text in self.chosen]

    def _plan_of(self, strategy: str) -> Plan | None:
        return next((plan for plan in self.plans if plan.strategy.text == strategy), None)

    def _follow(self, before: Path, now: Path) -> None:
        if before == self.path:
            self.path = now


def can_measure(plan: Plan) -> bool:
    """Whether a way is worth measuring: also one in which memory ran out may be tried again."""
    return plan.fits or plan.reason == "ran-out"


def _refusal(plan: Plan) -> Failure:
    """Why there is no room for a way now."""
    needed, room = (int(plan.facts[name]) for name in ("needed_bytes", "room_bytes"))
    if plan.reason == "over-limit":
        return OverLimit(needed_bytes=needed)
    return OutOfMemory(needed_bytes=needed, free_bytes=room, strategy=plan.strategy.text)
