"""How the next token is chosen from logits; knows no model, no tokenizer and no text.

The steps, in this order; each is left out where its option says so:

1. processors on the logits (``processors.py``): bans, logit bias, repetition penalty, presence and
   frequency penalties, and last whatever mask a text has besides
2. softmax
3. filters (``filters.py``): top-p, min-p, top-k
4. the temperature, as a power of the chances that are left
5. one draw

With the penalties, top-p, top-k and temperature alone this is the official ``rwkv`` package
(PIPELINE.generate and sample_logits).  Programs that take the temperature before softmax draw from
another distribution with the same numbers.
"""

import secrets
from collections.abc import Iterable, Sequence
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from app.errors import RequestRefused
from app.runtime.protocol.prompts import Sampling

from .filters import GREEDY, Distribution
from .logits import Floats, finite
from .processors import Processor

if TYPE_CHECKING:
    import torch


class Pick(NamedTuple):
    """A token, and the chance it had after all steps but the draw."""

    token: int
    chance: float


class Sampler:
    """Chooses the tokens of one text, one after another; ``seed`` determines the random numbers.

    The random numbers are Python's Mersenne Twister, the same on every platform and version.
    """

    def __init__(self, how: Sampling, processors: Sequence[Processor]) -> None:
        """``how`` has been checked; ``processors`` are this text's own, in their order."""
        self.seed = secrets.randbelow(2**32) if how.seed is None else how.seed
        self._greedy = how.temperature < GREEDY
        self._processors, self._distribution = list(processors), Distribution(how)
        self._random = Random(self.seed)
        self._changed: Floats = np.empty(0, np.float32)

    def note(self, tokens: Iterable[int]) -> None:
        """Go on after tokens that were chosen before: with their penalties, and so many draws."""
        for token in tokens:
            for processor in self._processors:
                processor.note(token)
            if not self._greedy:
                self._random.random()

    def add(self, processor: Processor) -> None:
        """One more, the last; of what was chosen before it knows by itself."""
        self._processors.append(processor)

    def pick(self, logits: "torch.Tensor") -> Pick:
        """The next token from float32 ``logits`` (V,), which stay as they are.

        Raises NumbersBroken where they hold NaN or infinity, RequestRefused where every token is
        banned.
        """
        numbers = self._copy_of(finite(logits))
        for processor in self._processors:
            processor.apply(numbers)
        found = self._draw(numbers)
        for processor in self._processors:
            processor.note(found.token)
        return found

    def _copy_of(self, logits: Floats) -> Floats:
        """In the same memory at each token, which the caches still hold."""
        if len(self._changed) != len(logits):
            self._changed = np.empty_like(logits)
        np.copyto(self._changed, logits)
        return self._changed

    def _draw(self, logits: Floats) -> Pick:
        best = int(logits.argmax())
        if logits[best] == -np.inf:
            raise RequestRefused(why="all-banned")
        if self._greedy:
            return Pick(best, 1.0)
        kept, chances = self._distribution(logits)
        drawn = np.searchsorted(np.cumsum(chances), self._random.random(), side="right")
        place = int(drawn)
        if place == len(kept):  # rounding has kept the sum below 1
            place = int(np.flatnonzero(chances)[-1])
        return Pick(int(kept[place]), float(chances[place]))
