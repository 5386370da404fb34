"""What runs where memory ran out or a limit stands against it: the next smaller way."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from app.errors import OverLimit
from app.runtime.spec import Spec

from .machine import Machine
from .plan import Plan, Planned, Policy, decided
from .strategy import Strategy

_MORE = 20  # a share of all memory: with so much more of it a way that ran out is tried again

FOR_NOW = 1 << 60
"""Room that no device has: a way that ran out with so much is not tried again."""


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """How the person wants a model run, beside limits and a strategy.

    ``policy`` decides where no strategy is asked for, ``gpu`` is the card that is used: "" the
    best, "cpu" none, or its device ("cuda:1").  ``firm``: a strategy that is asked for is taken or
    fails; else one that has no room gives way to a smaller one.  ``ran_out`` are the strategies in
    which memory ran out before, each with the bytes of its device that a model could take then.
    """

    policy: Policy = "balanced"
    gpu: str = ""
    firm: bool = False
    ran_out: dict[str, int] = {}


class Choice(NamedTuple):
    """The plan to take, and the one that was to be taken first where that is another one."""

    plan: Plan | None
    instead_of: Plan | None = None


def choose(
    spec: Spec,
    dtype: str,
    candidates: Sequence[Plan],
    preferences: Preferences,
    asked: Strategy | None = None,
) -> Choice:
    """How a model is to run: as ``asked``, else as the policy recommends it, else smaller.

    A way in which memory ran out is passed over as long as there is no more of it, and one that is
    asked for also where it takes more than a limit allows.
    """
    policy = preferences.policy
    plan = next((one for one in candidates if one.strategy == asked), None)
    first = plan or decided(spec, dtype, candidates, policy).recommended
    left = short_of(candidates, preferences.ran_out)
    reasons = {one.strategy.text: one.reason for one in left}
    plan = first
    while plan is not None and reasons[plan.strategy.text] in ("ran-out", "over-limit"):
        plan = next_down(spec, dtype, left, plan.strategy, policy)
    return Choice(plan, None if plan is first else first)


def past(planned: Planned, spec: Spec, dtype: str, ran_out: Mapping[str, int]) -> Planned:
    """The same where memory ran out before: these ways do not fit, and a smaller one is taken."""
    if not ran_out:
        return planned
    known = Preferences(ran_out=dict(ran_out))
    taken = choose(spec, dtype, planned.candidates, known).plan
    return msgspec.structs.replace(
        planned, candidates=short_of(planned.candidates, ran_out), recommended=taken
    )


def next_down(
    spec: Spec,
    dtype: str,
    candidates: Sequence[Plan],
    way: Strategy,
    policy: Policy = "balanced",
) -> Plan | None:
    """What runs in place of ``way``; None where nothing smaller fits.

    That is what the policy recommends of the smaller ones on the same device, else of those on
    another card, else of those on the processor; everywhere smaller than what "ran-out" there.
    """
    gone = [plan for plan in candidates if plan.strategy == way or plan.reason == "ran-out"]
    devices = [way.device]
    if way.device != "cpu":  # the other cards in their order, and the processor last
        devices += sorted({plan.strategy.device for plan in candidates} - {way.device, "cpu"})
        devices.append("cpu")
    for device in devices:
        most = min((_size(plan) for plan in gone if plan.strategy.device == device), default=None)
        smaller = [
            plan
            for plan in candidates
            if plan.fits and plan.strategy.device == device and (most is None or _size(plan) < most)
        ]
        found = decided(spec, dtype, smaller, policy).recommended
        if found is not None:
            return found
    return None


def _size(plan: Plan) -> int:
    """What it takes where its first layer lies."""
    return plan.peak_bytes[plan.strategy.device]


def short_of(candidates: Sequence[Plan], ran_out: Mapping[str, int]) -> tuple[Plan, ...]:
    """The candidates, of which those do not fit in which memory ran out with as much room as now.

    Their reason is "ran-out", and the fact ``room_bytes`` what there was then.
    """
    return tuple(_looked_at(plan, ran_out.get(plan.strategy.text)) for plan in candidates)


def _looked_at(plan: Plan, room_then: int | None) -> Plan:
    if room_then is None or plan.reason in ("too-small", "over-limit"):
        return plan
    if _number(plan, "room_bytes") > room_then + _number(plan, "total_bytes") // _MORE:
        return plan
    facts = plan.facts if room_then >= FOR_NOW else {**plan.facts, "room_bytes": room_then}
    return msgspec.structs.replace(plan, fits=False, reason="ran-out", facts=facts)


def least_of(candidates: Sequence[Plan]) -> Plan:
    """Where nothing fits now: of those that no limit forbids the one that takes least.

    Raises OverLimit (facts needed_bytes, limit_bytes, device, every) where limits forbid them all.
    """
    allowed = [plan for plan in candidates if plan.reason != "over-limit"]
    if allowed:
        return min(allowed, key=lambda plan: sum(plan.peak_bytes.values()))
    failure = over_limit(min(candidates, key=lambda plan: _number(plan, "needed_bytes")))
    failure.facts["every"] = 1
    raise failure


def over_limit(plan: Plan) -> OverLimit:
    """That a plan takes more than a limit allows."""
    needed, limit = _number(plan, "needed_bytes"), _number(plan, "room_bytes")
    device = str(plan.facts.get("device", ""))
    return OverLimit(
        needed_bytes=needed, limit_bytes=limit, device=device, strategy=plan.strategy.text
    )


def _number(plan: Plan, fact: str) -> int:
    found = plan.facts.get(fact)
    return found if isinstance(found, int) else 0


def wanted_of(candidates: Sequence[Plan], gpu: str, machine: Machine) -> list[Plan]:
    """Those on the card that is chosen and on the processor; a card that is gone was not chosen."""
    if gpu == "cpu":
        return [plan for plan in candidates if not plan.strategy.on_gpu]
    if not gpu or machine.gpu(gpu) is None:
        return list(candidates)
    return [one for one in candidates if not one.strategy.on_gpu or one.strategy.cards == (gpu,)]
