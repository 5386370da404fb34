"""Each processor changes logits as its makers do, and as a plain loop over the vocabulary does."""

import numpy as np
import pytest
from rwkv import utils as official

from app.runtime.generation.processors import LogitBias, Penalties, RepetitionPenalty, processors_of
from app.runtime.generation.sampling import Sampler
from app.runtime.protocol.prompts import Sampling
from tests.runtime.generation.samplers import logits_of, sampler_of


class FixedModel:
    """Stands where the official pipeline wants a model: logits by step, whatever the tokens."""

    def __init__(self, steps):
        self._steps = iter(steps)

    def forward(self, tokens, state):
        return next(self._steps).clone(), state


class Letters:
    """A vocabulary of letters, digits and blanks for the official pipeline."""

    words = "abcdefgh0123 \t"

    def encode(self, text):
        return [0]

    def decode(self, ids):
        return "".join(self.words[i] for i in ids)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("presence", "frequency", "decay"), [(0.4, 0.4, 0.996), (0.0, 2.0, 0.5), (3.0, 0.0, 1.0)]
)
def test_penalties_are_the_official_ones(seed, presence, frequency, decay):
    size = len(Letters.words)
    steps = [logits_of(100 * seed + i, size, scale=1.0) for i in range(80)]
    pipeline = official.PIPELINE.__new__(official.PIPELINE)
    pipeline.model, pipeline.tokenizer = FixedModel(steps), Letters()
    pipeline.encode = Letters().encode
    told = official.PIPELINE_ARGS(
        temperature=0,
        alpha_presence=presence,
        alpha_frequency=frequency,
        alpha_decay=decay,
        token_ban=[4],
    )
    theirs = pipeline.generate("", token_count=80, args=told)
    how = Sampling(temperature=0, presence=presence, frequency=frequency, decay=decay, banned=(4,))
    sampler = sampler_of(how, uncounted={i for i in range(size) if i >= 8})
    ours = "".join(Letters.words[sampler.pick(logits).token] for logits in steps)
    assert ours == theirs
    assert len(set(ours)) > 4


def test_penalties_of_very_many_tokens_are_all_kept():
    penalties = Penalties(Sampling(presence=1, frequency=1, decay=1), ())
    for token in [*range(1000), 7]:
        penalties.note(token)
    logits = np.zeros(1001, np.float32)
    penalties.apply(logits)
    assert logits[7] == -3
    assert logits[1000] == 0
    assert (np.delete(logits, [7, 1000]) == -2).all()


def test_a_logit_bias_is_added_and_the_last_value_of_a_token_counts():
    logits = np.array([1.0, -2.0, 3.0, -np.inf], np.float32)
    LogitBias(((0, 5.0), (1, 0.5), (3, 9.0), (0, -1.0))).apply(logits)
    assert logits.tolist() == [0.0, -1.5, 3.0, -np.inf]


def test_a_repetition_penalty_divides_what_is_positive_and_multiplies_the_rest_once_a_token():
    penalty = RepetitionPenalty(2.0, (0, 1, 1))
    for token in (3, 3, 0):
        penalty.note(token)
    logits = np.array([4.0, -4.0, 4.0, -np.inf, 4.0], np.float32)
    penalty.apply(logits)
    assert logits.tolist() == [2.0, -8.0, 4.0, -np.inf, 4.0]


def test_a_repetition_penalty_below_one_keeps_the_largest_logits_finite():
    logits = np.array([3e38, -3e38, 0.0], np.float32)
    RepetitionPenalty(0.01, (0, 1, 2)).apply(logits)
    assert np.isfinite(logits).all()
    assert logits[0] == np.finfo(np.float32).max


def test_what_is_switched_off_costs_nothing():
    assert processors_of(Sampling(), prompt=(1, 2), uncounted={3}) == []


class Mask:
    """A mask as a grammar would set it: every token must be the next one by its id."""

    def __init__(self):
        self.next = 0

    def apply(self, logits):
        logits[np.arange(len(logits)) != self.next] = -np.inf

    def note(self, token):
        self.next = token + 1


def test_a_mask_of_a_texts_own_comes_last_and_hears_every_token():
    how = Sampling(seed=1, top_p=1, presence=9, logit_bias=((5, 90.0),))
    sampler = Sampler(how, [*processors_of(how), Mask()])
    picks = [sampler.pick(logits_of(i, 20)) for i in range(6)]
    assert [pick.token for pick in picks] == list(range(6))
    assert [pick.chance for pick in picks] == [1.0] * 6
