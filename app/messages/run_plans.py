"""Why a way to run a model is recommended, for a card whose title and figures say the rest."""

from app.runtime.planning.plan import Plan, Planned, Policy

from .plans import bits, spare_bytes
from .translate import tr
from .units import size

BITS = {"fp32": 32, "bf16": 16, "fp16": 16, "int8": 8, "int4": 4}


def why_in_words(planned: Planned, policy: Policy) -> str:
    """One or two sentences about the recommended plan: room to spare, and why no other."""
    best = planned.recommended
    if best is None:
        return ""
    fits = tr("Fits with {} to spare.").format(size(spare_bytes(best)))
    return " ".join(filter(None, (fits, _because(planned, policy))))


def _because(planned: Planned, policy: Policy) -> str:
    if policy == "speed":
        return tr("The quickest of those that fit.")
    if planned.why == "fastest":
        return tr("Nothing is as fast as you read here; this is the quickest.")
    return _instead_of(planned.passed_over)


def _instead_of(other: Plan | None) -> str:
    if other is None:
        return ""
    said = tr("{} would be slower than you read.") if other.fits else tr("{} would not fit.")
    return said.format(bits(other.strategy))
