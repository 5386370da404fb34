"""Whether a model fits this machine before it is downloaded, from its sizes alone; asks no hub."""

from typing import Literal

import msgspec

from app.runtime.planning.chooser import choose, choose_on_gpu, formats_for, room_on
from app.runtime.planning.footprint import QUANTISED, footprint
from app.runtime.planning.strategy import ON_CPU, parse, whole_on
from app.runtime.spec import Spec
from app.system.gpus import Gpu, usable_gpus
from app.system.memory import available_bytes, total_bytes

from .entries import Entry

Kind = Literal["gpu", "cpu", "int8", "tight", "too-large", "unknown"]

_ROOM_BYTES = 300_000_000
"""What Python, its libraries and the window take besides the model."""


class Machine(msgspec.Struct, frozen=True):
    """Memory in bytes: what could be taken now without swapping, and all there is.

    ``gpus`` are those on which models run, the best first.
    """

    available_bytes: int
    total_bytes: int
    gpus: tuple[Gpu, ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """One strategy and the bytes that a loaded model takes with it.

    ``gpu`` is where it takes them; None for the machine's own memory.
    """

    strategy: str
    needed_bytes: int
    gpu: Gpu | None = None


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """How a model would run here.

    ``kind``: "gpu" on a card (``strategy`` says in how many bits), "cpu" in the numbers it comes
    in, "int8" only in 8 or 4 bits, "tight" once other programs are closed, "too-large" never,
    "unknown" where its size is not known or it runs not by itself.  ``strategy`` is the one to
    open it with, ``needed_bytes`` what that takes; of what is too large they are the smallest way.
    ``available_bytes`` and ``total_bytes`` are the card's where it is to run there.  ``exact`` is
    False where the sizes are estimated from the file's.
    """

    kind: Kind
    strategy: str = ""
    needed_bytes: int = 0
    available_bytes: int = 0
    total_bytes: int = 0
    per_format: tuple[Plan, ...] = ()
    exact: bool = True

    @property
    def runs(self) -> bool:
        """Whether it can be opened now."""
        return self.kind in ("gpu", "cpu", "int8")


def machine() -> Machine:
    """This machine now, within the limits of its container."""
    return Machine(available_bytes(), total_bytes(), usable_gpus())


def fit(
    model: Entry | Spec, here: Machine, *, dtype: str = "", fast_bf16: bool | None = None
) -> Fit:
    """How ``model`` runs on a machine; ``dtype`` is the file's where a Spec alone is given.

    ``fast_bf16`` tells whether what computes here is quick with bfloat16; None asks it.
    """
    spec = model if isinstance(model, Spec) else model.spec
    if isinstance(model, Entry):
        if model.why_not or not model.is_model:
            return _verdict("unknown", Plan("", 0), here, ())
        if spec is None:
            return _estimated(model, here)
        dtype = model.dtype
    assert spec is not None
    room = here.available_bytes - _ROOM_BYTES
    ways = tuple(Plan(text, footprint(spec, parse(text), dtype).total) for text in ON_CPU)
    on_gpu = _on_gpu(spec, dtype, here)
    best = choose_on_gpu(spec, dtype, here.gpus)
    if best is not None:
        way = next(way for way in on_gpu if way.strategy == best.text)
        return _verdict("gpu", way, here, (*on_gpu, *ways))
    usual = choose(spec, dtype, max(0, room), fast_bf16=fast_bf16).text
    return msgspec.structs.replace(_chosen(ways, usual, here), per_format=(*on_gpu, *ways))


def _on_gpu(spec: Spec, dtype: str, here: Machine) -> tuple[Plan, ...]:
    """The ways on every card."""
    ways = [(gpu, whole_on(gpu.device, f)) for gpu in here.gpus for f in formats_for(dtype)]
    return tuple(Plan(way.text, footprint(spec, way, dtype).total, gpu) for gpu, way in ways)


def fits_now(way: Plan, here: Machine) -> bool:
    """Whether there is room for it now."""
    if way.gpu is not None:
        return way.needed_bytes <= room_on(way.gpu)
    return way.needed_bytes + _ROOM_BYTES <= here.available_bytes


def verdict_of(way: Plan, here: Machine) -> Fit:
    """How a model runs in this way, which the person chose instead of the usual one."""
    if fits_now(way, here):
        kind: Kind = "gpu" if way.gpu else "int8" if _is_quantised(way) else "cpu"
    else:
        kind = "tight" if _fits_at_best(way, here) else "too-large"
    return _verdict(kind, way, here, ())


def _fits_at_best(way: Plan, here: Machine) -> bool:
    """Whether there would be room for it without other programs."""
    if way.gpu is not None:
        return way.needed_bytes <= way.gpu.total_bytes
    return way.needed_bytes + _ROOM_BYTES <= here.total_bytes


def _chosen(ways: tuple[Plan, ...], usual: str, here: Machine) -> Fit:
    """The usual way where there is room for it, else the largest for which there is."""
    first = next(way for way in ways if way.strategy == usual)
    smaller = sorted(
        (way for way in ways if way.needed_bytes < first.needed_bytes),
        key=lambda way: -way.needed_bytes,
    )
    for way in (first, *smaller):
        if fits_now(way, here):
            return _verdict("int8" if _is_quantised(way) else "cpu", way, here, ways)
    for way in (first, *smaller):
        if _fits_at_best(way, here):
            return _verdict("tight", way, here, ways)
    return _verdict("too-large", (first, *smaller)[-1], here, ways)


def _estimated(entry: Entry, here: Machine) -> Fit:
    """From the bytes of 16-bit numbers, where the shape is not known; state and work left out."""
    plain = 0 if entry.format == "gguf" else entry.bytes
    plain = plain // 2 if entry.dtype == "fp32" else plain
    needed = plain or 2 * entry.parameters
    if not needed:
        return _verdict("unknown", Plan("", 0), here, ())
    way = Plan("cpu bf16", needed)
    found = _chosen((way,), way.strategy, here)
    return msgspec.structs.replace(found, exact=False)


def _is_quantised(way: Plan) -> bool:
    return way.strategy.rpartition(" ")[2] in QUANTISED


def _verdict(kind: Kind, way: Plan, here: Machine, ways: tuple[Plan, ...]) -> Fit:
    return Fit(
        kind=kind,
        strategy=way.strategy,
        needed_bytes=way.needed_bytes,
        available_bytes=way.gpu.free_bytes if way.gpu else here.available_bytes,
        total_bytes=way.gpu.total_bytes if way.gpu else here.total_bytes,
        per_format=ways,
    )
