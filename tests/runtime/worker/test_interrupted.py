"""What is told of a text that is interrupted, and what goes on with it."""

from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Piece, TokenFacts
from app.runtime.protocol.prompts import Sampling
from app.runtime.protocol.states import StateSeen
from app.runtime.protocol.written_before import WrittenBefore
from app.runtime.worker.interrupted import Interruptible


def piece(text, *tokens):
    return Piece(id=1, text=text, tokens=tuple(map(TokenFacts, tokens)))


def done(tokens, prompt, reason="limit"):
    times = {"prefill_s": 1.0, "first_token_s": 1.0, "decode_s": 2.0}
    return Done(id=1, reason=reason, prompt_tokens=prompt, tokens=tokens, seed=7, **times)


def test_words_that_were_held_for_a_stop_wait_for_the_end_that_counts():
    text = Interruptible(GenerateOptions(), None)
    assert text.note(piece("a", 5)) == (piece("a", 5),)
    assert text.note(piece("", 6)) == (piece("", 6),)
    assert text.note(piece("Us")) == (), "the worker is ended, and the next one holds them again"
    text.interrupt()
    assert text.before == WrittenBefore((5, 6))
    assert text.note(piece("", 8)) == (piece("", 8),)
    assert text.note(piece("Use")) == ()
    *rest, end = text.note(done(1, 12))
    assert rest == [piece("Use")]
    assert (end.tokens, end.prompt_tokens) == (3, 10)


def test_what_was_told_before_two_interruptions_goes_along_with_one_seed():
    text = Interruptible(GenerateOptions(sampling=Sampling(temperature=1)), None)
    seed = text.options.sampling.seed
    assert text.options.reproducible is False, "nobody asked for it to repeat beside others"
    text.note(piece("a", 5))
    text.note(StateSeen(id=1, tokens=4))
    text.interrupt()
    text.note(piece("b", 6))
    text.interrupt()
    assert text.before == WrittenBefore((5, 6), 4)
    assert text.options.sampling.seed == seed
    asked = GenerateOptions(sampling=Sampling(seed=3))
    assert Interruptible(asked, None).options == asked
