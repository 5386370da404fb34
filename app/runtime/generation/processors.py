"""What is done to the logits of a text before softmax: one class a processor; knows no model.

A processor changes logits (V,) in place and is told of every token that is chosen, so that its
next change can depend on the text.  Each text has processors of its own.
"""

from collections.abc import Collection, Iterable
from typing import Protocol

import numpy as np

from app.runtime.protocol.prompts import Sampling

from .logits import Doubles, Floats, Ids

_GREATEST = np.finfo(np.float32).max


class Processor(Protocol):
    """A step on the way from a model's logits to softmax; a mask sets logits to -infinity."""

    def apply(self, logits: Floats) -> None:
        """Change ``logits`` (V,) in place."""
        ...

    def note(self, token: int) -> None:
        """``token`` was chosen, and comes next in the text."""
        ...


def processors_of(
    how: Sampling,
    *,
    prompt: Iterable[int] = (),
    never: Collection[int] = (),
    uncounted: Collection[int] = (),
) -> list[Processor]:
    """Those that ``how`` switches on, in their order: see ``sampling``.

    ``never`` are banned besides ``how.banned``; ``uncounted`` get no frequency penalty.  The
    repetition penalty begins with the tokens of ``prompt``.
    """
    found: list[Processor] = []
    if how.banned or never:
        found.append(Bans({*how.banned, *never}))
    if how.logit_bias:
        found.append(LogitBias(how.logit_bias))
    if how.repetition != 1:
        found.append(RepetitionPenalty(how.repetition, prompt))
    if how.presence or how.frequency:
        found.append(Penalties(how, uncounted))
    return found


class Bans:
    """Tokens that are never chosen."""

    def __init__(self, tokens: Iterable[int]) -> None:
        self._tokens = np.array(sorted(tokens), np.int64)

    def apply(self, logits: Floats) -> None:
        """See Processor."""
        logits[self._tokens] = -np.inf

    def note(self, token: int) -> None:
        """See Processor: bans do not change."""


class LogitBias:
    """A value for some tokens, which is added to their logits."""

    def __init__(self, bias: Iterable[tuple[int, float]]) -> None:
        """The last value of a token that stands there twice counts."""
        values = dict(bias)
        self._tokens = np.array(list(values), np.int64)
        self._values = np.array(list(values.values()), np.float32)

    def apply(self, logits: Floats) -> None:
        """See Processor."""
        logits[self._tokens] += self._values

    def note(self, token: int) -> None:
        """See Processor: the bias does not change."""


class RepetitionPenalty:
    """A positive logit of a token that is in the text is divided, another one multiplied.

    Keskar et al., CTRL (2019), section 4.1, in the form that transformers and llama.cpp have.
    The text is the prompt and all that was written, and a token counts once.
    """

    def __init__(self, penalty: float, prompt: Iterable[int]) -> None:
        self._penalty = np.float32(penalty)
        self._seen = set(prompt)
        self._ids: Ids = np.array(sorted(self._seen), np.int64)

    def apply(self, logits: Floats) -> None:
        """See Processor."""
        found = logits[self._ids]
        with np.errstate(over="ignore"):
            changed = np.where(found > 0, found / self._penalty, found * self._penalty)
        logits[self._ids] = np.minimum(changed, _GREATEST)

    def note(self, token: int) -> None:
        """See Processor."""
        if token not in self._seen:
            self._seen.add(token)
            self._ids = np.append(self._ids, token)


class Penalties:
    """Presence and frequency: each token written so far loses presence + count x frequency.

    Counts shrink by ``decay`` at every token, before that token itself is counted; only tokens
    that were chosen count, never the prompt (pip rwkv, PIPELINE.generate).
    """

    def __init__(self, how: Sampling, uncounted: Collection[int]) -> None:
        self._how = how
        self._uncounted = uncounted
        self._slots: dict[int, int] = {}
        self._ids: Ids = np.empty(64, np.int64)
        self._counts: Doubles = np.empty(64, np.float64)

    def apply(self, logits: Floats) -> None:
        """See Processor."""
        used = len(self._slots)
        if used:
            cost = self._how.presence + self._counts[:used] * self._how.frequency
            logits[self._ids[:used]] -= cost.astype(np.float32)

    def note(self, token: int) -> None:
        """See Processor."""
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
