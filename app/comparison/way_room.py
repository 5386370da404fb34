"""Whether there is room for the models of a comparison; reads headers and opens no model."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from app.errors import OutOfMemory, OverLimit, RequestRefused
from app.runtime.checkpoint import open_checkpoint
from app.runtime.planning.footprint import peak_of
from app.runtime.planning.machine import Limits, Machine
from app.runtime.planning.plan import Plan, plan_of, plans_for, room_on
from app.runtime.planning.strategy import Strategy, parse

_NO_LIMITS = Limits()


class Side(NamedTuple):
    """A model and the strategy that it is to run with; "" is what suits the machine."""

    path: Path
    strategy: str


def check_room(side: Side, machine: Machine, limits: Limits = _NO_LIMITS) -> Plan:
    """How a model would run there now.

    Raises OutOfMemory or OverLimit where there is no room, StrategyError and what reading its
    header does.
    """
    with open_checkpoint(side.path) as checkpoint:
        spec, dtype = checkpoint.spec, checkpoint.dtype
    if side.strategy:
        plan = plan_of(spec, dtype, parse(side.strategy), machine, limits)
    else:
        planned = plans_for(spec, dtype, machine, limits)
        plan = planned.recommended or planned.candidates[-1]
    if plan.fits:
        return plan
    needed, room = (int(plan.facts[name]) for name in ("needed_bytes", "room_bytes"))
    if plan.reason == "over-limit":
        raise OverLimit(needed_bytes=needed)
    raise OutOfMemory(needed_bytes=needed, free_bytes=room, strategy=plan.strategy.text)


def check_both(sides: Sequence[Side], machine: Machine, limits: Limits = _NO_LIMITS) -> None:
    """Two models that are to read one text side by side have to fit at once.

    Raises RequestRefused for vocabularies of different sizes, OutOfMemory or OverLimit.
    """
    sizes, needed = [], dict[str, int]()
    for side in sides:
        with open_checkpoint(side.path) as checkpoint:
            spec, dtype = checkpoint.spec, checkpoint.dtype
        if side.strategy:
            way = parse(side.strategy)
        else:
            recommended = plans_for(spec, dtype, machine, limits).recommended
            way = recommended.strategy if recommended else parse("cpu bf16")
        sizes.append(spec.vocabulary)
        for device, count in peak_of(spec, way, dtype).items():
            needed[device] = needed.get(device, 0) + count
    if sizes[0] != sizes[1]:
        raise RequestRefused(why="compare-sizes", found=sizes[0], wanted=sizes[1])
    _check(needed, machine, limits)


def same_way(first: Side, second: Side) -> bool:
    """Whether both are one model in one way, so that no number of theirs can differ."""
    return first.path == second.path and _way(first.strategy) == _way(second.strategy)


def _way(strategy: str) -> Strategy | None:
    return parse(strategy) if strategy else None


def _check(needed: dict[str, int], machine: Machine, limits: Limits) -> None:
    for device, count in needed.items():
        room = room_on(machine, device, limits)
        if count > room.allowed:
            if room.allowed < room.total:
                raise OverLimit(needed_bytes=count)
            raise OutOfMemory(needed_bytes=count, free_bytes=room.now)
        if count > room.now:
            raise OutOfMemory(needed_bytes=count, free_bytes=room.now)
