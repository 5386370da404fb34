"""A strategy as the person types it: which candidate it means, or which part of it is wrong."""

from collections.abc import Sequence
from typing import NamedTuple

from app.errors import StrategyError
from app.messages.translate import tr
from app.runtime.planning.plan import Plan
from app.runtime.planning.strategy import parse


class WrongPart(NamedTuple):
    """What is wrong in a strategy's text: from where, how many characters, and why."""

    position: int
    length: int
    words: str


def candidate_meant(text: str, candidates: Sequence[Plan]) -> str | WrongPart:
    """The canonical text of the candidate that is meant, or what is wrong."""
    try:
        way = parse(text)
        way.check_runs()
    except StrategyError as failure:
        return _wrong_part(text, failure)
    if any(plan.strategy == way for plan in candidates):
        return way.text
    if any(plan.strategy.device == way.device for plan in candidates):
        return WrongPart(0, len(text), tr("This model does not run in these numbers there."))
    return WrongPart(0, len(text), tr("There is no such graphics card here."))


def _wrong_part(text: str, failure: StrategyError) -> WrongPart:
    from app.messages.failures import say  # seldom needed

    part, position = failure.facts.get("part", text), failure.facts.get("position", 0)
    return WrongPart(int(position), len(str(part)) or 1, say(failure).sentences)
