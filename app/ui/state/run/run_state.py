"""How one model is to run: what is chosen, what that takes, and the change to it; no widget."""

from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import Failure
from app.runtime.planning.machine import Limits
from app.runtime.planning.plan import Plan, plan_of
from app.runtime.planning.strategy import Strategy
from app.runtime.protocol.messages import LoadProgress
from app.runtime.worker.phase import Phase
from app.ui.state.models.model_names import plain_name
from app.ui.state.services import Services

from .choice import Choice
from .device_use import DeviceUse
from .layer_runs import Arrangement, Ground, arranged
from .layer_share import LayerShare
from .run_change import RunChange
from .run_planning import ModelPlans, Wishes, plan_with
from .run_words import Running, choices_of, devices_of, placement_of
from .typed_strategy import WrongPart, way_meant

_EACH_MS = 2000
_STEP = 100  # a share of all memory: smaller changes of what is free change nothing


class RunState(QObject):
    """``changed`` when anything that is shown is different; ``finished`` when the model runs.

    ``finished`` carries whether another model was open before.  Everything but ``changed`` and
    the verbs is to be read.
    """

    changed = Signal()
    finished = Signal(bool)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services, self._session = services, services.session
        self.change = RunChange(self._session, services.tasks, self)
        self.path = Path()
        self.plans: ModelPlans | None = None
        self.failure: Failure | None = None
        self.text = ""
        self.wrong: WrongPart | None = None
        self._share = LayerShare()
        self.wishes: Wishes = services.planning.wishes
        self._first = self.wishes
        self.remember = True
        self._looks = 0
        self._other = False
        self._clock = QTimer(self, interval=_EACH_MS)
        self._clock.timeout.connect(self._look_again)
        self.change.changed.connect(self._show_change)
        self.change.done.connect(self._keep)
        self._session.changed.connect(self._show_session)
        self._session.writing_changed.connect(self.changed)
        self._session.moved.connect(self._follow)

    # what is shown

    @property
    def title(self) -> str:
        """What the model is called."""
        file = self.plans.file if self.plans else None
        spec = file.spec if file else None
        name = file.name if file else self.path.stem
        return plain_name(name, spec.parameters if spec else 0)

    @property
    def is_open(self) -> bool:
        """Whether this is the model that answers, or will when it is asked again."""
        loaded = self._session.loaded
        return loaded is not None and Path(loaded.path) == self.path

    @property
    def _way(self) -> str:
        """How it runs, or will when it is asked again."""
        loaded = self._session.loaded
        return loaded.strategy if loaded is not None and self.is_open else ""

    @property
    def waits(self) -> bool:
        """Whether a model is being opened that was not asked for here."""
        return self._session.opening is not None and not self.loading

    @property
    def loading(self) -> bool:
        """Whether the change that was begun here is under way."""
        return self.change.running

    @property
    def progress(self) -> LoadProgress | None:
        """How far the loading is."""
        return self._session.progress if self.loading else None

    @property
    def running(self) -> Running:
        """How it runs now, and how fast it has been."""
        now = self._way if self._session.phase is Phase.READY else ""
        speeds = {
            strategy: speed
            for (path, strategy), speed in self._session.speeds.items()
            if path == str(self.path)
        }
        return Running(now, speeds, "" if self.wrong else self.text, self.wishes.policy)

    @property
    def plan(self) -> Plan | None:
        """The way that is chosen."""
        return None if self.plans is None or self.wrong else self._plan_of(self.text)

    @property
    def choices(self) -> list[Choice]:
        """The cards."""
        if self.plans is None:
            return []
        _, machine, planned, _ = self.plans
        known = {plan.strategy.text for plan in planned.candidates}
        others = {self._way, "" if self.wrong else self.text} - known - {""}
        more = [plan for text in sorted(others) if (plan := self._plan_of(text)) is not None]
        planned = replace(planned, candidates=(*planned.candidates, *more))
        return choices_of(planned, machine, self.running)

    @property
    def devices(self) -> list[DeviceUse]:
        """The bars."""
        if self.plans is None:
            return []
        return devices_of(self.plan, self.plans.machine, self.wishes.limits)

    @property
    def placement(self) -> list[str]:
        """What would be loaded where."""
        plan, plans = self.plan, self.plans
        if plan is None or plans is None or plans.file.spec is None:
            return []
        return placement_of(plan, plans.file.spec.layers, plans.machine)

    @property
    def ground(self) -> Ground | None:
        """What its layers can lie on."""
        file = self.plans.file if self.plans is not None else None
        if self.plans is None or file is None or file.spec is None:
            return None
        return Ground(file.spec.layers, file.dtype, self.plans.machine)

    @property
    def arrangement(self) -> Arrangement | None:
        """The way that is chosen, by its layers."""
        plan, ground = self.plan, self.ground
        return None if plan is None or ground is None else arranged(plan.strategy, ground.layers)

    @property
    def share(self) -> LayerShare:
        """The way that was chosen last, as a number of layers that stay."""
        plan, ground = self.plan, self.ground
        if plan is not None and ground is not None:
            self._share.look(plan.strategy, ground)
        return self._share

    @property
    def can_run(self) -> bool:
        """Whether Run does something."""
        plan = self.plan
        if plan is None or self.loading or self.waits:
            return False
        return plan.may_run and not self.unchanged

    @property
    def unchanged(self) -> bool:
        """Whether the model runs exactly like this already."""
        ready = self._session.phase is Phase.READY
        same = self.running.now == self.text and self.wishes.threads == self.threads_used
        return ready and self.is_open and same

    @property
    def threads_used(self) -> int:
        """With how many threads the open model was opened."""
        return self._services.planning.threads_used

    # verbs

    def show(self, path: Path) -> None:
        """Look at this model, and at the machine again and again until ``leave``.

        While a change is under way it is the model of that change.
        """
        if not self.loading:
            self._begin(path)
        self._clock.start()
        self.changed.emit()

    def _begin(self, path: Path) -> None:
        self.path, self.plans, self.failure, self.text = path, None, None, ""
        self.wrong, self.remember = None, True
        self.wishes = self._first = self._services.planning.wishes
        self.change.forget()
        self._look()

    def leave(self) -> None:
        """Look no more; a change that was begun goes on."""
        self._clock.stop()
        self._looks += 1

    def choose(self, strategy: str) -> None:
        """One of the candidates."""
        self.change.forget()
        self.text, self.wrong = strategy, None
        self.changed.emit()

    def write(self, text: str) -> None:
        """The strategy's text, as the person types it."""
        self.change.forget()
        told = self._meant(text)
        self.text, self.wrong = (text, told) if isinstance(told, WrongPart) else (told.text, None)
        self.changed.emit()

    def stay(self, layers: int) -> None:
        """So many layers stay on the cards, or in memory."""
        if self.plan is not None and self.share.possible and self.share.staying != layers:
            self.write(self.share.moved(layers))

    def stream(self, on: bool) -> None:  # noqa: FBT001 (a signal's)
        """The other layers come for each token, or lie on the processor."""
        if self.plan is not None and self.share.streams != on:
            self.write(self.share.streamed(self._judged) if on else self.share.settled())

    def wish(self, *, threads: int | None = None, limits: Limits | None = None) -> None:
        """Other threads or limits; they are kept when the model is run."""
        policy, before, gpu, count = self.wishes
        self.wishes = Wishes(
            policy,
            before if limits is None else limits,
            gpu,
            count if threads is None else threads,
        )
        if self.plans is not None:
            file, machine, _, ran_out = self.plans
            planned = plan_with(file, machine, self.wishes, ran_out)
            self.plans = ModelPlans(file, machine, planned, ran_out)
        self.changed.emit()

    def run(self, strategy: str = "") -> None:
        """Begin it: the way that is chosen, or this one."""
        if self.loading:
            return
        if strategy:
            self.text, self.wrong = strategy, None
        if self.can_run:
            self._other = not self.is_open
            self._keep_wishes()
            self.change.begin(self.path, self.text)

    # inside

    def _look(self) -> None:
        self._looks += 1
        self._services.tasks.start(self._plan(self._looks))

    def _look_again(self) -> None:
        if not self.loading:
            self._look()

    async def _plan(self, look: int) -> None:
        try:
            found = await self._services.planning.plans(self.path, self.wishes)
        except Failure as failure:
            if look == self._looks:
                self.failure = failure
                self.changed.emit()
            return
        if look == self._looks and not self.loading and self._differs(found):
            self._take(found)

    def _take(self, found: ModelPlans) -> None:
        planned = plan_with(found.file, found.machine, self.wishes, found.ran_out)  # others by now
        first, self.plans, self.failure = self.plans is None, found._replace(planned=planned), None
        if first and not self.text:
            ways = found.planned.candidates
            least = min(ways, key=lambda plan: sum(plan.peak_bytes.values()))
            best = found.planned.recommended or least
            here = self._way if self._plan_of(self._way) is not None else ""
            self.text = here or best.strategy.text
        self.changed.emit()

    def _differs(self, found: ModelPlans) -> bool:
        """Whether so much more or less is free, or another card there, that it is worth showing."""
        before = self.plans
        if before is None or self.failure is not None:
            return True
        now, then = found.machine, before.machine
        if len(now.gpus) != len(then.gpus) or found.planned.why != before.planned.why:
            return True
        pairs = [(now.memory_available, then.memory_available, now.memory_total)]
        pairs += [
            (a.free_bytes, b.free_bytes, a.total_bytes)
            for a, b in zip(now.gpus, then.gpus, strict=True)
        ]
        return any(abs(a - b) * _STEP > total for a, b, total in pairs)

    def _plan_of(self, text: str) -> Plan | None:
        """One of the candidates, or of what else runs here."""
        if self.plans is None or not text:
            return None
        file, _, planned, _ = self.plans
        found = (one for one in planned.candidates if one.strategy.text == text)
        known = next(found, None)
        if known is not None or file.spec is None:
            return known
        way = self._meant(text)
        if isinstance(way, WrongPart):
            return None
        return self._judged(way)

    def _judged(self, way: Strategy) -> Plan:
        assert self.plans is not None
        file, machine, _, _ = self.plans
        assert file.spec is not None
        return plan_of(file.spec, file.dtype, way, machine, self.wishes.limits)

    def _meant(self, text: str) -> Strategy | WrongPart:
        file = self.plans.file if self.plans else None
        if self.plans is None or file is None or file.spec is None:
            return WrongPart(0, len(text), "")
        return way_meant(text, file.spec.layers, file.dtype, self.plans.machine)

    def _show_change(self) -> None:
        self._looks += 1
        self.changed.emit()

    def _show_session(self) -> None:
        self.changed.emit()

    def _keep(self, _path: Path, strategy: str) -> None:
        """It runs: from now on the model is opened like this, unless only this once."""
        if self.remember:
            settings = self._services.settings
            ways = dict(settings.now.strategies)
            ways.pop(str(self.path), None)  # which it may have got meanwhile
            best = self.plans.planned.recommended if self.plans else None
            if best is None or strategy != best.strategy.text:
                ways[str(self.path)] = strategy
            settings.change(strategies=ways)
        self.finished.emit(self._other)

    def _keep_wishes(self) -> None:
        """What was changed here, and nothing that another window may have changed meanwhile."""
        settings, first = self._services.settings, self._first
        if self.wishes.threads != first.threads:
            settings.change(threads=self.wishes.threads)
        now, before = self.wishes.limits, first.limits
        if now.cpu_bytes != before.cpu_bytes:
            settings.change(cpu_limit=now.cpu_bytes or 0)
        if now.gpu_bytes != before.gpu_bytes:
            settings.change(gpu_limit=now.gpu_bytes or 0)
        self._session.use(self.wishes.threads, now, self.wishes.preferences)
        self._first = self.wishes

    def _follow(self, before: Path, now: Path) -> None:
        if before == self.path:
            self.path = now
            if not self.loading:
                self.plans = None
                self._look()
