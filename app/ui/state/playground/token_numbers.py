"""What a model told of each token of a text, packed: 100,000 tokens take a few megabytes."""

import math
from array import array
from collections.abc import Iterable, Iterator

from app.runtime.protocol.messages import TokenFacts
from app.runtime.protocol.scores import TokenScore

TOP = 8
"""Alternatives that are kept of each place."""

_NONE = 0xFFFFFFFF

Facts = TokenFacts | TokenScore


class TokenNumbers:
    """Grows token by token; log-probabilities and entropies are in nats, None where not known."""

    def __init__(self) -> None:
        self.logprobs, self.entropies = array("f"), array("f")
        self._ranks = array("I")
        self._top_ids, self._top_logprobs = array("I"), array("f")
        self._sums, self._counts = array("d", (0.0,)), array("I", (0,))

    def __len__(self) -> int:
        """Of how many tokens something was told."""
        return len(self.logprobs)

    def add(self, facts: Iterable[Facts]) -> None:
        """What is known of the next tokens."""
        for one in facts:
            self.logprobs.append(_or_nan(one.logprob))
            self.entropies.append(_or_nan(one.entropy))
            self._ranks.append(one.rank or 0)
            top = one.top[:TOP]
            missing = TOP - len(top)
            self._top_ids.extend((*(token for token, _ in top), *(_NONE,) * missing))
            self._top_logprobs.extend((*(value for _, value in top), *(0.0,) * missing))
            self._sums.append(self._sums[-1] + (one.logprob or 0.0))
            self._counts.append(self._counts[-1] + (one.logprob is not None))

    def cut(self, tokens: int) -> None:
        """Keep only the first so many."""
        for kept in (self.logprobs, self.entropies):
            del kept[tokens:]
        del self._ranks[tokens:]
        del self._top_ids[tokens * TOP :], self._top_logprobs[tokens * TOP :]
        del self._sums[tokens + 1 :], self._counts[tokens + 1 :]

    def logprob(self, token: int) -> float | None:
        """Of the token at a place."""
        return _known(self.logprobs, token)

    def entropy(self, token: int) -> float | None:
        """Of all tokens that could have stood at a place."""
        return _known(self.entropies, token)

    def rank(self, token: int) -> int | None:
        """1 for the likeliest."""
        return (self._ranks[token] or None) if token < len(self) else None

    def top(self, token: int) -> Iterator[tuple[int, float]]:
        """The likeliest tokens (id, log-probability) at a place, first to last."""
        first = token * TOP
        ids, values = self._top_ids[first : first + TOP], self._top_logprobs[first : first + TOP]
        return ((one, value) for one, value in zip(ids, values, strict=True) if one != _NONE)

    def known(self, first: int, last: int) -> int:
        """Of how many tokens from ``first`` to before ``last`` the log-probability is known."""
        most = len(self)
        return self._counts[min(last, most)] - self._counts[min(first, most)]

    def perplexity(self, first: int, last: int) -> float | None:
        """Of these tokens; None where no log-probability of them is known."""
        known, most = self.known(first, last), len(self)
        if not known:
            return None
        whole = self._sums[min(first, most)] - self._sums[min(last, most)]
        return math.exp(min(whole / known, 700.0))


def _known(numbers: "array[float]", token: int) -> float | None:
    value = numbers[token] if token < len(numbers) else math.nan
    return None if math.isnan(value) else value


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
