"""Whether a model fits this machine before it is downloaded, from its sizes alone; asks no hub.

What is decided, and how many bytes a way takes, is planning's to say.
"""

from typing import Literal

import msgspec

from app.runtime.planning.footprint import QUANTISED
from app.runtime.planning.machine import Limits, Machine
from app.runtime.planning.plan import Plan, plan_of, room_on, staying_plans_for
from app.runtime.planning.strategy import parse
from app.runtime.spec import Spec
from app.system.gpus import Gpu

from .entries import Entry

Kind = Literal["gpu", "cpu", "int8", "tight", "over-limit", "too-large", "unknown"]

_NO_LIMITS = Limits()


class Placement(msgspec.Struct, frozen=True):
    """One strategy and the most bytes that a loaded model takes with it where its weights lie.

    ``gpu`` is where it takes them; None for the machine's own memory.  Of a split model it is where
    the first layers lie, and ``beside_bytes`` are what the others take in the machine's own.
    ``allowed`` tells whether the person's limits leave it so many.
    """

    strategy: str
    needed_bytes: int
    gpu: Gpu | None = None
    beside_bytes: int = 0
    allowed: bool = True


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """How a model would run here.

    ``kind``: "gpu" on a card (``strategy`` says in how many bits), "cpu" in the numbers it comes
    in, "int8" in 8 or 4 bits, "tight" once other programs are closed, "over-limit" with more memory
    than the person allows, "too-large" never, "unknown" where its size is not known or it runs not
    by itself.  ``strategy`` is the one to open it with, ``needed_bytes`` what that takes; of what
    is over the limit or too large they are the smallest way.  ``limit_bytes`` is the limit that is
    in the way.  ``available_bytes`` and ``total_bytes`` are the card's where it is to run there.
    ``exact`` is False where the sizes are estimated from the file's.
    """

    kind: Kind
    strategy: str = ""
    needed_bytes: int = 0
    available_bytes: int = 0
    total_bytes: int = 0
    limit_bytes: int = 0
    per_format: tuple[Placement, ...] = ()
    exact: bool = True

    @property
    def most_bytes(self) -> int:
        """What there is for it at most: the limit that is in the way, else all of the memory."""
        return self.limit_bytes if self.kind == "over-limit" else self.total_bytes

    @property
    def runs(self) -> bool:
        """Whether it can be opened now."""
        return self.kind in ("gpu", "cpu", "int8")


def fit(model: Entry | Spec, here: Machine, *, dtype: str = "", limits: Limits = _NO_LIMITS) -> Fit:
    """How ``model`` runs on a machine; ``dtype`` is the file's where a Spec alone is given."""
    spec = model if isinstance(model, Spec) else model.spec
    if isinstance(model, Entry):
        if model.why_not or not model.is_model:
            return _verdict("unknown", Placement("", 0), here)
        if spec is None:
            return _estimated(model, here, limits)
        dtype = model.dtype
    assert spec is not None
    planned = staying_plans_for(spec, dtype, here, limits)
    ways = tuple(_way(plan, here) for plan in planned.candidates)
    if planned.recommended is not None:
        way = _way(planned.recommended, here)
        return _verdict(_kind(way), way, here, ways)
    idle = staying_plans_for(spec, dtype, _idle(here), limits).recommended
    if idle is not None:
        again = plan_of(spec, dtype, idle.strategy, here, limits)
        return _verdict("tight", _way(again, here), here, ways)
    if staying_plans_for(spec, dtype, _idle(here)).recommended is not None:
        forbidden = [plan for plan in planned.candidates if plan.reason == "over-limit"]
        small = min(forbidden, key=lambda plan: sum(plan.peak_bytes.values()))
        return _limited(_way(small, here), here, limits, ways)
    least = min((way for way in ways if way.gpu is None), key=lambda way: way.needed_bytes)
    return _verdict("too-large", least, here, ways)


def verdict_of(way: Placement, here: Machine, limits: Limits = _NO_LIMITS) -> Fit:
    """How a model runs in this way, which the person chose instead of the usual one."""
    if fits_now(way, here, limits):
        return _verdict(_kind(way), way, here)
    if fits_now(way, _idle(here), limits):
        return _verdict("tight", way, here)
    if fits_now(way, _idle(here)):
        return _limited(way, here, limits)
    return _verdict("too-large", way, here)


def fits_now(way: Placement, here: Machine, limits: Limits = _NO_LIMITS) -> bool:
    """Whether there is room for it now."""
    beside = way.beside_bytes <= room_on(here, "cpu", limits).now
    return beside and way.needed_bytes <= room_on(here, _device(way), limits).now


def _device(way: Placement) -> str:
    return way.gpu.device if way.gpu else "cpu"


def _way(plan: Plan, here: Machine) -> Placement:
    device, split = plan.strategy.device, not plan.strategy.whole
    beside = plan.peak_bytes["cpu"] if split and device != "cpu" else 0
    return Placement(
        plan.strategy.text,
        plan.peak_bytes[device],
        here.gpu(device),
        beside,
        plan.reason != "over-limit",
    )


def _limited(
    way: Placement, here: Machine, limits: Limits, ways: tuple[Placement, ...] = ()
) -> Fit:
    limit = room_on(here, _device(way), limits).allowed
    return msgspec.structs.replace(_verdict("over-limit", way, here, ways), limit_bytes=limit)


def _idle(here: Machine) -> Machine:
    """The same machine when nothing else runs."""
    gpus = (msgspec.structs.replace(gpu, free_bytes=gpu.total_bytes) for gpu in here.gpus)
    return msgspec.structs.replace(here, memory_available=here.memory_total, gpus=tuple(gpus))


def _estimated(entry: Entry, here: Machine, limits: Limits) -> Fit:
    """From the bytes of 16-bit numbers, where the shape is not known; state and work left out."""
    plain = 0 if entry.format == "gguf" else entry.bytes
    plain = plain // 2 if entry.dtype == "fp32" else plain
    needed = plain or 2 * entry.parameters
    if not needed:
        return _verdict("unknown", Placement("", 0), here)
    way = Placement("cpu bf16", needed)
    found = verdict_of(way, here, limits)
    return msgspec.structs.replace(found, per_format=(way,), exact=False)


def _kind(way: Placement) -> Kind:
    if way.gpu is not None:
        return "gpu"
    return "int8" if parse(way.strategy).format in QUANTISED else "cpu"


def _verdict(kind: Kind, way: Placement, here: Machine, ways: tuple[Placement, ...] = ()) -> Fit:
    return Fit(
        kind=kind,
        strategy=way.strategy,
        needed_bytes=way.needed_bytes,
        available_bytes=way.gpu.free_bytes if way.gpu else here.memory_available,
        total_bytes=way.gpu.total_bytes if way.gpu else here.memory_total,
        per_format=ways,
    )
