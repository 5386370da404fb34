"""From a checkpoint to a model that computes rightly: on a card if it can, else step by step down.

What a card computes is compared with the processor before anybody sees it.  Where it does not
agree, or the card fails, the next format is tried there, and at last the processor.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from app.errors import DeviceError, Failure, NoGpu, OutOfMemory, OverLimit, ResultsWrong
from app.kernels import Ops, open_ops
from app.runtime.adapters.merged_checkpoint import MergedCheckpoint
from app.runtime.checkpoint import Checkpoint
from app.runtime.models import Rwkv, build
from app.runtime.planning.machine import Limits, Machine, Rates, this_machine
from app.runtime.planning.measured import as_measured
from app.runtime.planning.plan import Plan, plan_of, plans_for
from app.runtime.planning.stepping_down import Preferences, choose, least_of, over_limit, wanted_of
from app.runtime.planning.strategy import Strategy
from app.runtime.protocol.messages import SteppedDown
from app.system.gpus import Gpu, gpu_of, gpus, usable
from app.system.memory import available_bytes, resident_bytes

from .self_test import check
from .verdicts import Verdicts, key_of, standard_verdicts

Progress = Callable[[int, int], None]
Weights = Checkpoint | MergedCheckpoint


class Running(NamedTuple):
    """A model, how it runs, and why not in the way that was to be."""

    model: Rwkv
    plan: Plan
    stepped_down: SteppedDown | None = None

    @property
    def strategy(self) -> Strategy:
        """The way that it runs in."""
        return self.plan.strategy


@dataclass
class Backends:
    """What there is to compute on: the cards, and how operations on a device are had."""

    open_ops: Callable[[str], Ops] = open_ops
    gpus: Callable[[], Sequence[Gpu]] = gpus
    verdicts: Verdicts = field(default_factory=standard_verdicts)
    extra: bool | None = None  # whether the packages for cards are installed; None looks
    rates: Rates | None = None
    limits: Limits = field(default_factory=Limits)
    preferences: Preferences = field(default_factory=lambda: Preferences(firm=True))
    asked: Strategy | None = None  # the first choice, where it may give way to another
    trying: Plan | None = None  # what is being brought up, or was last
    passed_over: Plan | None = None  # what was to be taken first, where another plan was chosen

    def bring_up(
        self, checkpoint: Weights, wanted: Strategy | None, progress: Progress | None = None
    ) -> Running:
        """The model in the way that is wanted, else in the best (None).

        ``progress`` is told (layers done, layers), from the start again for each way.  Raises
        what ``build`` does; OutOfMemory and NoGpu of a card only if it is wanted.
        """
        meant = wanted or self.asked
        found = () if meant is not None and not meant.on_gpu else tuple(self.gpus())
        machine = self._machine(usable(found, extra=self.extra))
        way = wanted.settled(checkpoint.spec.layers) if wanted else self._best(checkpoint, machine)
        reason = None
        if way.on_gpu:
            gpus = [gpu_of(card, found, extra=self.extra) for card in way.cards]
            attempt = _Attempt(self, checkpoint, machine, way, progress)
            running = attempt.on_gpus(gpus, forced=wanted is not None)
            if running is not None:
                return running
            machine = self._machine(())
            reason, way = attempt.reason, self._best(checkpoint, machine)
        plan = self.begin(self.plan(checkpoint, way, machine))
        return Running(build(checkpoint, self.open_ops("cpu"), way, progress), plan, reason)

    def begin(self, plan: Plan) -> Plan:
        """Note that this is brought up now.  Raises OverLimit for more than is allowed."""
        self.trying = plan
        if plan.reason == "over-limit":
            raise over_limit(plan)
        return plan

    def plan(self, checkpoint: Weights, way: Strategy, machine: Machine) -> Plan:
        """What one way takes here, whether there is room for it or not."""
        return plan_of(checkpoint.spec, checkpoint.dtype, way, machine, self.limits)

    def _machine(self, able: Sequence[Gpu]) -> Machine:
        """This machine, with what this process has as free: it is part of every plan."""
        free = available_bytes() + resident_bytes()
        return this_machine(self.rates, gpus=tuple(able), available=free)

    def _best(self, checkpoint: Weights, machine: Machine) -> Strategy:
        """What is chosen; where nothing fits, what takes least.

        Raises OverLimit where every way takes more than is allowed, and OutOfMemory where nothing
        is left to step down to.
        """
        spec, dtype = checkpoint.spec, checkpoint.dtype
        planned = plans_for(spec, dtype, machine, self.limits)
        every = as_measured(planned, checkpoint, machine).candidates
        some: Sequence[Plan] = every
        asked = self.asked.settled(spec.layers) if self.asked else None
        if asked is None:
            some = wanted_of(every, self.preferences.gpu, machine)
        elif asked not in [plan.strategy for plan in every]:
            some = (*every, self.plan(checkpoint, asked, machine))
        plan, self.passed_over = choose(spec, dtype, some, self.preferences, asked)
        if plan is not None:
            return plan.strategy
        first = self.passed_over
        if first is None:
            return least_of(some).strategy
        if first.reason == "over-limit":
            raise over_limit(first)
        raise OutOfMemory(
            needed_bytes=first.facts["needed_bytes"],
            free_bytes=first.facts["room_bytes"],
            strategy=first.strategy.text,
        )


@dataclass
class _Attempt:
    """To run a model on a card; ``reason`` is why the first way failed."""

    backends: Backends
    checkpoint: Weights
    machine: Machine
    first: Strategy
    progress: Progress | None
    reason: SteppedDown | None = None

    def on_gpus(self, gpus: Sequence[Gpu], *, forced: bool) -> Running | None:
        """None where no format does; ``forced`` where the first way is the person's own.

        ``gpus`` are the cards of the first way; others are tried on the first of them.
        """
        # as the driver's library counts them, and the cards here are
        os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
        try:
            ops = {device: self.backends.open_ops(device) for device in self.first.devices}
        except DeviceError as failure:
            if forced and isinstance(failure, NoGpu):
                raise
            self._note(failure)
            return None
        for way in self._ways():
            try:
                plan = self.backends.plan(self.checkpoint, way, self.machine)
                self.backends.begin(plan)
                return Running(self._model(ops, way, gpus), plan, self.reason)
            except (OutOfMemory, OverLimit) as failure:
                if way == self.first:
                    raise  # what comes next is chosen anew
                self._note(failure)
            except DeviceError as failure:
                self._note(failure)
        return None

    def _ways(self) -> list[Strategy]:
        """The first way, then the whole ones that fit on its first card, the most exact first."""
        spec, dtype, limits = self.checkpoint.spec, self.checkpoint.dtype, self.backends.limits
        planned = plans_for(spec, dtype, self.machine, limits)
        others = [
            plan.strategy
            for plan in planned.candidates
            if plan.fits and plan.strategy.devices == self.first.cards[:1]
            # one that takes more memory and time is no step down
            if plan.strategy.format != "fp32" and plan.strategy != self.first
        ]
        return [self.first, *others]

    def _model(self, ops: Mapping[str, Ops], way: Strategy, gpus: Sequence[Gpu]) -> Rwkv:
        """Loaded and compared, unless it was before.  Raises DeviceError."""
        verdicts = self.backends.verdicts
        used = [gpu for gpu in gpus if gpu.device in way.cards]
        key = key_of(self.checkpoint.fingerprint, way.format if way.whole else way.text, *used)
        known = verdicts.get(key)
        if known is not None and not known.passed:
            raise ResultsWrong(error=known.error)
        free = {gpu.device: gpu.free_bytes for gpu in used}
        model = build(self.checkpoint, ops, way, self.progress, free)
        if known is None:
            found = check(self.checkpoint, model, way)
            share = f"{found.error:.1%}"
            verdicts.put(key, passed=found.passed, error=share)
            if not found.passed:
                raise ResultsWrong(error=share)
        return model

    def _note(self, failure: Failure) -> None:
        if self.reason is None:
            self.reason = SteppedDown(self.first.text, failure.code, failure.facts)
