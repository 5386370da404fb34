"""Why a way to run a model is recommended, or cannot be taken: the sentences for plans."""

from collections.abc import Sequence
from typing import NamedTuple

from app.runtime.planning.machine import Limits, Machine
from app.runtime.planning.plan import Plan, Planned, Policy, room_on
from app.runtime.planning.speed import READING_SPEED

from .units import size

BITS = {"fp32": 32, "bf16": 16, "fp16": 16, "int8": 8, "int4": 4}


class Situation(NamedTuple):
    """What a plan was made for."""

    machine: Machine
    limits: Limits
    policy: Policy


def why_in_words(planned: Planned, here: Situation) -> str:
    """One or two sentences about the recommended plan: room to spare, and why no other."""
    best = planned.recommended
    if best is None:
        return ""
    device = best.strategy.device
    spare = room_on(here.machine, device, here.limits).now - best.peak_bytes.get(device, 0)
    fits = f"Fits with {size(max(0, spare))} to spare."
    return " ".join(filter(None, (fits, _because(planned, best, here.policy))))


def _because(planned: Planned, best: Plan, policy: Policy) -> str:
    if policy == "speed":
        return "The quickest of those that fit."
    if planned.why == "fastest":
        return "Nothing is as fast as you read here; this is the quickest."
    refused = _next_better(planned.candidates, best)
    if refused is None:
        return ""
    name = f"{BITS[refused.strategy.format]}-bit"
    if not refused.fits:
        return f"{name} would not fit."
    if policy == "balanced" and refused.decode_tokens_per_s < READING_SPEED:
        return f"{name} would be slower than you read."
    return ""


def _next_better(candidates: Sequence[Plan], best: Plan) -> Plan | None:
    """On the same device with more bits, the fewest of these; 32 are no better than 16."""
    bits = BITS[best.strategy.format]
    more = [
        plan
        for plan in candidates
        if plan.strategy.device == best.strategy.device and bits < BITS[plan.strategy.format] <= 16
    ]
    return min(more, key=lambda plan: BITS[plan.strategy.format], default=None)


def reason_in_words(plan: Plan) -> str:
    """Why it does not fit; "" where it does."""
    if plan.fits:
        return ""
    facts = {name: size(value) for name, value in plan.facts.items() if isinstance(value, int)}
    whose = "memory" if plan.facts.get("device") == "cpu" else "the card's memory"
    needed = f"Needs up to {facts.get('needed_bytes', '?')} of {whose}"
    if plan.reason == "too-small":
        return f"{needed}; there are {facts.get('total_bytes', '?')} in all."
    if plan.reason == "over-limit":
        return f"{needed}, more than the limit that is set."
    return f"{needed}; {facts.get('room_bytes', '?')} are free now."
