"""Which tokens may be drawn after softmax, and their chances: one function a filter.

A filter narrows the candidates that the one before has left.  K of V tokens are left.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from app.runtime.protocol.prompts import Sampling

from .logits import Doubles, Floats, Ids, best_of, powers_of, softmax

GREEDY = 1e-6
"""Temperatures below this are 0: the best token alone is left."""

_FIRST_LOOK, _NEXT_LOOK = 2.0**-8, 2.0**-6
"""Where the search for the best tokens begins, as a part of the best one's, and how it widens."""

_MANY, _MARGIN = 4096, 0.01
"""More tokens than so many are counted before they are sorted, until top-p and this are reached."""


class Candidates(NamedTuple):
    """Tokens that may still be drawn: their ids, rising, and probabilities by softmax, both (K,).

    ``ids`` None are all of the vocabulary.
    """

    ids: Ids | None
    chances: Floats

    def at(self, places: Ids) -> "Candidates":
        """Those at ``places``, which rise."""
        return Candidates(places if self.ids is None else self.ids[places], self.chances[places])


Filter = Callable[[Candidates], Candidates]


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
        left = Candidates(None, softmax(logits))
        for narrowed in self._filters:
            left = narrowed(left)
        ids = np.arange(len(logits)) if left.ids is None else left.ids
        weights = powers_of(logits[ids], self._temperature)
        return ids, weights / weights.sum(dtype=np.float64)


def filters_of(how: Sampling) -> list[Filter]:
    """Those that ``how`` switches on, in their order: top-p, min-p, top-k."""
    found: list[Filter] = []
    if how.top_p < 1:
        found.append(partial(top_p, part=how.top_p))
    if how.min_p > 0:
        found.append(partial(min_p, part=how.min_p))
    if how.top_k > 0:
        found.append(partial(top_k, count=how.top_k))
    return found


def top_p(left: Candidates, part: float) -> Candidates:
    """The likeliest that together have the probability ``part``, and those like the last one."""
    return left.at(np.flatnonzero(left.chances >= _cutoff(left.chances, part)))


def min_p(left: Candidates, part: float) -> Candidates:
    """Those that have at least this part of the best one's probability."""
    return left.at(np.flatnonzero(left.chances >= float(left.chances.max()) * part))


def top_k(left: Candidates, count: int) -> Candidates:
    """The ``count`` likeliest; of equals the lower ids."""
    if count >= len(left.chances):
        return left
    return left.at(np.sort(best_of(left.chances, count)))


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
