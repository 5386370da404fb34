"""What models can run on here and how the person wants that used; plans are made from it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from PySide6.QtCore import QObject, Signal

from app.errors import BY_CODE, Failure
from app.runtime.checkpoint.describe import ModelFile, describe
from app.runtime.planning.machine import Limits, Machine, Rates, this_machine
from app.runtime.planning.measured import as_measured, is_measured
from app.runtime.planning.plan import Plan, Planned, Policy, decided, plan_of, plans_for
from app.runtime.planning.stepping_down import (
    Preferences,
    choose,
    least_of,
    short_of,
    wanted_of,
)
from app.runtime.planning.strategy import understood
from app.store.changes import Change, Changes
from app.system.gpus import Gpu
from app.system.memory import available_bytes
from app.ui.state.gpu_list import GpuList, with_room_of
from app.ui.state.machine_memory import free_without
from app.ui.state.session import Session

if TYPE_CHECKING:
    from app.store.settings import Settings, Values

_NONE: Mapping[str, int] = {}
_HOLD_AT_OPENING = ("run_policy", "cpu_limit", "gpu_limit", "gpu", "threads")


class Wishes(NamedTuple):
    """What holds when a model is opened: policy, limits, card and threads, as the settings say."""

    policy: Policy
    limits: Limits
    gpu: str
    threads: int

    @property
    def preferences(self) -> Preferences:
        """What a worker has to know of them."""
        return Preferences(policy=self.policy, gpu=self.gpu)


class ModelPlans(NamedTuple):
    """A model file, the machine as if no model were open, and every way to run it there.

    ``ran_out``: see ``Preferences``.
    """

    file: ModelFile
    machine: Machine
    planned: Planned
    ran_out: Mapping[str, int] = {}


class RunPlanning(QObject):
    """``changed`` when ``stale`` may have: settings that hold at an opening differ from its own.

    ``ways_changed`` when another way to run a model was picked, wherever that was.
    ``rates`` gives what this machine was measured to do, ``ran_out`` in which ways memory ran out
    for the model at a path, ``disk`` how fast a file comes from its disk, asked only where a way
    reads it again and again; all run in a thread.  ``described`` is a machine to plan for instead
    of this one.
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
        ran_out: Callable[[str], dict[str, int]] = lambda _: {},
    ) -> None:
        super().__init__()
        self._session, self._settings, self._gpus = session, settings, gpus
        self._tasks = session.tasks
        self._rates, self._ran_out = rates, ran_out
        self.described: Machine | None = None
        self.disk: Callable[[Path], float | None] = lambda _: None
        self._used: tuple[str | int, ...] = ()
        self._before, self._ways = self._held(), settings.now.strategies
        session.was_opened.connect(self._note_opening)
        self._settings_changed.connect(self._note_settings)
        self.destroyed.connect(changes.listen(self._hear))
        session.use(self.wishes.threads, self.wishes.limits, self.wishes.preferences)

    @property
    def wishes(self) -> Wishes:
        """As the settings are now."""
        return wishes_of(self._settings.now)

    @property
    def limits(self) -> Limits:
        """What a model may take."""
        return self.wishes.limits

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
        own = _asked_for(asked, found, wishes.limits)
        if own is not None and own.reason != "over-limit":
            return asked
        best = found.planned.recommended
        if best is None:
            return least_of(found.planned.candidates).strategy.text
        return "" if _is_workers(wishes) else best.strategy.text

    async def plans(self, path: Path, wishes: Wishes | None = None) -> ModelPlans:
        """Every way to run a model here, now.  Raises what reading its header does."""
        file = await self._tasks.thread(describe, path)
        if file.spec is None:
            raise failure_of(file)
        return await self.planned(path, file, await self.machine(), wishes)

    async def planned(
        self, path: Path, file: ModelFile, machine: Machine, wishes: Wishes | None = None
    ) -> ModelPlans:
        """Every way to run the model of a file on a machine, by all that was measured here.

        That is how fast its disk is, where a way reads from it, and where memory ran out before.
        """
        wishes = wishes or self.wishes
        ran_out = await self._tasks.thread(self._ran_out, str(path))
        planned = plan_with(file, machine, wishes, ran_out)
        if self.described is None and not all(one.strategy.stays for one in planned.candidates):
            speed = await self._tasks.thread(self.disk, path)
            machine = msgspec.structs.replace(machine, disk_bytes_per_s=speed)
            planned = plan_with(file, machine, wishes, ran_out)
        return ModelPlans(file, machine, planned, ran_out)

    async def machine(self) -> Machine:
        """This machine now, as if no model were open: it would go before another one came."""
        if self.described is not None:
            return self.described
        if not self._gpus.known:
            await self._gpus.looked()
        gpus = with_room_of(self._session.held, self._gpus.usable)
        await self.know_rates()
        free = await self._tasks.thread(free_without, self._session.worker_pid)
        return await self._tasks.thread(self._look, tuple(gpus), free)

    async def machine_beside(self) -> Machine:
        """This machine now, with what is open on it: that stays open."""
        if self.described is not None:
            return self.described
        if not self._gpus.known or self._gpus.found:
            await self._gpus.looked()
        await self.know_rates()
        free = await self._tasks.thread(available_bytes)
        return await self._tasks.thread(self._look, self._gpus.usable, free)

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
            wishes = self.wishes
            self._session.use(wishes.threads, wishes.limits, wishes.preferences)
            self.changed.emit()
        if self._settings.now.strategies != self._ways:
            self._ways = self._settings.now.strategies
            self.ways_changed.emit()

    def _note_opening(self) -> None:
        self._used = self._held()
        self.changed.emit()

    def _held(self) -> tuple[str | int, ...]:
        return tuple(getattr(self._settings.now, name) for name in _HOLD_AT_OPENING)


def plan_with(
    file: ModelFile, machine: Machine, wishes: Wishes, ran_out: Mapping[str, int] = _NONE
) -> Planned:
    """Every way on all of the machine, and the best of those that the person wants used."""
    assert file.spec is not None
    planned = plans_for(file.spec, file.dtype, machine, wishes.limits)
    every = as_measured(planned, file, machine).candidates
    wanted = wanted_of(every, wishes.gpu, machine)
    best = decided(file.spec, file.dtype, wanted, wishes.policy)
    if ran_out:
        known = msgspec.structs.replace(wishes.preferences, ran_out=dict(ran_out))
        taken = choose(file.spec, file.dtype, wanted, known).plan
        if taken is not best.recommended:
            best = msgspec.structs.replace(best, recommended=taken)
    return msgspec.structs.replace(best, candidates=short_of(every, ran_out))


def _asked_for(asked: str, found: ModelPlans, limits: Limits) -> Plan | None:
    """What was asked for, within limits; None where that is nothing, or nothing that runs here."""
    way, file = understood(asked), found.file
    if way is None or file.spec is None or not way.runs:
        return None
    if any(found.machine.gpu(card) is None for card in way.cards):
        return None
    return plan_of(file.spec, file.dtype, way, found.machine, limits)


def _is_workers(wishes: Wishes) -> bool:
    """Whether the worker, which knows the limits, comes to the same choice."""
    return wishes.policy == "balanced" and not wishes.gpu


def wishes_of(values: "Values") -> Wishes:
    """What a settings file says."""
    return Wishes(values.run_policy, values.limits, values.gpu, values.threads)


def failure_of(file: ModelFile) -> Failure:
    """Why a file cannot be used."""
    failure = BY_CODE.get(file.failure_code, Failure)()
    failure.facts |= file.failure_facts
    return failure
