"""Two models read one text in lockstep, and their distributions are compared at every token.

T is the number of tokens, V the vocabulary.  The figures are those of llama.cpp's perplexity
program with --kl-divergence: KL(first || second) in nats, and how often both have the same best
token.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from app.cli.output import Progress, loading_line, note_loaded, reading_line
from app.errors import NumbersBroken, RequestRefused
from app.kernels.allocation import allocations_named
from app.runtime.loading.loading import open_model
from app.runtime.opened import Opened

_CHUNK = 256  # tokens in one forward: 64 MiB of logits for a vocabulary of 65,536
_ROWS = 32  # of them in float64 at once


def compare(
    sides: tuple[tuple[Path, str], tuple[Path, str]], text: str | None, tokens: Sequence[int] | None
) -> dict[str, Any]:
    """What `rookery compare` prints.

    ``mean_kl``, ``max_kl`` and ``top1_agreement`` are over the distributions after each of the T
    tokens; the perplexities over the T - 1 tokens that were predicted (None where there are none).
    Raises the failures of loading and of the tokenizer, RequestRefused, and NumbersBroken.
    """
    progress = Progress()
    with allocations_named():
        first, second = (_opened(path, strategy, progress) for path, strategy in sides)
        ids = _ids(first, second, text, tokens)
        difference = Difference()
        states = first.model.blank(), second.model.blank()
        for begin in range(0, len(ids), _CHUNK):
            progress.show(reading_line(begin, len(ids)))
            chunk = torch.tensor([ids[begin : begin + _CHUNK]])
            logits = [
                opened.model.forward(chunk, state, every=True, exact=True)[0]
                for opened, state in zip((first, second), states, strict=True)
            ]
            following = torch.tensor(ids[begin + 1 : begin + 1 + _CHUNK])
            difference.take(logits[0], logits[1], following)
    progress.clear()
    return {
        **difference.facts(),
        "models": [str(one.path) for one in (first, second)],
        "strategies": [one.strategy.text for one in (first, second)],
    }


def _opened(path: Path, strategy: str, progress: Progress) -> Opened:
    opened = open_model(
        path, strategy, lambda done, total: progress.show(loading_line(done, total))
    )
    progress.clear()
    note_loaded(opened)
    return opened


def _ids(
    first: Opened, second: Opened, text: str | None, tokens: Sequence[int] | None
) -> Sequence[int]:
    """The text as token ids, which must mean the same to both models."""
    if tokens is None:
        ids: Sequence[int] = first.tokenizer.encode(text or "")
        names = [one.tokenizer.identity for one in (first, second)]
        if names[0] != names[1]:
            kinds = [one.tokenizer.name for one in (first, second)]
            if kinds[0] == kinds[1]:
                raise RequestRefused(why="compare-files", found=kinds[0])
            raise RequestRefused(why="compare-vocabulary", found=kinds[0], wanted=kinds[1])
    else:
        ids = tokens
    vocabulary = first.model.spec.vocabulary
    for token in ids:
        if not 0 <= token < vocabulary:
            raise RequestRefused(why="token", value=token, vocabulary=vocabulary)
    if not ids:
        raise RequestRefused(why="compare-short")
    return ids


class Difference:
    """Sums over all tokens so far, in float64; no logits are kept."""

    def __init__(self) -> None:
        self._tokens = self._same = self._predicted = 0
        self._kl = self._most = 0.0
        self._nll = [0.0, 0.0]

    def take(self, first: torch.Tensor, second: torch.Tensor, following: torch.Tensor) -> None:
        """Logits (T, V) of both after the same tokens, and the ids of those that follow them.

        The last token of a text has none.  Raises NumbersBroken.
        """
        for logits in (first, second):
            if not torch.isfinite(logits).all():
                raise NumbersBroken(found="NaN" if torch.isnan(logits).any() else "infinity")
        for at in range(0, len(first), _ROWS):
            rows = slice(at, at + _ROWS)
            self._take(first[rows], second[rows], following[rows])

    def facts(self) -> dict[str, Any]:
        """Means, the most and the perplexities."""
        known = self._predicted > 0
        perplexities = [
            math.exp(min(nll / self._predicted, 700)) if known else None for nll in self._nll
        ]
        return {
            "tokens": self._tokens,
            "mean_kl": self._kl / self._tokens,
            "max_kl": self._most,
            "top1_agreement": self._same / self._tokens,
            "perplexity_a": perplexities[0],
            "perplexity_b": perplexities[1],
        }

    def _take(self, first: torch.Tensor, second: torch.Tensor, following: torch.Tensor) -> None:
        logs = [torch.log_softmax(logits.double(), -1) for logits in (first, second)]
        # rounding may leave a little less than nothing
        kl = (logs[0].exp() * (logs[0] - logs[1])).sum(-1).clamp(min=0)
        self._tokens += len(kl)
        self._kl += float(kl.sum())
        self._most = max(self._most, float(kl.max()))
        self._same += int((first.argmax(-1) == second.argmax(-1)).sum())
        if len(following):
            self._predicted += len(following)
            for side, log in enumerate(logs):
                likely = log[: len(following)].gather(1, following[:, None])
                self._nll[side] -= float(likely.sum())
