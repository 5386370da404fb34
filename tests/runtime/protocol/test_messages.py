"""Messages survive the pipe, whatever text is in them."""

from app.errors import Failure, OutOfMemory
from app.runtime.protocol.generate_options import GenerateOptions, Outputs
from app.runtime.protocol.messages import (
    Done,
    Generate,
    Piece,
    TokenFacts,
    decode_reply,
    decode_request,
    encode,
    failed,
    failure_of,
)
from app.runtime.protocol.prompts import Chat, Sampling, Tokens, Turn
from app.runtime.protocol.scores import Score, Scored, TokenScore


def test_a_request_arrives_as_it_was_sent():
    request = Generate(
        id=7,
        prompt=Chat(turns=(Turn("system", "Be kind."), Turn("user", "größer 🐦")), think="on"),
        options=GenerateOptions(
            limit=9,
            sampling=Sampling(
                top_k=3,
                seed=2**62,
                banned=(0, 5),
                repetition=1.1,
                logit_bias=((7, -1.5), (65535, 1000.0)),
            ),
            stops=("\n\n", "✿"),
            outputs=Outputs(logprob=True, sampled_logprob=True, entropy=True, rank=True, top=3),
        ),
    )
    assert decode_request(encode(request)) == request


def test_a_reply_arrives_as_it_was_sent():
    facts = TokenFacts(5, -0.25, ((5, -0.25), (9, -3.0)), -0.0, entropy=1.5, rank=1)
    piece = Piece(id=1, text="a", tokens=(facts, TokenFacts(7)))
    assert decode_reply(encode(piece)) == piece
    done = Done(
        id=1,
        reason="stopped",
        prompt_tokens=3,
        tokens=4,
        prefill_s=0.5,
        decode_s=0.25,
        first_token_s=0.75,
        seed=1,
    )
    assert decode_reply(encode(done)) == done


def test_a_score_and_its_answer_arrive_as_they_were_sent():
    request = Score(id=7, prompt=Tokens((1, 2)), top=2)
    assert decode_request(encode(request)) == request
    tokens = (TokenScore(1), TokenScore(2, -0.5, 1.25, 1, ((2, -0.5), (9, -3.0))))
    reply = Scored(id=7, tokens=tokens, done=2, total=2)
    assert decode_reply(encode(reply)) == reply


def test_half_a_surrogate_is_mended_and_a_pair_is_joined():
    turns = (Turn("user", "a\ud800b \ud83d\udc26"),)
    request = decode_request(encode(Generate(id=1, prompt=Chat(turns=turns))))
    assert request.prompt.turns[0].text == "a\ufffdb 🐦"


def test_a_failure_keeps_its_type_and_an_unknown_one_its_code():
    failure = failure_of(failed(3, OutOfMemory(needed_bytes=5, free_bytes=4)))
    assert type(failure) is OutOfMemory
    assert failure.facts == {"needed_bytes": 5, "free_bytes": 4}
    newer = failed(3, OutOfMemory())
    assert type(failure_of(type(newer)(id=3, code="from-the-future"))) is Failure
