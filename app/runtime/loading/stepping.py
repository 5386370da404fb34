"""Brings a model up; where memory runs out, in the next smaller way, until there is none."""

import gc
from collections.abc import Callable

import msgspec

from app.errors import Fact, OutOfMemory, OverLimit
from app.kernels.allocation import allocations_named
from app.runtime.planning.plan import Plan
from app.runtime.planning.stepping_down import FOR_NOW, over_limit
from app.runtime.planning.strategy import Strategy
from app.runtime.protocol.messages import SteppedDown
from app.system.log import logger
from app.system.memory import give_back_freed

from .backends import Backends, Running, Weights

Progress = Callable[[int, int], None]


def bring_up(
    backends: Backends, checkpoint: Weights, wanted: Strategy | None, progress: Progress
) -> Running:
    """The model as it is wanted, else in the best way (None), else in a smaller one.

    What is wanted firmly (``Preferences.firm``) is taken or fails.  Raises OutOfMemory where
    nothing smaller is left, OverLimit, and what ``Backends.bring_up`` raises.
    """
    if wanted is not None and backends.preferences.firm:
        return _firmly(backends, checkpoint, wanted, progress)
    backends.asked = wanted
    reason = None
    while True:
        told = _attempt(backends, checkpoint, progress)
        if isinstance(told, Running):
            first = reason or _passed_over(backends) or told.stepped_down
            return told._replace(stepped_down=first)
        reason = reason or told
        logger("model").warning("no memory for %r: the next smaller way is tried", told.strategy)
        _give_back()


def _firmly(
    backends: Backends, checkpoint: Weights, wanted: Strategy, progress: Progress
) -> Running:
    try:
        with allocations_named():
            return backends.bring_up(checkpoint, wanted, progress)
    except OutOfMemory as failure:
        _name(failure, backends.trying)
        raise


def _attempt(backends: Backends, checkpoint: Weights, progress: Progress) -> Running | SteppedDown:
    """What runs now, or in which way memory ran out: that is not chosen again."""
    try:
        with allocations_named():
            return backends.bring_up(checkpoint, None, progress)
    except OutOfMemory as failure:
        plan, known = backends.trying, backends.preferences
        if plan is None or known.ran_out.get(plan.strategy.text) == FOR_NOW:
            raise
        _name(failure, plan)
        ran_out = {**known.ran_out, plan.strategy.text: FOR_NOW}
        backends.preferences = msgspec.structs.replace(known, ran_out=ran_out)
        return SteppedDown(plan.strategy.text, failure.code, failure.facts)


def _name(failure: OutOfMemory, plan: Plan | None) -> None:
    """Tell in which way memory ran out, and what there was for it."""
    if plan is not None:
        failure.facts.setdefault("strategy", plan.strategy.text)
        failure.facts.setdefault("room_bytes", plan.facts.get("room_bytes", 0))


def _passed_over(backends: Backends) -> SteppedDown | None:
    """Why the first choice was not even tried."""
    plan, known = backends.passed_over, backends.preferences.ran_out
    if plan is None:
        return None
    if plan.reason == "over-limit":
        return SteppedDown(plan.strategy.text, OverLimit.code, over_limit(plan).facts)
    facts: dict[str, Fact] = {"strategy": plan.strategy.text}
    if known.get(plan.strategy.text, FOR_NOW) < FOR_NOW:
        facts["before"] = 1  # at another start
    return SteppedDown(plan.strategy.text, OutOfMemory.code, facts)


def _give_back() -> None:
    """What was loaded is gone, also for the system."""
    gc.collect()
    give_back_freed()
