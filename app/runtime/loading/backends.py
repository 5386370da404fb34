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
from app.runtime.checkpoint import Checkpoint
from app.runtime.models import Rwkv, build
from app.runtime.planning.chooser import choose, formats_for, room_on
from app.runtime.planning.footprint import footprint
from app.runtime.planning.strategy import Strategy, whole_on
from app.runtime.protocol.messages import SteppedDown
from app.system.gpus import Gpu, gpu_of, gpus, usable
from app.system.memory import available_bytes

from .self_test import check
from .verdicts import Verdicts, key_of, standard_verdicts

Progress = Callable[[int, int], None]


class Running(NamedTuple):
    """A model, how it runs, and why not in the way that was to be."""

    model: Rwkv
    strategy: Strategy
    stepped_down: SteppedDown | None = None


@dataclass
class Backends:
    """What there is to compute on: the cards, and how operations on a device are had."""

    open_ops: Callable[[str], Ops] = open_ops
    gpus: Callable[[], Sequence[Gpu]] = gpus
    verdicts: Verdicts = field(default_factory=standard_verdicts)
    extra: bool | None = None  # whether the packages for cards are installed; None looks

    def bring_up(
        self, checkpoint: Checkpoint, wanted: Strategy | None, progress: Progress | None = None
    ) -> Running:
        """The model in the way that is wanted, else in the best (None).

        ``progress`` is told (layers done, layers), from the start again for each way.  Raises
        what ``build`` does; OutOfMemory and NoGpu of a card only if it is wanted.
        """
        found = () if wanted is not None and not wanted.on_gpu else tuple(self.gpus())
        spec, dtype = checkpoint.spec, checkpoint.dtype
        able = usable(found, extra=self.extra)
        way = wanted or choose(spec, dtype, available_bytes(), gpus=able)
        reason = None
        if way.on_gpu:
            gpu = gpu_of(way.device, found, extra=self.extra)
            attempt = _Attempt(self, checkpoint, way, progress)
            running = attempt.on_gpu(gpu, forced=wanted is not None)
            if running is not None:
                return running
            reason, way = attempt.reason, choose(spec, dtype, available_bytes())
        return Running(build(checkpoint, self.open_ops("cpu"), way, progress), way, reason)


@dataclass
class _Attempt:
    """To run a model on a card; ``reason`` is why the first way failed."""

    backends: Backends
    checkpoint: Checkpoint
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
        for form in self._formats(gpu):
            way = whole_on(self.first.device, form)
            try:
                return Running(self._model(ops, way, gpu), way, self.reason)
            except OutOfMemory as failure:
                if forced and way == self.first:
                    raise
                self._note(failure)
            except DeviceError as failure:
                self._note(failure)
        return None

    def _formats(self, gpu: Gpu) -> list[str]:
        """That of the first way, then the others that fit."""
        spec, dtype = self.checkpoint.spec, self.checkpoint.dtype
        others = [form for form in formats_for(dtype, gpu) if form != self.first.format]
        ways = [whole_on(self.first.device, form) for form in others]
        room = room_on(gpu)
        fits = [way.format for way in ways if footprint(spec, way, dtype).total <= room]
        return [self.first.format, *fits]

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
