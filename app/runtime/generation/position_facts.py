"""What positions tell of the tokens that follow them: reduced from logits, some rows at a time."""

from collections.abc import Sequence

import torch

from app.errors import NumbersBroken
from app.runtime.protocol.scores import TokenScore

_ROWS = 32  # of logits that are float64 at once


def scores_of(
    logits: torch.Tensor, following: Sequence[int], top: int = 0
) -> tuple[TokenScore, ...]:
    """How likely each of the tokens ``following`` is from the row of ``logits`` (n, V) before it.

    Raises NumbersBroken where the logits are not finite.
    """
    found: list[TokenScore] = []
    for first in range(0, len(logits), _ROWS):
        rows, tokens = logits[first : first + _ROWS], following[first : first + _ROWS]
        found += _of_rows(finite(rows), tokens, min(top, logits.shape[1]))
    return tuple(found)


def finite(logits: torch.Tensor) -> torch.Tensor:
    """The same logits.  Raises NumbersBroken where they are not finite."""
    if not torch.isfinite(logits).all():
        raise NumbersBroken(found="NaN" if torch.isnan(logits).any() else "infinity")
    return logits


def _of_rows(logits: torch.Tensor, tokens: Sequence[int], top: int) -> list[TokenScore]:
    wide = torch.log_softmax(logits.double(), -1)
    ids = torch.tensor(tokens)[:, None]
    logprobs = wide.gather(1, ids)[:, 0].tolist()
    entropies = (wide.exp() * wide).sum(-1).neg_().tolist()
    ranks = _ranks(logits, ids).tolist()
    best = [_best(row, line, top) for row, line in zip(logits, wide, strict=True)]
    parts = zip(tokens, logprobs, entropies, ranks, best, strict=True)
    return [TokenScore(*one) for one in parts]


def _ranks(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """1 for the greatest; of equal ones the lower id comes first."""
    own = logits.gather(1, ids)
    earlier = torch.arange(logits.shape[1]) < ids
    return 1 + ((logits > own) | ((logits == own) & earlier)).sum(-1)


def _best(
    logits: torch.Tensor, logprobs: torch.Tensor, count: int
) -> tuple[tuple[int, float], ...]:
    """The ``count`` greatest, in the order of ``_ranks``."""
    if count <= 0:
        return ()
    least = logits.topk(count).values[-1]
    found = (logits >= least).nonzero()[:, 0]
    order = logits[found].sort(descending=True, stable=True).indices[:count]
    return tuple((int(token), float(logprobs[token])) for token in found[order])
