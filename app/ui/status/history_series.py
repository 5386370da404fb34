"""What the history plots show of a sample: numbers, words and the ticks of an axis; no widget."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.messages.translate import tr
from app.messages.units import size, speed
from app.system.gpus import Gpu
from app.ui.state.status.readings import Sample

_LEAST_SPEED = 10.0


@dataclass(frozen=True)
class Axis:
    """The top of an axis, and what stands at three places of it."""

    most: float
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Series:
    """One plot.  ``roles`` are the colours of its lines, ``names`` what the lines are ("" for one).

    ``values`` gives a number for each line, ``words`` what they are now, ``axis`` their axis for
    the samples that are shown.
    """

    title: str
    roles: tuple[str, ...]
    names: tuple[str, ...]
    values: Callable[[Sample], tuple[float, ...]]
    words: Callable[[Sample], tuple[str, ...]]
    axis: Callable[[Sequence[Sample]], Axis]


def series_of(gpus: Sequence[Gpu]) -> list[Series]:
    """The plots of a machine with these cards, two by two."""
    cards = [one for at in range(len(gpus)) for one in (_gpu_memory(gpus, at), _gpu_load(gpus, at))]
    return [_processor(), _memory(), *cards, _speed()]


def _processor() -> Series:
    return Series(
        title=tr("Processor"),
        roles=("accent",),
        names=("",),
        values=lambda sample: (sample.cpu,),
        words=lambda sample: (_percent(sample.cpu),),
        axis=lambda _: _PERCENT,
    )


def _memory() -> Series:
    def words(sample: Sample) -> tuple[str, ...]:
        now = sample.memory
        used = tr("{} of {}").format(size(now.used_bytes), size(now.total_bytes))
        return used, size(now.worker_bytes)

    return Series(
        title=tr("Memory"),
        roles=("part-others", "accent"),
        names=(tr("in use"), tr("the engine")),
        values=lambda sample: (sample.memory.used_bytes, sample.memory.worker_bytes),
        words=words,
        axis=lambda samples: _bytes(samples[-1].memory.total_bytes),
    )


def _gpu_memory(gpus: Sequence[Gpu], at: int) -> Series:
    total = gpus[at].total_bytes

    def used(sample: Sample) -> int:
        gpu = sample.gpus[at] if at < len(sample.gpus) else None
        return gpu.total_bytes - gpu.free_bytes if gpu is not None else 0

    return Series(
        title=tr("{}: memory").format(_name(gpus, at)),
        roles=("accent",),
        names=("",),
        values=lambda sample: (used(sample),),
        words=lambda sample: (tr("{} of {}").format(size(used(sample)), size(total)),),
        axis=lambda _: _bytes(total),
    )


def _gpu_load(gpus: Sequence[Gpu], at: int) -> Series:
    def load(sample: Sample) -> float | None:
        return sample.gpus[at].load if at < len(sample.gpus) else None

    def words(sample: Sample) -> tuple[str, ...]:
        now = load(sample)
        return (tr("not told") if now is None else _percent(now),)

    return Series(
        title=tr("{}: load").format(_name(gpus, at)),
        roles=("accent",),
        names=("",),
        values=lambda sample: (load(sample) or 0.0,),
        words=words,
        axis=lambda _: _PERCENT,
    )


def _speed() -> Series:
    def words(sample: Sample) -> tuple[str, ...]:
        now = sample.tokens_per_s
        return (tr("nothing is written") if now is None else speed(now),)

    def axis(samples: Sequence[Sample]) -> Axis:
        most = _round_up(max((one.tokens_per_s or 0.0 for one in samples), default=0.0))
        return Axis(most, ((0.0, "0"), (most / 2, f"{most / 2:g}"), (most, f"{most:g}")))

    return Series(
        title=tr("Tokens written a second"),
        roles=("accent",),
        names=("",),
        values=lambda sample: (sample.tokens_per_s or 0.0,),
        words=words,
        axis=axis,
    )


def _name(gpus: Sequence[Gpu], at: int) -> str:
    """The card's name without its maker, with its number where several are alike."""
    name = gpus[at].name
    for maker in ("NVIDIA ", "GeForce "):
        name = name.removeprefix(maker)
    alike = [gpu for gpu in gpus if gpu.name == gpus[at].name]
    return f"{name} ({alike.index(gpus[at]) + 1})" if len(alike) > 1 else name


def _percent(share: float) -> str:
    return tr("{} %").format(round(share * 100))


def _bytes(total: int) -> Axis:
    return Axis(float(total), tuple((total * part, size(total * part)) for part in (0.0, 0.5, 1.0)))


def _round_up(speed_now: float) -> float:
    """The next of 10, 20, 50, 100, 200 …"""
    if speed_now <= _LEAST_SPEED:
        return _LEAST_SPEED
    power = 10.0 ** math.floor(math.log10(speed_now))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= speed_now)


_PERCENT = Axis(1.0, ((0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %")))
