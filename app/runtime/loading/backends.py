"""From a checkpoint to a model that computes rightly: on a card if it can, else step by step down.

What a card computes is compared with the processor before anybody sees it.  Where it does not
agree, or the card fails, the next format is tried there, and at last the processor.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from app.errors import DeviceError, Failure, NoGpu, OutOfMemory, ResultsWrong
from app.kernels import Ops, open_ops
from app.runtime.adapters.merged_checkpoint import MergedCheckpoint
from app.runtime.checkpoint import Checkpoint
from app.runtime.models import Rwkv, build
from app.runtime.planning.footprint import QUANTISED
from app.runtime.planning.machine import Limits, Machine, Rates, this_machine
from app.runtime.planning.plan import Plan, plan_of, plans_for
from app.runtime.planning.strategy import Strategy, whole_on
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

    def bring_up(
        self, checkpoint: Weights, wanted: Strategy | None, progress: Progress | None = None
    ) -> Running:
        """The model in the way that is wanted, else in the best (None).

        ``progress`` is told (layers done, layers), from the start again for each way.  Raises
        what ``build`` does; OutOfMemory and NoGpu of a card only if it is wanted.
        """
        found = () if wanted is not None and not wanted.on_gpu else tuple(self.gpus())
        machine = self._machine(usable(found, extra=self.extra))
        way = wanted or self._best(checkpoint, machine)
        reason = None
        if way.on_gpu:
            gpu = gpu_of(way.device, found, extra=self.extra)
            attempt = _Attempt(self, checkpoint, machine, way, progress)
            running = attempt.on_gpu(gpu, forced=wanted is not None)
            if running is not None:
                return running
            machine = self._machine(())
            reason, way = attempt.reason, self._best(checkpoint, machine)
        model = build(checkpoint, self.open_ops("cpu"), way, progress)
        return Running(model, self.plan(checkpoint, way, machine), reason)

    def plan(self, checkpoint: Weights, way: Strategy, machine: Machine) -> Plan:
        """What one way takes here, whether there is room for it or not."""
        return plan_of(checkpoint.spec, checkpoint.dtype, way, machine, self.limits)

    def _machine(self, able: Sequence[Gpu]) -> Machine:
        """This machine, with what this process has as free: it is part of every plan."""
        free = available_bytes() + resident_bytes()
        return this_machine(self.rates, gpus=tuple(able), available=free)

    def _best(self, checkpoint: Weights, machine: Machine) -> Strategy:
        """What is recommended; where nothing fits, what says best that there is no room."""
        dtype = checkpoint.dtype
        plan = plans_for(checkpoint.spec, dtype, machine, self.limits).recommended
        return plan.strategy if plan else whole_on("cpu", dtype if dtype in QUANTISED else "bf16")


@dataclass
class _Attempt:
    """To run a model on a card; ``reason`` is why the first way failed."""

    backends: Backends
    checkpoint: Weights
    machine: Machine
    first: Strategy
    progress: Progress | None
    reason: SteppedDown | None = None

    def on_gpu(self, gpu: Gpu, *, forced: bool) -> Running | None:
        """None where no format does; ``forced`` where the first way is the person's own."""
        # as the driver's library counts them, and the cards here are
        os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
        try:
            ops = self.backends.open_ops(self.first.device)
        except DeviceError as failure:
            if forced and isinstance(failure, NoGpu):
                raise
            self._note(failure)
            return None
        for way in self._ways():
            try:
                model = self._model(ops, way, gpu)
                plan = self.backends.plan(self.checkpoint, way, self.machine)
                return Running(model, plan, self.reason)
            except OutOfMemory as failure:
                if forced and way == self.first:
                    raise
                self._note(failure)
            except DeviceError as failure:
                self._note(failure)
        return None

    def _ways(self) -> list[Strategy]:
        """The first way, then the others that fit on its card, the most exact one first."""
        spec, dtype, limits = self.checkpoint.spec, self.checkpoint.dtype, self.backends.limits
        planned = plans_for(spec, dtype, self.machine, limits)
        others = [
            plan.strategy
            for plan in planned.candidates
            if plan.fits and plan.strategy.device == self.first.device
            # one that takes more memory and time is no step down
            if plan.strategy.format != "fp32" and plan.strategy != self.first
        ]
        return [self.first, *others]

    def _model(self, ops: Ops, way: Strategy, gpu: Gpu) -> Rwkv:
        """Loaded and compared, unless it was before.  Raises DeviceError."""
        verdicts = self.backends.verdicts
        key = key_of(self.checkpoint.fingerprint, way.format, gpu)
        known = verdicts.get(key)
        if known is not None and not known.passed:
            raise ResultsWrong(error=known.error)
        model = build(self.checkpoint, ops, way, self.progress, gpu.free_bytes)
        if known is None:
            found = check(self.checkpoint, model, way.format)
            share = f"{found.error:.1%}"
            verdicts.put(key, passed=found.passed, error=share)
            if not found.passed:
                raise ResultsWrong(error=share)
        return model

    def _note(self, failure: Failure) -> None:
        if self.reason is None:
            self.reason = SteppedDown(self.first.text, failure.code, failure.facts)
