"""A text that was interrupted in another worker goes on as if it had not been."""

import msgspec
import pytest

from app.errors import OutOfMemory
from app.runtime.generation.state_looks import StateLooks
from app.runtime.protocol.generate_options import GenerateOptions, Outputs
from app.runtime.protocol.grammars import Grammar
from app.runtime.protocol.messages import Generate, Piece, ReplyBegun
from app.runtime.protocol.prompts import Chat, Sampling, Text, Tokens, Turn
from app.runtime.protocol.states import Place, StateParts, StateSeen, StatesWanted, TakeStates
from app.runtime.protocol.written_before import WrittenBefore
from tests.runtime.small_models import Desk, ask, small_model

LIMIT = 24
PRINTED = (0, *range(32), *range(127, 256))
DRAWN = Sampling(temperature=1.3, top_p=0.9, presence=0.4, frequency=0.3, seed=11, banned=PRINTED)
GREEDY = Sampling(temperature=0, presence=0.5, frequency=0.5, banned=PRINTED)
CUT = Sampling(temperature=2, top_p=1, seed=3)  # characters of several bytes among them


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("written"))


def pieces(desk, number=1):
    return [one for one in desk.sent[number] if isinstance(one, Piece)]


def rest_of(opened, request, told):
    """What a new worker writes behind the first tokens of a text that were ``told`` so."""
    ids = tuple(fact.token for piece in told for fact in piece.tokens)
    desk = Desk(opened)
    return desk, desk.run(msgspec.structs.replace(request, before=WrittenBefore(ids)))


CHAT = Chat(turns=(Turn("user", "Hi"),), template="g1")
BEGUN = Chat(turns=(Turn("user", "Hi"), Turn("assistant", "Well, ")), template="g1")
BOUND = GenerateOptions(limit=9, sampling=GREEDY, grammar=Grammar(kind="regex", text="[a-d]{3,6}x"))


@pytest.mark.parametrize(
    ("prompt", "sampling"),
    [
        (CHAT, DRAWN),
        (BEGUN, DRAWN),
        (BEGUN, GREEDY),
        (Text("Once"), CUT),
        (Tokens(tuple(b"Once"), document=True), CUT),
        (Tokens((*b"Once", 0xE2), document=True), GREEDY),
    ],
)
def test_wherever_a_text_is_cut_the_rest_is_that_of_the_whole(opened, prompt, sampling):
    options = GenerateOptions(limit=LIMIT, sampling=sampling)
    _, text, done = Desk(opened).run(Generate(id=1, prompt=prompt, options=options))
    middle = len(text) // 2
    for stops in ((), (text[middle : middle + 3], text[middle - 2 : middle + 2] + "\0")):
        request = Generate(
            id=1, prompt=prompt, options=msgspec.structs.replace(options, stops=stops)
        )
        desk = Desk(opened)
        tokens, text, done = desk.run(request)
        told = [piece for piece in pieces(desk) if piece.tokens]
        assert done.reason == ("stop" if stops else "limit")
        for cut in range(0, len(told), 5):
            again, (more, after, end) = rest_of(opened, request, told[:cut])
            assert tokens[:cut] + more == tokens
            assert "".join(piece.text for piece in told[:cut]) + after == text
            lengths = [piece.lengths for piece in told]
            assert [one.lengths for one in pieces(again) if one.tokens] == lengths[cut:]
            assert (end.reason, end.tokens_taken_back) == (done.reason, done.tokens_taken_back)
            assert end.tokens == done.tokens - cut


def test_a_grammar_goes_on_in_the_middle_and_a_reply_keeps_the_tokens_it_has(opened):
    request = Generate(id=1, prompt=CHAT, options=BOUND)
    desk = Desk(opened)
    tokens, text, done = desk.run(request)
    assert done.reason == "end"
    again, (more, after, end) = rest_of(opened, request, pieces(desk)[:2])
    assert (tokens[:2] + more, text[:2] + after, end.reason) == (tokens, text, "end")
    (begun,) = [one for one in again.sent[1] if isinstance(one, ReplyBegun)]
    assert begun.tokens.vocabulary
    assert not begun.tokens.ids


def test_a_text_whose_last_token_was_told_and_whose_end_was_not_ends_at_once(opened):
    stopped = GenerateOptions(limit=LIMIT, sampling=GREEDY, stops=("e", " "))
    for options in (GenerateOptions(limit=3, sampling=GREEDY), BOUND, stopped):
        request = Generate(id=1, prompt=CHAT, options=options)
        desk = Desk(opened)
        _, text, done = desk.run(request)
        told = [piece for piece in pieces(desk) if piece.tokens]
        _, (more, after, end) = rest_of(opened, request, told)
        assert (more, end.reason) == ([], done.reason)
        assert "".join(piece.text for piece in told) + after == text


def test_no_state_is_told_twice_and_none_is_left_out(opened):
    prompt = tuple(range(65, 97))
    wanted = StatesWanted(places=(Place(5), Place(33)), every=3, parts=StateParts(norms=True))
    request = ask(1, prompt, limit=9, outputs=Outputs(states=wanted))
    whole = Desk(opened)
    tokens, _, _ = whole.run(request)
    all_seen = [one.tokens for one in whole.sent[1] if isinstance(one, StateSeen)]
    assert all_seen == [5, 33, 36, 39]
    for cut in (0, 2, 6):
        told = [at for at in all_seen if at < len(prompt) + cut]
        before = WrittenBefore(tuple(tokens[:cut]), told[-1] if told else -1)
        desk = Desk(opened)
        desk.run(msgspec.structs.replace(request, before=before))
        seen = [one.tokens for one in desk.sent[1] if isinstance(one, StateSeen)]
        assert told + seen == all_seen


@pytest.mark.parametrize(("place", "writes"), [(7, True), (20, True), (22, True), (7, False)])
def test_a_state_for_which_memory_runs_out_is_looked_at_again(opened, monkeypatch, place, writes):
    prompt, tell, refused = tuple(range(65, 85)), StateLooks.tell, []

    def short_of_memory(self, tokens, state, taken):
        if tokens == place and not refused:
            refused.append(tokens)
            raise OutOfMemory(needed_bytes=1 << 30, free_bytes=1)
        tell(self, tokens, state, taken)

    monkeypatch.setattr(StateLooks, "tell", short_of_memory)
    desk, parts = Desk(opened), StateParts(norms=True)
    desk.run(ask(2, (1, 2, 3), limit=2))  # leaves something that can be given back
    if writes:
        outputs = Outputs(states=StatesWanted(places=(Place(place),), parts=parts))
        desk.run(ask(1, prompt, limit=4, outputs=outputs))
        assert desk.result()[2].tokens == 4
    else:
        places = (Place(place), Place(20))
        desk.run(TakeStates(id=1, prompt=Tokens(prompt), places=places, parts=parts))
        assert [one.tokens for one in desk.sent[1][-1].states] == [place, 20]
    seen = [one.tokens for one in desk.sent[1] if isinstance(one, StateSeen)]
    assert refused == [place]
    assert seen == ([place] if writes else [place, 20])
