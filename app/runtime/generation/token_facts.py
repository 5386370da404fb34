"""What is told of a token besides its id: how likely it was, and what else was likely."""

import math
from typing import TYPE_CHECKING

import numpy as np

from app.runtime.protocol.generate_options import Outputs
from app.runtime.protocol.messages import TokenFacts

from .logits import Floats, below_best, best_of, finite

if TYPE_CHECKING:
    import torch

_LEAST = np.float32(-1e4)
"""e to this is 0 in float64 as well, and times that it is still a number."""


def facts_of(
    logits: "torch.Tensor", token: int, wanted: Outputs, chance: float = 1.0
) -> TokenFacts:
    """What is wanted of a token that came after the raw float32 ``logits`` (V,).

    ``chance`` is that with which it was drawn.  Raises NumbersBroken where the logits are needed
    and are NaN or infinite.
    """
    sampled = (math.log(chance) if chance > 0 else -math.inf) if wanted.sampled_logprob else None
    if not (wanted.logprob or wanted.entropy or wanted.rank or wanted.top):
        return TokenFacts(token, sampled_logprob=sampled)
    numbers = finite(logits)
    below = below_best(numbers)
    powers = np.exp(below)
    whole = float(powers.sum(dtype=np.float64))
    total = math.log(whole)
    best = best_of(numbers, min(wanted.top, len(numbers)))
    return TokenFacts(
        token,
        logprob=float(below[token]) - total if wanted.logprob else None,
        top=tuple((int(i), float(below[i]) - total) for i in best),
        sampled_logprob=sampled,
        entropy=_entropy(below, powers, whole) if wanted.entropy else None,
        rank=_rank(numbers, token) if wanted.rank else None,
    )


def _rank(numbers: Floats, token: int) -> int:
    """1 for the greatest; of equals the lower id comes first, as in ``best_of``."""
    own = numbers[token]
    return 1 + int((numbers > own).sum()) + int((numbers[:token] == own).sum())


def _entropy(below: Floats, powers: Floats, whole: float) -> float:
    """In nats, of chances ``powers / whole`` (V,), with ``below`` their logarithms but for one sum.

    - sum p ln p = ln whole - sum (powers * below) / whole
    """
    mean = float((powers * np.maximum(below, _LEAST)).sum(dtype=np.float64)) / whole
    return max(math.log(whole) - mean, 0.0)
