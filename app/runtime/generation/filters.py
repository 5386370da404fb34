"""Which tokens may be drawn after softmax, and their chances: one function a filter.

A filter narrows what the one before it has left: K of V tokens.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from app.runtime.protocol.prompts import Sampling

from .logits import Doubles, Floats, Ids, below_best, best_of, heated, softmax

GREEDY = 1e-6
"""Temperatures below this are 0: the best token alone is left."""

_FIRST_LOOK, _NEXT_LOOK = 2.0**-8, 2.0**-6
"""Where the search for the best tokens begins, as a part of the best one's, and how it widens."""

_MANY, _MARGIN = 4096, 0.01
"""More tokens than so many are counted before they are sorted, until top-p and this are reached."""


Filter = Callable[[Floats], Ids]
"""Takes the probabilities (K,) of the tokens that are left, and gives the places, rising, of those
that stay.  The likeliest one always does."""


class Distribution:
    """What the next token is drawn from: softmax, the filters that are on, the temperature.

    As pip rwkv's sample_logits, except that a top-p of 1 or more, or one that rounding keeps the
    sum from reaching, filters nothing, and that the temperature is a power of the chances relative
    to the best one's, so that a small one cannot make all of them 0.
    """

    def __init__(self, how: Sampling) -> None:
        self._temperature = how.temperature
        self._filters = filters_of(how)

    def __call__(self, logits: Floats) -> tuple[Ids, Doubles]:
        """The ids that may be drawn, rising, and their chances, which add up to 1.

        ``logits`` (V,) have been through the processors.
        """
        if self._temperature < GREEDY:
            return np.array([logits.argmax()], np.int64), np.ones(1)
        below = below_best(logits)
        chances, ids = softmax(below), None
        for stay in self._filters:
            ids = stay(chances) if ids is None else ids[stay(chances[ids])]
        if ids is None:
            ids = np.arange(len(logits))
        weights = heated(below[ids], self._temperature)
        return ids, weights / weights.sum(dtype=np.float64)


def filters_of(how: Sampling) -> list[Filter]:
    """Those that ``how`` switches on, in their order: top-p, min-p, top-k."""
    found: list[Filter] = []
    if how.top_p < 1:
        found.append(partial(top_p, how.top_p))
    if how.min_p > 0:
        found.append(partial(min_p, how.min_p))
    if how.top_k > 0:
        found.append(partial(top_k, how.top_k))
    return found


def top_p(part: float, chances: Floats) -> Ids:
    """The likeliest that together have the probability ``part``, and those like the last one."""
    return np.flatnonzero(chances >= _cutoff(chances, part))


def min_p(part: float, chances: Floats) -> Ids:
    """Those that have at least this part of the best one's probability."""
    return np.flatnonzero(chances >= float(chances.max()) * part)


def top_k(count: int, chances: Floats) -> Ids:
    """The ``count`` likeliest; of equals the lower ids."""
    return np.sort(best_of(chances, min(count, len(chances))))


def _cutoff(chances: Floats, part: float) -> float:
    """The chance of the least likely token among the most likely that make up ``part``.

    Only those near the best one are sorted at first; the sums are float32 and from the best one
    on, as in pip rwkv.
    """
    look = _FIRST_LOOK
    peak = float(chances.max())
    while True:
        likely = chances[np.flatnonzero(chances >= peak * look)]
        cut = _cut(_likeliest(likely, part), part)
        if cut is None and len(likely) > _MANY:  # float32 fell behind by more than the margin
            cut = _cut(likely, part)
        if cut is not None:
            return cut
        if len(likely) == len(chances) or look < 1e-30:
            return 0.0
        look *= _NEXT_LOOK


def _cut(chances: Floats, part: float) -> float | None:
    """The least of the greatest that make up ``part``, or None where all together do not."""
    reached = np.sort(chances)[::-1]
    enough = np.cumsum(reached) >= part
    return float(reached[enough.argmax()]) if enough.any() else None


def _likeliest(chances: Floats, part: float) -> Floats:
    """All from the best one down to some that ``part`` needs no more, in any order.

    Of many, those that begin with the same 16 bits are counted together, which takes a tenth of the
    time of sorting.  Sums in float32 may stay behind these of float64, hence the margin.
    """
    if len(chances) <= _MANY:
        return chances
    begin = chances.view(np.uint32) >> 16
    sums = np.bincount(begin, weights=chances)
    reached = np.flatnonzero(np.cumsum(sums[::-1]) >= part + _MARGIN)
    if not len(reached):
        return chances
    return chances[np.flatnonzero(begin >= len(sums) - 1 - reached[0])]
