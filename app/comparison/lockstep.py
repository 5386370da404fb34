"""Two open models read one text in lockstep, and their distributions are compared at every token.

T is the number of tokens, V the vocabulary.  The figures are those of llama.cpp's perplexity
program with --kl-divergence: KL(first || second) in nats, and how often both have the same best
token.  Nothing large is kept.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from app.errors import NumbersBroken, RequestRefused
from app.runtime.opened import Opened
from app.store.comparisons.comparison_records import Figures, TokenDifference

CHUNK = 256  # tokens in one forward: 64 MiB of logits for a vocabulary of 65,536
_ROWS = 32  # of them in float64 at once

Rows = Sequence[TokenDifference]


def ids_of_both(
    first: Opened, second: Opened, text: str | None, tokens: Sequence[int] | None
) -> Sequence[int]:
    """A text, or else ``tokens``, as ids that mean the same to both models.

    Raises RequestRefused and the tokenizer's failures.
    """
    if tokens is None:
        ids: Sequence[int] = first.tokenizer.encode(text or "")
        check_vocabularies(first, second)
    else:
        ids = tokens
    check_ids(ids, first, second)
    return ids


def check_ids(ids: Sequence[int], first: Opened, second: Opened) -> None:
    """Raise RequestRefused where there are none, or one that a model does not have."""
    vocabulary = min(one.model.spec.vocabulary for one in (first, second))
    for token in ids:
        if not 0 <= token < vocabulary:
            raise RequestRefused(why="token", value=token, vocabulary=vocabulary)
    if not ids:
        raise RequestRefused(why="compare-short")


def read_in_lockstep(
    first: Opened,
    second: Opened,
    ids: Sequence[int],
    report: Callable[[int, Rows], None],
    *,
    by_token: bool = False,
) -> Figures:
    """Have both read the ids; how they differ.

    ``report`` is told how many are read, and, ``by_token``, of each of these by itself.  Raises
    NumbersBroken and the failures of the device.
    """
    difference = Difference()
    words = _Words(first, ids) if by_token else None
    states = first.model.blank(), second.model.blank()
    for begin in range(0, len(ids), CHUNK):
        chunk = torch.tensor([ids[begin : begin + CHUNK]])
        logits = [
            opened.model.forward(chunk, state, every=True, exact=True)[0]
            for opened, state in zip((first, second), states, strict=True)
        ]
        following = torch.tensor(ids[begin + 1 : begin + 1 + CHUNK])
        places = difference.take(logits[0], logits[1], following)
        read = begin + chunk.shape[1]
        report(read, words.told(places, last=read == len(ids)) if words else ())
    return difference.figures()


class Places(NamedTuple):
    """KL (T,), the best tokens (T,) of both, and the log-probabilities (F,) of those that follow.

    F is T, or one less where the text ends.
    """

    kl: list[float]
    first_best: list[int]
    second_best: list[int]
    first_logprob: list[float]
    second_logprob: list[float]


class Difference:
    """Sums over all tokens so far, in float64; no logits are kept."""

    def __init__(self) -> None:
        self._tokens = self._same = self._predicted = 0
        self._kl = self._most = 0.0
        self._nll = [0.0, 0.0]

    def take(self, first: torch.Tensor, second: torch.Tensor, following: torch.Tensor) -> Places:
        """Logits (T, V) of both after the same tokens, and the ids of those that follow them.

        The last token of a text has none.  Raises NumbersBroken.
        """
        for logits in (first, second):
            if not torch.isfinite(logits).all():
                raise NumbersBroken(found="NaN" if torch.isnan(logits).any() else "infinity")
        places = Places([], [], [], [], [])
        for at in range(0, len(first), _ROWS):
            rows = slice(at, at + _ROWS)
            self._take(first[rows], second[rows], following[rows], places)
        return places

    def figures(self) -> Figures:
        """Means, the most and the perplexities."""
        known = self._predicted > 0
        perplexities = [
            math.exp(min(nll / self._predicted, 700)) if known else None for nll in self._nll
        ]
        return Figures(
            tokens=self._tokens,
            mean_kl=self._kl / self._tokens,
            max_kl=self._most,
            top1_agreement=self._same / self._tokens,
            perplexity_a=perplexities[0],
            perplexity_b=perplexities[1],
        )

    def _take(
        self, first: torch.Tensor, second: torch.Tensor, following: torch.Tensor, places: Places
    ) -> None:
        logs = [torch.log_softmax(logits.double(), -1) for logits in (first, second)]
        # rounding may leave a little less than nothing
        kl = (logs[0].exp() * (logs[0] - logs[1])).sum(-1).clamp(min=0)
        best = [logits.argmax(-1) for logits in (first, second)]
        self._tokens += len(kl)
        self._kl += float(kl.sum())
        self._most = max(self._most, float(kl.max()))
        self._same += int((best[0] == best[1]).sum())
        places.kl.extend(kl.tolist())
        places.first_best.extend(best[0].tolist())
        places.second_best.extend(best[1].tolist())
        if len(following):
            self._predicted += len(following)
            for side, log in enumerate(logs):
                likely = log[: len(following)].gather(1, following[:, None])[:, 0]
                self._nll[side] -= float(likely.sum())
                places[3 + side].extend(likely.tolist())


class _Words:
    """The tokens of a text as words, each with what was known of its place before it was read.

    The text of a token is what it completes: a character whose bytes are several tokens stands
    with the last of them.
    """

    def __init__(self, opened: Opened, ids: Sequence[int]) -> None:
        self._tokenizer, self._ids = opened.tokenizer, ids
        self._decoder = opened.tokenizer.decoder()
        self._told = 0
        self._before: tuple[float, int, int] | None = None
        self._carried: tuple[float | None, float | None] = (None, None)

    def told(self, places: Places, *, last: bool) -> Rows:
        """The next tokens, one for each of the places behind which they were read."""
        count = len(places.kl)
        known = zip(places.kl, places.first_best, places.second_best, strict=True)
        before = [self._before, *known]
        self._before = before.pop()
        logprobs: list[tuple[float | None, float | None]] = [
            self._carried,
            *zip(places.first_logprob, places.second_logprob, strict=True),
        ]
        self._carried = logprobs.pop() if len(logprobs) > count else (None, None)
        rows = [
            self._row(token, place, chances)
            for token, place, chances in zip(
                self._ids[self._told : self._told + count], before, logprobs, strict=True
            )
        ]
        self._told += count
        if last and rows:
            end = self._decoder.flush()
            rows[-1] = rows[-1] if not end else _with_text(rows[-1], rows[-1].text + end)
        return rows

    def _row(
        self,
        token: int,
        place: tuple[float, int, int] | None,
        chances: tuple[float | None, float | None],
    ) -> TokenDifference:
        text = self._decoder.feed(token)
        if place is None:
            return TokenDifference(token, text)
        kl, first, second = place
        return TokenDifference(
            token, text, kl, *chances, self._word(first), self._word(second), first == second
        )

    def _word(self, token: int) -> str:
        decoder = self._tokenizer.decoder()
        return decoder.feed(token) + decoder.flush()


def _with_text(row: TokenDifference, text: str) -> TokenDifference:
    return TokenDifference(
        row.token,
        text,
        row.kl,
        row.first_logprob,
        row.second_logprob,
        row.first_best,
        row.second_best,
        row.agree,
    )


def check_vocabularies(first: Opened, second: Opened) -> None:
    """Raise RequestRefused where texts become other ids for one than for the other."""
    names = [one.tokenizer.identity for one in (first, second)]
    if names[0] == names[1]:
        return
    kinds = [one.tokenizer.name for one in (first, second)]
    if kinds[0] == kinds[1]:
        raise RequestRefused(why="compare-files", found=kinds[0])
    raise RequestRefused(why="compare-vocabulary", found=kinds[0], wanted=kinds[1])
