"""Which two or three models to take first on this machine, and why; downloads nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.messages.translate import tr

from .entry import COMFORTABLE_BYTES, Entry
from .model_fits import ModelFits


@dataclass(frozen=True)
class Advice:
    """One model and, in a few words, why this one."""

    entry: Entry
    reason: str


def advised(entries: Sequence[Entry], fitting: ModelFits) -> list[Advice]:
    """The best that answers at a good pace, a faster one, and a larger one if there is room.

    Only what is recommended, can be downloaded and runs now.
    """
    chosen = [one for one in entries if one.fetchable and _is_recommended(one)]
    chosen = [one for one in chosen if fitting.good(one)]
    by_size = sorted(chosen, key=lambda one: one.bytes)
    quick = [one for one in by_size if fitting.verdict(one).kind == "gpu" or _is_comfortable(one)]
    slow = [one for one in by_size if one not in quick and fitting.verdict(one).kind == "cpu"]
    advice = []
    if quick:
        advice.append(Advice(quick[-1], tr("The best that answers at a good pace here")))
    if len(quick) > 1:
        advice.append(Advice(quick[-2], tr("Smaller and faster")))
    if slow:
        advice.append(Advice(slow[0], tr("Knows more and answers more slowly")))
    return advice


def _is_recommended(entry: Entry) -> bool:
    return entry.offer is not None and entry.offer.standing == "recommended"


def _is_comfortable(entry: Entry) -> bool:
    return entry.bytes <= COMFORTABLE_BYTES
