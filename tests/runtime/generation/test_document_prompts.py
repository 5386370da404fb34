"""Documents: states close to their end, characters that are cut, and token ids of a text."""

from itertools import pairwise

import pytest

from app.runtime.protocol.encodings import Encode, Encoded
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.grammars import Grammar
from app.runtime.protocol.messages import Done, Generate, Piece
from app.runtime.protocol.prompts import Chat, Sampling, Text, Tokens, Turn
from app.runtime.protocol.token_spans import unpack
from app.runtime.states.state_store import StateStore
from tests.runtime.small_models import HUGE, Desk, small_model


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("model"))


def desk(opened) -> Desk:
    return Desk(opened, StateStore(room=lambda: HUGE * 100))


def document(ids, request=1, limit=4, **sampling) -> Generate:
    how = Sampling(temperature=0, banned=(0,), **sampling)
    options = GenerateOptions(limit=limit, sampling=how)
    return Generate(id=request, prompt=Tokens(tuple(ids), document=True), options=options)


def done(at: Desk, request: int) -> Done:
    (found,) = [one for one in at.sent[request] if isinstance(one, Done)]
    return found


def test_after_an_edit_near_the_end_only_what_follows_it_is_read_and_32_tokens_more(opened):
    ids = [65 + n % 26 for n in range(3000)]
    at = desk(opened)
    at.run(document(ids, limit=1))
    assert done(at, 1).computed_tokens == 3000
    for request, edit in enumerate((2999, 2950, 2890, 2801), 2):
        changed = [*ids[:edit], 33, *ids[edit + 1 :]]
        at.run(document(changed, request, limit=1))
        assert done(at, request).computed_tokens <= 3000 - edit + 32, edit
    kept = len(at.engine._store)
    at.run(document(ids, 9, limit=1))
    assert done(at, 9).computed_tokens == 0, "going back costs nothing"
    assert len(at.engine._store) <= kept + 1


def test_states_far_from_the_end_thin_out_while_the_text_grows(opened):
    at = desk(opened)
    ids = [66 + n % 20 for n in range(40)]
    at.run(document(ids, limit=1500))
    words = [one.tokens[0].token for one in at.sent[1] if isinstance(one, Piece) and one.tokens]
    store = at.engine._store
    places = sorted(key.tokens for key in store._entries)
    whole = 40 + len(words)
    assert len(places) < whole // 32, "else every 32nd token would have one"
    near = [place for place in places if place > whole - 400]
    assert len(near) >= 400 // 32 - 1
    for before, after in pairwise(places):
        assert after - before <= max(32, (whole - before) // 4), (before, after)


def test_a_text_that_repeats_is_cut_where_others_are(opened):
    at = desk(opened)
    ids = [65 + n % 26 for n in range(600)]
    how = Sampling(temperature=1.0, seed=5)
    options = GenerateOptions(limit=6, sampling=how)
    for request, is_document in ((1, False), (2, True)):
        prompt = Tokens(tuple(ids), document=is_document)
        at.run(Generate(id=request, prompt=prompt, options=options))
    tokens = [
        [one.tokens for one in at.sent[request] if isinstance(one, Piece) and one.tokens]
        for request in (1, 2)
    ]
    assert tokens[0] == tokens[1]


def test_a_character_that_the_limit_cuts_comes_with_the_next_piece(opened):
    bias = tuple((byte, 500.0) for byte in (0xE4,))
    first = document(b"ab", 1, limit=1, logit_bias=bias)
    at = desk(opened)
    at.run(first)
    assert [one.text for one in at.sent[1] if isinstance(one, Piece)] == [""]
    assert [one.lengths for one in at.sent[1] if isinstance(one, Piece)] == [(0,)]
    at.run(document(b"ab\xe4", 2, limit=1, logit_bias=((0xB8, 500.0),)))
    assert [one.text for one in at.sent[2] if isinstance(one, Piece)] == [""]
    at.run(document(b"ab\xe4\xb8", 3, limit=1, logit_bias=((0x96, 500.0),)))
    assert [one.text for one in at.sent[3] if isinstance(one, Piece)] == ["世"]
    assert [one.lengths for one in at.sent[3] if isinstance(one, Piece)] == [(1,)]


def test_ids_of_a_text_a_chat_and_of_ids_are_told_with_their_lengths(opened):
    at = desk(opened)
    at.engine.encode(Encode(id=1, prompt=Text("a世🐦\n")))
    (told,) = at.sent[1]
    assert isinstance(told, Encoded)
    assert unpack(told.ids) == tuple("a世🐦\n".encode())
    assert unpack(told.lengths) == (1, 0, 0, 1, 0, 0, 0, 1, 1)
    assert told.vocabulary == opened.tokenizer.identity
    at.engine.encode(Encode(id=2, prompt=Chat(turns=(Turn("user", "Hi"),))))
    assert at.sent[2][0].text.endswith("Hi\n\nAssistant:")
    at.engine.encode(Encode(id=3, prompt=Tokens((65, 66))))
    assert at.sent[3][0].text == "AB"


HOW = {
    "greedy": {"temperature": 0.0, "presence": 0.6, "frequency": 0.5, "repetition": 1.2},
    "seeded": {"temperature": 1.3, "top_p": 1.0, "seed": 7, "presence": 0.6, "frequency": 0.5},
}


def going_on(ids, request, limit, *, written=(), held=0, grammar=None, **sampling) -> Generate:
    options = GenerateOptions(
        limit=limit, sampling=Sampling(banned=(0,), **sampling), grammar=grammar
    )
    prompt = Tokens(tuple(ids), document=True, written=tuple(written), held=held)
    return Generate(id=request, prompt=prompt, options=options)


@pytest.mark.parametrize("how", HOW)
def test_a_text_in_several_pieces_is_that_of_one_run_penalties_and_draws_included(opened, how):
    begin = tuple(b"Once upon")
    whole = desk(opened).run(going_on(begin, 1, 40, **HOW[how]))[0]
    written: tuple[int, ...] = ()
    at = desk(opened)
    for request, limit in enumerate((7, 20, 13), 1):
        asked = going_on((*begin, *written), request, limit, written=written, **HOW[how])
        written += tuple(at.run(asked)[0])
    assert written == tuple(whole)
    anew = desk(opened).run(going_on((*begin, *whole[:7]), 1, 33, **HOW[how]))[0]
    assert tuple(anew) != whole[7:], "else it proves nothing"


def test_a_form_that_a_limit_has_cut_is_gone_on_with_to_its_end(opened):
    digits = Grammar(kind="regex", text="[a-c]{12}!")
    begin = tuple(b"Say: ")
    at = desk(opened)
    first, _, done = at.run(going_on(begin, 1, 5, temperature=0, grammar=digits))
    assert done.reason == "limit"
    more = going_on((*begin, *first), 2, 99, temperature=0, grammar=digits, held=5)
    rest, text, done = at.run(more)
    assert done.reason == "end"
    assert text.endswith("!")
    assert len(first) + len(rest) == 13
