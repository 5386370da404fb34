"""How a model could run on a machine: every way with its bytes and speed, and the one to take.

This is the only place that decides, for window, command line and worker.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec

from app.errors import Fact
from app.runtime.spec import Spec
from app.system.gpus import LEAST_BF16, Gpu

from .best_split import Model, splits_of
from .footprint import QUANTISED, footprint, parts_of, peak_of
from .machine import Limits, Machine
from .segments import Place
from .speed import READING_SPEED, decode_tokens_per_s, prefill_tokens_per_s
from .strategy import ON_CPU, ON_GPU, Strategy, parse, whole_on
from .streamed_plans import streamed_plans

_NO_LIMITS = Limits()
_SMALL = whole_on("cpu", "fp32")
_SMALL_BYTES = 64 << 20
SPARE_BYTES = 256 << 20  # for what other programs take meanwhile

Reason = Literal["fits", "busy", "too-small", "over-limit", "ran-out"]
"""Why a plan fits, or not: other programs have the memory, there is too little, a limit is set, or
memory ran out in it before (``stepping_down.py``).

Its facts are ``device``, ``needed_bytes``, ``room_bytes`` (what a model may take there now) and
``total_bytes`` of the memory.
"""

Why = Literal["best", "fastest", "none"]
"""Why a plan is recommended: nothing better would be quick enough to read along ("best"), nothing
at all would be and this is the quickest ("fastest"), or no way fits ("none").
"""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy settled for one model on one machine.

    ``bytes`` is what is in the memory of each device when a text was written, ``parts`` what
    it is made of: see ``parts_of``.
    ``peak_bytes`` is the most that is taken while the model is loaded and a long prompt is read;
    it has to fit.  The speeds are of one text; ``measured`` tells that this very model was measured
    here in this way, and they are no prediction.
    """

    strategy: Strategy
    bytes: dict[str, int]
    parts: dict[str, dict[str, int]]
    peak_bytes: dict[str, int]
    decode_tokens_per_s: float
    prefill_tokens_per_s: float
    measured: bool = False
    fits: bool
    reason: Reason
    facts: dict[str, Fact] = {}

    @property
    def may_run(self) -> bool:
        """Whether it could be tried: it fits, or would once other programs are closed."""
        return self.fits or self.reason in ("busy", "ran-out")


class Planned(msgspec.Struct, frozen=True):
    """Every way to run a model, and which of them is recommended (None where none fits).

    ``passed_over`` is the next more exact one on the same device, and so what the recommended
    one is to be compared with; None where there is none.
    """

    candidates: tuple[Plan, ...]
    recommended: Plan | None
    why: Why
    passed_over: Plan | None = None

    def of(self, strategy: Strategy) -> Plan | None:
        """The candidate with this strategy, as it is settled for the model."""
        return next((one for one in self.candidates if one.strategy == strategy), None)


def plans_for(
    spec: Spec, dtype: str, machine: Machine, limits: Limits = _NO_LIMITS, texts: int = 1
) -> Planned:
    """All candidates for a model whose file holds ``dtype``, those on cards first.

    Every whole placement is one, then the best split over devices, where a card is too small for
    a format and a split has room, and at last those of which a part is streamed, where nothing so
    exact fits otherwise.  ``texts`` is how many are written at once.
    """

    def make(way: Strategy) -> Plan:
        return plan_of(spec, dtype, way, machine, limits, texts)

    staying = staying_plans_for(spec, dtype, machine, limits, texts).candidates
    least = min((_loss(plan, dtype)[0] for plan in staying if plan.fits), default=math.inf)
    streamed = streamed_plans(dtype, spec.layers, machine, make)
    better = [plan for plan in streamed if _loss(plan, dtype)[0] < least]
    return decided(spec, dtype, (*staying, *better))


def staying_plans_for(
    spec: Spec, dtype: str, machine: Machine, limits: Limits = _NO_LIMITS, texts: int = 1
) -> Planned:
    """The candidates of which all stays in memory, and which of these is recommended."""
    candidates = [
        plan_of(spec, dtype, way, machine, limits, texts) for way in strategies_for(dtype, machine)
    ]
    model = Model(spec, dtype, texts)
    split = _best_split(model, machine, limits, candidates)
    return decided(spec, dtype, [*candidates, *([split] if split else [])])


def _best_split(
    model: Model, machine: Machine, limits: Limits, wholes: Sequence[Plan]
) -> Plan | None:
    """Of the splits that fit the one that would be recommended."""
    on_cards = {plan.strategy.format for plan in wholes if plan.strategy.on_gpu and plan.fits}
    room = {gpu.device: room_on(machine, gpu.device, limits).now for gpu in machine.gpus}
    plans = [
        plan_of(model.spec, model.dtype, way, machine, limits, model.texts)
        for way in splits_of(model, room, without=on_cards)
    ]
    return decided(model.spec, model.dtype, plans).recommended


Policy = Literal["quality", "balanced", "speed"]
"""What matters: exact words however slowly they come, both, or quick ones."""


def decided(
    spec: Spec, dtype: str, candidates: Sequence[Plan], policy: Policy = "balanced"
) -> Planned:
    """Which of the candidates is recommended.

    What is streamed only where nothing else fits.  Of those that fit and reach reading speed the
    most exact ones, and of these the quickest; where none reaches it, the quickest.  Where a whole
    placement on a card does, a split over devices is taken for being quicker, not for being more
    exact.  For "quality" every speed will do, for "speed" it is the quickest in any case.  Of a
    model so small that the processor has it in its caches that is full precision there: a card
    gains nothing, and its start costs memory.
    """
    fitting = [plan for plan in candidates if plan.fits]
    fitting = [plan for plan in fitting if plan.strategy.stays] or fitting
    if not fitting:
        return Planned(tuple(candidates), None, "none")
    small = next((plan for plan in fitting if plan.strategy == _SMALL), None)
    if small is not None and dtype not in QUANTISED and _is_small(spec, dtype):
        return Planned(tuple(candidates), small, "best")
    least = {"quality": 0.0, "balanced": READING_SPEED, "speed": math.inf}[policy]
    readable = [plan for plan in fitting if plan.decode_tokens_per_s >= least]
    if not readable:
        quickest = min(fitting, key=lambda plan: (-plan.decode_tokens_per_s, _loss(plan, dtype)))
        return Planned(
            tuple(candidates), quickest, "fastest", _passed_over(quickest, candidates, dtype)
        )
    taken = _without_needless_splits(readable, dtype)
    best = min(taken, key=lambda plan: (_loss(plan, dtype), -plan.decode_tokens_per_s))
    return Planned(tuple(candidates), best, "best", _passed_over(best, candidates, dtype))


def _without_needless_splits(readable: list[Plan], dtype: str) -> list[Plan]:
    """None that is more exact than all whole ones where a card holds one of these."""
    wholes = [plan for plan in readable if plan.strategy.whole]
    if not any(plan.strategy.on_gpu for plan in wholes):
        return readable
    most = min(_loss(plan, dtype) for plan in wholes)
    return [one for one in readable if one.strategy.whole or _loss(one, dtype) >= most]


def _passed_over(chosen: Plan, candidates: Sequence[Plan], dtype: str) -> Plan | None:
    """The next more exact one on the device of the chosen one, where its numbers have more bits."""
    device, lost = chosen.strategy.device, _loss(chosen, dtype)[0]
    better = [
        plan
        for plan in candidates
        if plan.strategy.device == device and _loss(plan, dtype)[0] < lost
    ]
    return max(better, key=lambda plan: _loss(plan, dtype)[0], default=None)


def _is_small(spec: Spec, dtype: str) -> bool:
    return footprint(spec, _SMALL, dtype).weights <= _SMALL_BYTES


def _loss(plan: Plan, dtype: str) -> tuple[int, int]:
    """How much of the file's exactness a format loses: less is better; of several the worst.

    Rounding to 16 bits changes next to nothing (docs/performance.md), so it only breaks a tie: the
    activations of a card have 16 bits whatever the file has, and fp16 is read no faster on the
    processor than bf16, but multiplied more slowly.
    """
    return max(_loss_in(one.place, dtype) for one in plan.strategy.segments)


def _loss_in(place: Place, dtype: str) -> tuple[int, int]:
    form = place.format
    if form in QUANTISED:
        return (0 if form == dtype else 1 + QUANTISED.index(form)), 0
    if place.on_gpu or form == "fp32":
        return 0, 0
    return 0, 2 if form == "fp16" else int(dtype in ("fp32", "fp64"))


def strategies_for(dtype: str, machine: Machine) -> Iterator[Strategy]:
    """Every whole placement that could run, on every card and on the processor."""
    for gpu in machine.gpus:
        for form in formats_on(gpu, dtype):
            yield whole_on(gpu.device, form)
    yield from map(parse, ON_CPU)


def formats_on(gpu: Gpu, dtype: str) -> tuple[str, ...]:
    """The formats that run on a card for a file of ``dtype``, most exact first.

    fp16 keeps what bf16 has in all but the smallest weights, its activations have three bits
    more, and every card multiplies it.  Where it does not do, bf16 may.
    """
    if dtype in QUANTISED:
        return (dtype,)
    formats = (parse(text).format for text in ON_GPU)
    return tuple(one for one in formats if one != "bf16" or gpu.capability >= LEAST_BF16)


def plan_of(
    spec: Spec,
    dtype: str,
    way: Strategy,
    machine: Machine,
    limits: Limits = _NO_LIMITS,
    texts: int = 1,
) -> Plan:
    """One strategy for one model on one machine, settled for it."""
    way = way.settled(spec.layers)
    parts = parts_of(spec, way, dtype, texts)
    peaks = peak_of(spec, way, dtype, texts)
    reason, facts = _judged(peaks, machine, limits)
    return Plan(
        strategy=way,
        bytes={device: sum(some.values()) for device, some in parts.items()},
        parts=parts,
        peak_bytes=peaks,
        decode_tokens_per_s=decode_tokens_per_s(spec, way, dtype, machine),
        prefill_tokens_per_s=prefill_tokens_per_s(spec, way, dtype, machine),
        fits=reason == "fits",
        reason=reason,
        facts=facts,
    )


def _judged(
    peaks: dict[str, int], machine: Machine, limits: Limits
) -> tuple[Reason, dict[str, Fact]]:
    """Whether there is room on every device; the facts are of the one that is short.

    Where none is they are of the first, on which the model lies.
    """
    judged = [_judged_on(device, needed, machine, limits) for device, needed in peaks.items()]
    return next((one for one in judged if one[0] != "fits"), judged[0])


def _judged_on(
    device: str, needed: int, machine: Machine, limits: Limits
) -> tuple[Reason, dict[str, Fact]]:
    room = room_on(machine, device, limits)
    now = room.allowed if needed > room.allowed else room.now
    facts: dict[str, Fact] = {"device": device, "needed_bytes": needed, "room_bytes": now}
    facts["total_bytes"] = room.total
    if needed > room.total:
        return "too-small", facts
    if needed > room.allowed:
        return "over-limit", facts
    return ("busy" if needed > room.now else "fits"), facts


class Room(NamedTuple):
    """Bytes of a device: that a model may take ``now``, ``allowed`` by a limit, and ``total``."""

    now: int
    allowed: int
    total: int


def room_on(machine: Machine, device: str, limits: Limits = _NO_LIMITS) -> Room:
    """What a model may take on a device."""
    gpu = machine.gpu(device)
    if device != "cpu" and gpu is None:
        return Room(0, 0, 0)
    free, total, limit = (
        (gpu.free_bytes, gpu.total_bytes, limits.gpu_bytes)
        if gpu is not None
        else (machine.memory_available, machine.memory_total, limits.cpu_bytes)
    )
    allowed = total if limit is None else min(total, limit)
    return Room(min(max(0, free - SPARE_BYTES), allowed), allowed, total)
