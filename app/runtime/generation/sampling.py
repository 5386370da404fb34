"""How the next token is chosen from logits; knows no model, no tokenizer and no text.

The order is that of the official ``rwkv`` package (PIPELINE.generate and sample_logits): bans,
penalties, softmax, top-p, top-k, then the temperature as a power of what is left.  min-p filters
beside top-k.  V is the vocabulary: every array here is (V,) or a part of it.
"""

import math
import secrets
from collections.abc import Collection, Iterable
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.errors import NumbersBroken, RequestRefused
from app.runtime.protocol.messages import TokenFacts
from app.runtime.protocol.prompts import Sampling

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

SEEDS = 2**63
"""Seeds are 0 to this, less one."""

GREEDY = 1e-6
"""Temperatures below this are 0: the best token alone is left."""

_FIRST_LOOK, _NEXT_LOOK = 2.0**-8, 2.0**-6
"""Where the search for the best tokens begins, as a part of the best one's, and how it widens."""

_MANY, _MARGIN = 4096, 0.01
"""More tokens than so many are counted before they are sorted, until top-p and this are reached."""


class Sampler:
    """Chooses the tokens of one text, one after another; ``seed`` determines the random numbers.

    The random numbers are Python's Mersenne Twister, the same on every platform and version.
    """

    def __init__(
        self,
        how: Sampling,
        vocabulary: int,
        *,
        never: Collection[int] = (),
        uncounted: Collection[int] = (),
    ) -> None:
        """``never`` are banned besides ``how.banned``; ``uncounted`` get no frequency penalty.

        Raises RequestRefused for values that mean nothing.
        """
        check(how, vocabulary)
        self.how = how
        self.seed = secrets.randbelow(2**32) if how.seed is None else how.seed
        self._random = Random(self.seed)
        self._banned = np.array(sorted({*how.banned, *never}), np.int64)
        self._penalties = Penalties(how, uncounted)

    def note(self, tokens: Iterable[int]) -> None:
        """Go on after tokens that were chosen before: as their penalties and the seed make it."""
        for token in tokens:
            self._penalties.count(token)
            if self.how.temperature >= GREEDY:
                self._random.random()

    def pick(self, logits: "torch.Tensor") -> int:
        """The next token from float32 ``logits`` (V,), which stay as they are.

        Raises NumbersBroken where they hold NaN or infinity, RequestRefused where every token is
        banned.
        """
        numbers = _finite(logits).copy()
        if len(self._banned):
            numbers[self._banned] = -np.inf
        self._penalties.apply(numbers)
        token = self._choose(numbers)
        self._penalties.count(token)
        return token

    def _choose(self, logits: Floats) -> int:
        best = int(logits.argmax())
        if logits[best] == -np.inf:
            raise RequestRefused(why="all-banned")
        if self.how.temperature < GREEDY:
            return best
        kept, chances = distribution(logits, self.how)
        place = np.searchsorted(np.cumsum(chances), self._random.random(), side="right")
        return int(kept[min(int(place), len(kept) - 1)])


def distribution(logits: Floats, how: Sampling) -> tuple[Ids, NDArray[np.float64]]:
    """The ids that may be drawn, rising, and their chances, which add up to 1.

    ``logits`` (V,) are penalised already.  As pip rwkv's sample_logits, except that a top-p of 1
    or more, or one that rounding keeps the sum from reaching, filters nothing, and that the power
    is taken relative to the best one's, so that a small temperature cannot make all of them 0.
    """
    if how.temperature < GREEDY:
        return np.array([logits.argmax()], np.int64), np.ones(1)
    chances = _softmax(logits)
    kept = np.flatnonzero(chances >= max(_cutoff(chances, how.top_p), _floor(chances, how.min_p)))
    if 0 < how.top_k < len(kept):
        kept = np.sort(kept[_best(chances[kept], how.top_k)])
    weights = _powers(logits[kept], how.temperature)
    return kept, weights / weights.sum(dtype=np.float64)


def facts_of(logits: "torch.Tensor", token: int, top: int = 0) -> TokenFacts:
    """The log-probabilities (log-softmax of raw float32 ``logits`` (V,)) of a token and the best.

    ``top`` best ones come first to last.  Raises NumbersBroken where the logits are NaN or
    infinite.
    """
    numbers = _finite(logits)
    total = float(numbers.max()) + math.log(_powers(numbers).sum(dtype=np.float64))
    best = _best(numbers, min(top, len(numbers)))
    pairs = tuple((int(i), float(numbers[i] - total)) for i in best)
    return TokenFacts(token, float(numbers[token] - total), pairs)


class Penalties:
    """What repetition costs: each token written so far loses presence + count x frequency.

    Counts shrink by ``decay`` at every token, before that token itself is counted; only tokens
    that were picked count, never the prompt (pip rwkv, PIPELINE.generate).
    """

    def __init__(self, how: Sampling, uncounted: Collection[int]) -> None:
        self._how = how
        self._uncounted = uncounted
        self._active = bool(how.presence or how.frequency)
        self._slots: dict[int, int] = {}
        self._ids: Ids = np.empty(64, np.int64)
        self._counts: NDArray[np.float64] = np.empty(64, np.float64)

    def apply(self, logits: Floats) -> None:
        """Lower ``logits`` (V,) in place."""
        used = len(self._slots)
        if self._active and used:
            cost = self._how.presence + self._counts[:used] * self._how.frequency
            logits[self._ids[:used]] -= cost.astype(np.float32)

    def count(self, token: int) -> None:
        """Note that ``token`` was picked."""
        if not self._active:
            return
        self._counts[: len(self._slots)] *= self._how.decay
        slot = self._slots.get(token)
        if slot is None:
            slot = self._add(token)
        self._counts[slot] += token not in self._uncounted

    def _add(self, token: int) -> int:
        slot = len(self._slots)
        if slot == len(self._ids):
            self._ids = np.concatenate([self._ids, np.empty_like(self._ids)])
            self._counts = np.concatenate([self._counts, np.empty_like(self._counts)])
        self._slots[token] = slot
        self._ids[slot] = token
        self._counts[slot] = 0.0
        return slot


def check(how: Sampling, vocabulary: int) -> None:
    """Raise RequestRefused (facts: why, name, value, wanted) for values that mean nothing."""
    _within("temperature", how.temperature, 0, 1000)
    _within("top_p", how.top_p, 0, math.inf)
    _within("top_k", how.top_k, 0, math.inf)
    _within("min_p", how.min_p, 0, 1)
    _within("presence", how.presence, -1000, 1000)
    _within("frequency", how.frequency, -1000, 1000)
    _within("decay", how.decay, 0, 1)
    _within("seed", 0 if how.seed is None else how.seed, 0, SEEDS - 1)
    for token in how.banned:
        _within("banned", token, 0, vocabulary - 1)


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        wanted = f"{least} or more" if most == math.inf else f"{least} to {most}"
        raise RequestRefused(why="sampling", name=name, value=value, wanted=wanted)


def _finite(logits: "torch.Tensor") -> Floats:
    numbers: Floats = logits.numpy()
    if not np.isfinite(numbers).all():
        raise NumbersBroken(found="NaN" if np.isnan(numbers).any() else "infinity")
    return numbers


def _softmax(logits: Floats) -> Floats:
    powers = _powers(logits)
    powers /= powers.sum()
    return powers


def _powers(logits: Floats, temperature: float = 1.0) -> Floats:
    """e to the logits over the temperature, the greatest of them being 1."""
    with np.errstate(over="ignore"):
        powers: Floats = logits - logits.max()
        if temperature != 1:
            powers /= np.float32(temperature)
    return np.exp(powers, out=powers)


def _floor(chances: Floats, min_p: float) -> float:
    return float(chances.max()) * min_p if min_p else 0.0


def _cutoff(chances: Floats, top_p: float) -> float:
    """The chance of the least likely token among the most likely that make up ``top_p``.

    Only those near the best one are sorted at first; the sums are float32 and from the best one
    on, as in pip rwkv.
    """
    if top_p >= 1:
        return 0.0
    look = _FIRST_LOOK
    peak = float(chances.max())
    while True:
        likely = chances[np.flatnonzero(chances >= peak * look)]
        cut = _cut(_likeliest(likely, top_p), top_p)
        if cut is None and len(likely) > _MANY:  # float32 fell behind by more than the margin
            cut = _cut(likely, top_p)
        if cut is not None:
            return cut
        if len(likely) == len(chances) or look < 1e-30:
            return 0.0
        look *= _NEXT_LOOK


def _cut(chances: Floats, top_p: float) -> float | None:
    """The least of the greatest that make up ``top_p``, or None where all together do not."""
    reached = np.sort(chances)[::-1]
    enough = np.cumsum(reached) >= top_p
    return float(reached[enough.argmax()]) if enough.any() else None


def _likeliest(chances: Floats, top_p: float) -> Floats:
    """All from the best one down to some that ``top_p`` needs no more, in any order.

    Of many, those that begin with the same 16 bits are counted together, which takes a tenth of the
    time of sorting.  Sums in float32 may stay behind these of float64, hence the margin.
    """
    if len(chances) <= _MANY:
        return chances
    begin = chances.view(np.uint32) >> 16
    sums = np.bincount(begin, weights=chances)
    reached = np.flatnonzero(np.cumsum(sums[::-1]) >= top_p + _MARGIN)
    if not len(reached):
        return chances
    return chances[np.flatnonzero(begin >= len(sums) - 1 - reached[0])]


def _best(numbers: Floats, count: int) -> Ids:
    """The ``count`` greatest, first to last; of equal ones the lower id comes first."""
    if count == 0:
        return np.empty(0, np.int64)
    found = np.flatnonzero(numbers >= np.partition(numbers, -count)[-count])
    return found[np.argsort(-numbers[found], kind="stable")[:count]]
