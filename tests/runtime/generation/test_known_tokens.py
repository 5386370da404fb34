"""Replies stand in a prompt as the tokens that they were written as, as far as these give them."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.runtime.families.family import family_of
from app.runtime.families.templates import TEMPLATES
from app.runtime.generation.prompting import prepare
from app.runtime.generation.token_fit import fit_of, gives
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Generate, ReplyBegun
from app.runtime.protocol.prompts import Chat, Sampling, Turn
from app.runtime.protocol.reply_tokens import ReplyTokens
from app.runtime.protocol.token_spans import TokenSpan, pack, unpack
from app.runtime.tokenizers.byte_tokenizer import byte_tokenizer
from app.runtime.tokenizers.world import world
from tests.runtime.small_models import Desk, ask, small_model

ASK = Turn("user", "Write me a tale")
WORLD = world()
ROOK = " A rook 🐦 is a bird."
SPELLED = tuple(byte + 1 for byte in ROOK.encode())  # letter by letter, as no encoder writes it


@pytest.fixture(scope="module")
def opened():
    return SimpleNamespace(
        tokenizer=WORLD,
        family=family_of("rwkv7-g1h", "world"),
        model=SimpleNamespace(spec=SimpleNamespace(vocabulary=65536)),
    )


def prepared(opened, *turns, template="g1", think="off"):
    chat = Chat(turns=turns, template=template, think=think)
    return prepare(Generate(id=1, prompt=chat, options=GenerateOptions()), opened)


def written(text=ROOK, ids=SPELLED, start=0, vocabulary=WORLD.identity):
    return Turn("assistant", text, TokenSpan(vocabulary, start, pack(ids)))


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_next_prompt_begins_with_the_last_one_and_the_tokens_of_its_reply(opened, template):
    asked = prepared(opened, ASK, template=template)
    following = prepared(opened, ASK, written(), ASK, written(), ASK, template=template)
    one = (*asked.ids, *SPELLED)
    assert following.ids[: len(one)] == one
    second = prepared(opened, ASK, written(), ASK, template=template)
    two = (*second.ids, *SPELLED)
    assert following.ids[: len(two)] == two


def test_blank_lines_of_a_reply_stay_and_do_not_grow_at_its_end(opened):
    text = " One.\n\nTwo.\n"
    ids = WORLD.encode(" One.\n") + WORLD.encode("\nTwo.\n")
    prompt = prepared(opened, ASK, written(text, ids), ASK, template="world").ids
    told = "User: Write me a tale\n\n"
    assert WORLD.decode(prompt) == f"{told}Assistant: One.\n\nTwo.\n\n{told}Assistant:"
    assert tuple(ids) in {prompt[n : n + len(ids)] for n in range(len(prompt))}


@pytest.mark.parametrize("think", ["off", "on", "fake"])
@pytest.mark.parametrize(
    "worthless",
    [
        written(vocabulary="world-0"),
        written(vocabulary=""),
        written(ids=[SPELLED[0] + 1, *SPELLED[1:]]),
        written(ids=[0, *SPELLED]),
        written(ids=[65535, *SPELLED]),
        written(ids=[70_000, *SPELLED]),
        written(ids=()),
        written(start=99),
        written(start=-1),
        replace(written(), tokens=TokenSpan(WORLD.identity, 0, b"\x02\x01")),
        replace(written(), text="Another text"),
    ],
)
def test_tokens_that_do_not_give_the_text_are_worth_nothing(opened, worthless, think):
    plain = replace(worthless, tokens=None)
    for more in ((), (ASK,)):
        with_them = prepared(opened, ASK, worthless, *more, think=think)
        assert with_them == prepared(opened, ASK, plain, *more, think=think)


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("<think>\nhm</think>\nA rook", "g1"),
        (" A\n\nUser: rook", "world"),
        (" A ✿ rook", "bot"),
        (" A\n\nrook", "raven"),
    ],
)
def test_a_reply_with_a_thought_or_another_turn_in_it_is_cleaned_as_ever(opened, text, template):
    known = written(text, WORLD.encode(text))
    plain = prepared(opened, ASK, Turn("assistant", text), ASK, template=template)
    assert prepared(opened, ASK, known, ASK, template=template).ids == plain.ids


def test_what_was_changed_behind_the_known_tokens_is_encoded_by_itself(opened):
    edited = written(ROOK[:8] + "crow")
    kept = tuple(byte + 1 for byte in ROOK[:8].encode())
    asked = prepared(opened, ASK)
    going_on = prepared(opened, ASK, edited)
    assert going_on.begun.ids == (*kept, *WORLD.encode("crow"))
    assert going_on.ids == (*asked.ids, *going_on.begun.ids)
    assert unpack(going_on.begun.span.ids) == going_on.begun.ids


def test_a_reply_that_goes_on_from_another_models_words_has_tokens_from_its_beginning(opened):
    asked = prepared(opened, ASK)
    mixed = written(" Some words." + ROOK, SPELLED, start=12)
    going_on = prepared(opened, ASK, mixed)
    assert going_on.ids == (*asked.ids, *WORLD.encode(" Some words."), *SPELLED)
    assert going_on.begun.span.start == 0
    assert going_on.begun.text == mixed.text


def test_a_thought_that_the_template_began_is_no_part_of_the_known_tokens(opened):
    text, ids = "<think>\nhm", WORLD.encode(">\nhm")
    asked = prepared(opened, ASK, think="on")
    going_on = prepared(opened, ASK, written(text, ids, start=6), think="on")
    assert going_on.ids == (*asked.ids, *ids)
    assert (going_on.begun.span.start, going_on.begun.text) == (6, ">\nhm")


def test_words_that_the_template_gives_a_space_are_not_told_as_its_tokens(opened):
    going_on = prepared(opened, ASK, Turn("assistant", "A rook"), think="on")
    assert WORLD.decode(going_on.begun.ids) == " A rook"
    assert going_on.begun.span == TokenSpan(WORLD.identity)


@given(st.lists(st.integers(1, 255), max_size=40), st.data())
def test_any_bytes_give_their_text_wherever_they_are_cut(ids, data):
    tokenizer = byte_tokenizer()
    decoder = tokenizer.decoder()
    cut = data.draw(st.integers(0, len(ids)))
    text = "".join(map(decoder.feed, ids[:cut]))
    assert gives(ids[:cut], text, tokenizer)
    turn = Turn("assistant", text, TokenSpan(tokenizer.identity, 0, pack(ids)))
    fit = fit_of(turn, tokenizer, 256)
    if fit is not None:
        assert tuple(ids[: len(fit.ids)]) == fit.ids
        assert gives(fit.ids, text[: fit.end], tokenizer)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))


ASCII = Sampling(temperature=0, presence=0.5, frequency=0.5, banned=(0, *range(128, 256)))


def reply(small, turns, sampling=ASCII, **options):
    """The reply of a small model as a turn, with its Done."""
    before = turns[-1].text if turns[-1].role == "assistant" else ""
    options = GenerateOptions(sampling=sampling, **options)
    desk = Desk(small)
    _, text, done = desk.run(Generate(id=1, prompt=Chat(turns=tuple(turns)), options=options))
    tokens = ReplyTokens(len(before))
    for event in desk.sent[1]:
        tokens.note(event)
    whole = before + text
    return Turn("assistant", whole[: len(whole) - done.taken_back], tokens.span), done


def test_the_tokens_of_a_stop_are_no_part_of_a_reply(small):
    whole, _ = reply(small, [ASK], limit=20)
    ids = unpack(whole.tokens.ids)
    stopped, done = reply(small, [ASK], limit=20, stops=(whole.text[9:13],))
    assert (done.reason, done.tokens_taken_back) == ("stop", 4)
    assert unpack(stopped.tokens.ids) == ids[:9]
    cut, _ = reply(small, [ASK], limit=11, stops=(whole.text[9:13],))
    assert unpack(cut.tokens.ids) == ids[:11]
    ended, done = reply(small, [ASK, cut], limit=9, stops=(whole.text[9:13],))
    assert (done.taken_back, done.tokens_taken_back) == (2, 4)
    assert (ended.text, unpack(ended.tokens.ids)) == (whole.text[:9], ids[:9])


def test_a_reply_of_a_new_conversation_begins_with_no_tokens(small):
    desk = Desk(small)
    desk.run(Generate(id=1, prompt=Chat(turns=(ASK,)), options=GenerateOptions(limit=1)))
    first = desk.sent[1][0]
    assert first == ReplyBegun(id=1, tokens=TokenSpan(byte_tokenizer().identity))


@pytest.mark.parametrize("prompt", ["Hi", (65, 66)])
def test_only_a_reply_is_told_of(small, prompt):
    desk = Desk(small)
    desk.run(ask(prompt=prompt, limit=1))
    assert not any(isinstance(event, ReplyBegun) for event in desk.sent[1])
