"""What models can run on here and how the person wants that used; plans are made from it."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from PySide6.QtCore import QObject, Signal

from app.errors import BY_CODE, Failure, OverLimit
from app.runtime.checkpoint.describe import ModelFile, describe
from app.runtime.planning.machine import Limits, Machine, Rates, this_machine
from app.runtime.planning.measured import as_measured, is_measured
from app.runtime.planning.plan import Plan, Planned, Policy, decided, plans_for
from app.store.changes import Change, Changes
from app.system.gpus import Gpu
from app.ui.state.gpu_list import GpuList, with_room_of
from app.ui.state.machine_memory import free_without
from app.ui.state.session import Session

if TYPE_CHECKING:
    from app.store.settings import Settings, Values

_HOLD_AT_OPENING = ("run_policy", "cpu_limit", "gpu_limit", "gpu", "threads")


class Wishes(NamedTuple):
    """What holds when a model is opened: policy, limits, card and threads, as the settings say."""

    policy: Policy
    limits: Limits
    gpu: str
    threads: int


class ModelPlans(NamedTuple):
    """A model file, the machine as if no model were open, and every way to run it there."""

    file: ModelFile
    machine: Machine
    planned: Planned


class RunPlanning(QObject):
    """``changed`` when ``stale`` may have: settings that hold at an opening differ from its own.

    ``ways_changed`` when another way to run a model was picked, wherever that was.
    ``rates`` gives what this machine was measured to do; it runs in a thread.  ``described`` is a
    machine to plan for instead of this one.
    """

    changed = Signal()
    ways_changed = Signal()
    _settings_changed = Signal()

    def __init__(
        self,
        session: Session,
        settings: "Settings",
        changes: Changes,
        gpus: GpuList,
        rates: Callable[[], Rates | None] = lambda: None,
    ) -> None:
        super().__init__()
        self._session, self._settings, self._gpus = session, settings, gpus
        self._tasks = session.tasks
        self._rates = rates
        self.described: Machine | None = None
        self._used: tuple[str | int, ...] = ()
        self._before, self._ways = self._held(), settings.now.strategies
        session.was_opened.connect(self._note_opening)
        self._settings_changed.connect(self._note_settings)
        self.destroyed.connect(changes.listen(self._hear))
        session.use(self.wishes.threads, self.wishes.limits)

    @property
    def wishes(self) -> Wishes:
        """As the settings are now."""
        return wishes_of(self._settings.now)

    @property
    def stale(self) -> bool:
        """Whether the open model was opened with other settings than those of now."""
        return self._session.loaded is not None and bool(self._used) and self._used != self._held()

    @property
    def threads_used(self) -> int:
        """With how many threads the open model was opened; 0 is one for each core."""
        return int(self._used[-1]) if self._used else self._settings.now.threads

    def usual(self, file: ModelFile, machine: Machine) -> str:
        """What the settings recommend for a file on a machine.

        "" where they are as they come, or nothing fits: then the usual choice holds, unless the
        model was measured here.
        """
        wishes = self.wishes
        common = wishes.limits == Limits() and _is_workers(wishes)
        if (common and not is_measured(file, machine)) or file.spec is None:
            return ""
        best = plan_with(file, machine, wishes).recommended
        return "" if best is None else best.strategy.text

    def open(self, path: Path) -> None:
        """Open a model beside the window, as it was asked for or as the settings want it."""
        self._tasks.start(self._open(path))

    async def _open(self, path: Path) -> None:
        asked = self._settings.now.strategies.get(str(path), "")
        await self._session.opened(path, await self.allowed(path, asked))

    async def allowed(self, path: Path, asked: str) -> str:
        """The strategy to open a model with: ``asked``, unless that takes more than is allowed.

        "" is the worker's own choice within the limits, which steps down by itself where that
        fails; it is taken unless policy or card are others than the program comes with.  Raises
        OverLimit if everything takes more than is allowed.
        """
        await self.know_rates()
        wishes = self.wishes
        free = wishes.limits == Limits()
        if free and (asked or _is_workers(wishes)):
            return asked
        try:
            found = await self.plans(path)
        except Failure:
            return asked  # the worker says what is wrong with the file
        ways = {plan.strategy.text: plan for plan in found.planned.candidates}
        if asked in ways and ways[asked].reason != "over-limit":
            return asked
        best = found.planned.recommended
        if best is None and all(plan.reason == "over-limit" for plan in ways.values()):
            least = min(_number(plan.facts.get("needed_bytes")) for plan in ways.values())
            raise OverLimit(needed_bytes=least)
        if best is None:
            return _least(ways.values())
        return "" if _is_workers(wishes) else best.strategy.text

    async def plans(self, path: Path, wishes: Wishes | None = None) -> ModelPlans:
        """Every way to run a model here, now.  Raises what reading its header does."""
        file = await self._tasks.thread(describe, path)
        if file.spec is None:
            raise failure_of(file)
        machine = await self.machine()
        return ModelPlans(file, machine, plan_with(file, machine, wishes or self.wishes))

    async def machine(self) -> Machine:
        """This machine now, as if no model were open: it would go before another one came."""
        if self.described is not None:
            return self.described
        if not self._gpus.known:
            await self._gpus.looked()
        gpus = with_room_of(self._session.loaded, self._gpus.usable)
        await self.know_rates()
        free = await self._tasks.thread(free_without, self._session.worker_pid)
        return await self._tasks.thread(self._look, tuple(gpus), free)

    async def know_rates(self) -> None:
        """Have what this machine was measured to do before known to the session, once."""
        if self._session.rates is not None:
            return
        rates = await self._tasks.thread(self._rates)
        if rates is not None and self._session.rates is None:
            self._session.know(rates)

    def _look(self, gpus: tuple[Gpu, ...], free_bytes: int) -> Machine:
        return this_machine(self._session.rates, gpus=gpus, available=free_bytes)

    def _hear(self, change: Change) -> None:
        """From any thread."""
        if change.what == "settings":
            self._settings_changed.emit()

    def _note_settings(self) -> None:
        now = self._held()
        if now != self._before:
            self._before = now
            self._session.use(self.wishes.threads, self.wishes.limits)
            self.changed.emit()
        if self._settings.now.strategies != self._ways:
            self._ways = self._settings.now.strategies
            self.ways_changed.emit()

    def _note_opening(self) -> None:
        self._used = self._held()
        self.changed.emit()

    def _held(self) -> tuple[str | int, ...]:
        return tuple(getattr(self._settings.now, name) for name in _HOLD_AT_OPENING)


def plan_with(file: ModelFile, machine: Machine, wishes: Wishes) -> Planned:
    """Every way on all of the machine, and the best of those that the person wants used."""
    assert file.spec is not None
    every = plans_for(file.spec, file.dtype, machine, wishes.limits)
    every = as_measured(every, file, machine)
    wanted = [plan for plan in every.candidates if _is_wanted(plan, wishes.gpu, machine)]
    best = decided(file.spec, file.dtype, wanted, wishes.policy)
    return msgspec.structs.replace(best, candidates=every.candidates)


def _is_workers(wishes: Wishes) -> bool:
    """Whether the worker, which knows the limits, comes to the same choice."""
    return wishes.policy == "balanced" and not wishes.gpu


def _least(plans: Iterable[Plan]) -> str:
    """Where nothing fits now: of those that are allowed the one that takes least."""
    allowed = [plan for plan in plans if plan.reason != "over-limit"]
    return min(allowed, key=lambda plan: sum(plan.peak_bytes.values())).strategy.text


def _number(fact: object) -> int:
    return fact if isinstance(fact, int) else 0


def wishes_of(values: "Values") -> Wishes:
    """What a settings file says."""
    limits = Limits(
        gpu_bytes=values.gpu_limit or None,
        cpu_bytes=values.cpu_limit or None,
    )
    return Wishes(values.run_policy, limits, values.gpu, values.threads)


def _is_wanted(plan: Plan, gpu: str, machine: Machine) -> bool:
    """On the processor, or on the card that is chosen; a card that is gone was not chosen."""
    if not plan.strategy.on_gpu or not gpu:
        return True
    if gpu == "cpu":
        return False
    return machine.gpu(gpu) is None or plan.strategy.device == gpu


def failure_of(file: ModelFile) -> Failure:
    """Why a file cannot be used."""
    failure = BY_CODE.get(file.failure_code, Failure)()
    failure.facts |= file.failure_facts
    return failure
