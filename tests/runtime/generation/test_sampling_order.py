"""All steps of the sampling, in their order, against a plain computation in float64."""

import math
from random import Random

import numpy as np
import pytest

from app.runtime.protocol.prompts import Sampling
from tests.runtime.generation.samplers import logits_of, sampler_of

SIZE = 60
NEVER, UNCOUNTED, PROMPT = {58, 59}, {0, 1, 2, 3}, (5, 6, 6, 40)


class Reference:
    """One text, token by token, with loops over the vocabulary; only the steps are shared."""

    def __init__(self, how):
        self.how, self.random = how, Random(how.seed)
        self.counts, self.seen = {}, set(PROMPT)

    def pick(self, logits):
        chances = self.chances(self.processed([float(x) for x in logits]))
        point, token = self.random.random(), max(chances)
        for candidate, chance in sorted(chances.items()):
            point -= chance
            if point < 0:
                token = candidate
                break
        self.note(token)
        return token, chances[token]

    def processed(self, logits):
        how = self.how
        for token in (*how.banned, *NEVER):
            logits[token] = -math.inf
        for token, value in how.logit_bias:
            logits[token] += value
        if how.repetition != 1:
            for token in self.seen:
                by = how.repetition
                logits[token] = logits[token] / by if logits[token] > 0 else logits[token] * by
        for token, count in self.counts.items():
            logits[token] -= how.presence + count * how.frequency
        return logits

    def chances(self, logits):
        how = self.how
        greatest = max(logits)
        if how.temperature == 0:
            return {logits.index(greatest): 1.0}
        powers = {i: math.exp(x - greatest) for i, x in enumerate(logits)}
        whole = sum(powers.values())
        ordered = sorted(((p / whole, -i) for i, p in powers.items()), reverse=True)
        left, reached = [], 0.0
        for chance, at in ordered:  # float64: no two of these are equally likely
            left.append((chance, -at))
            reached += chance
            if reached >= how.top_p:
                break
        left = [(c, i) for c, i in left if c >= how.min_p * left[0][0]]
        left = left[: how.top_k or None]
        heated = {i: c ** (1 / how.temperature) for c, i in left}
        return {i: c / sum(heated.values()) for i, c in heated.items()}

    def note(self, token):
        self.seen.add(token)
        self.counts = {i: count * self.how.decay for i, count in self.counts.items()}
        self.counts[token] = self.counts.get(token, 0.0) + (token not in UNCOUNTED)


def options(seed):
    """Any steps together, or only those of the official package (even seeds)."""
    draw = Random(1000 + seed)
    official = {
        "temperature": draw.choice([0.0, 0.5, 1.0, 1.0, 1.4]),
        "top_p": draw.choice([0.0, 0.3, 0.5, 0.85, 1.0]),
        "top_k": draw.choice([0, 3, 20]),
        "presence": draw.choice([0.0, 0.4, 1.0]),
        "frequency": draw.choice([0.0, 0.4]),
        "decay": draw.choice([0.996, 0.9]),
        "banned": tuple(draw.sample(range(SIZE), 2)),
        "seed": seed,
    }
    if seed % 2 == 0:
        return Sampling(**official)
    return Sampling(
        **official,
        min_p=draw.choice([0.0, 0.05, 0.5]),
        repetition=draw.choice([1.0, 0.8, 1.3]),
        logit_bias=tuple((token, draw.uniform(-3, 3)) for token in draw.sample(range(SIZE), 5)),
    )


@pytest.mark.parametrize("seed", range(40))
def test_every_step_is_taken_in_its_order(seed):
    how = options(seed)
    sampler = sampler_of(how, prompt=PROMPT, never=NEVER, uncounted=UNCOUNTED)
    reference = Reference(how)
    for step in range(25):
        logits = logits_of(100 * seed + step, SIZE)
        token, chance = sampler.pick(logits)
        expected, its_chance = reference.pick(logits.tolist())
        assert token == expected
        np.testing.assert_allclose(chance, its_chance, rtol=1e-4)
