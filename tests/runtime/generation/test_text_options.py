"""Each text of a batch has its own options, and tells what was asked of it."""

import math

import pytest

from app.runtime.protocol.generate_options import Outputs
from app.runtime.protocol.messages import Piece
from app.runtime.protocol.prompts import Sampling
from tests.runtime.small_models import Desk, ask, small_model


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))


WAYS = [
    Sampling(temperature=2, top_p=1, seed=1, logit_bias=((70, 6.0), (71, 5.5))),
    Sampling(temperature=2, top_p=1, seed=1, repetition=1.5, presence=0.5, frequency=0.5),
    Sampling(temperature=0.7, top_p=0.9, top_k=20, seed=1, banned=tuple(range(0, 256, 2))),
    Sampling(temperature=2, top_p=1, seed=1),
]


def test_each_text_of_a_batch_has_its_own_processors(opened):
    asked = [ask(i, limit=20, sampling=how) for i, how in enumerate(WAYS)]
    alone = [Desk(opened).run(one)[0] for one in asked]
    desk = Desk(opened)
    desk.run(*asked)
    assert [desk.tokens(i) for i in range(4)] == alone
    assert len({tuple(tokens) for tokens in alone}) == 4
    assert {70, 71} & set(alone[0])
    assert all(token % 2 for token in alone[2])


def test_every_output_is_told_of_every_token_and_leaves_the_text_as_it_is(opened):
    how = Sampling(top_p=0.8, seed=4)
    everything = Outputs(logprob=True, sampled_logprob=True, entropy=True, rank=True, top=2)
    tokens, _, _ = Desk(opened).run(ask(limit=12, sampling=how))
    desk = Desk(opened)
    assert desk.run(ask(limit=12, sampling=how, outputs=everything))[0] == tokens
    told = [piece.tokens[0] for piece in desk.sent[1] if isinstance(piece, Piece)]
    assert len(told) == 12
    for facts in told:
        assert facts.logprob < facts.sampled_logprob <= 0
        assert 0 < facts.entropy < math.log(256)
        assert facts.rank >= 1
        assert (facts.rank == 1) == (facts.token == facts.top[0][0])
        assert facts.logprob <= facts.top[0][1]
