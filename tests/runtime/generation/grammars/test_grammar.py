"""Texts that are held to a grammar, by the engine with small models whose weights are random."""

import json
import random
import re

import msgspec
import pytest

from app.errors import RequestRefused, TokenizerMissing
from app.runtime.protocol.grammars import Grammar
from app.runtime.protocol.prompts import Chat, Sampling, Turn
from tests.runtime.small_models import Desk, ask, small_model
from tests.support.random_schemas import fits, random_schema

CLOSING = ((0, 200.0), *((ord(letter), 3.0) for letter in '"]}'))
"""What makes models that know nothing come to an end."""

FREE = Sampling(temperature=1, top_p=1, seed=5, logit_bias=CLOSING)
YES = Grammar(kind="regex", text="(yes|no|maybe)")
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def schema(value):
    return Grammar(kind="json-schema", text=json.dumps(value))


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """With the World vocabulary."""
    return small_model(tmp_path_factory.mktemp("wide"), vocabulary=65536)


def together(opened, asked):
    """The texts and why they ended, of requests that run as one batch."""
    desk = Desk(opened)
    desk.run(*asked)
    results = [desk.result(one.id) for one in asked]
    return [(text, done.reason) for _, text, done in results]


def check_schemas(opened, count, seed):
    value = 3.0 if opened.model.spec.vocabulary == 256 else 15.0  # a name has any length
    closing = [(one, value) for mark in '"]}' for one in opened.tokenizer.encode(mark)]
    how = msgspec.structs.replace(FREE, logit_bias=((0, 200.0), *closing))
    rnd = random.Random(seed)
    schemas = [random_schema(rnd) for _ in range(count)]
    for first in range(0, count, 50):
        some = schemas[first : first + 50]
        asked = [
            ask(
                i,
                limit=1000,
                sampling=msgspec.structs.replace(how, seed=i),
                grammar=schema(one),
                reproducible=False,
            )
            for i, one in enumerate(some)
        ]
        for wanted, (text, reason) in zip(some, together(opened, asked), strict=True):
            assert reason == "end", (wanted, text)
            assert fits(json.loads(text), wanted), (wanted, text)
            assert re.search(r"\s{45}", text) is None


def test_what_is_written_by_fifty_random_schemas_parses_and_fits(tmp_path):
    check_schemas(small_model(tmp_path, layers=1, width=32), 50, 1)


@pytest.mark.exhaustive
def test_what_is_written_by_five_hundred_random_schemas_parses_and_fits(opened, wide):
    check_schemas(opened, 500, 2)
    check_schemas(wide, 100, 3)


@pytest.mark.parametrize("generation", ["4", "6.0"])
def test_a_schema_holds_with_other_generations(tmp_path, generation):
    opened = small_model(tmp_path, generation)
    ((text, reason),) = together(opened, [ask(limit=500, sampling=FREE, grammar=schema(PERSON))])
    assert reason == "end"
    assert fits(json.loads(text), PERSON)


def test_tokens_of_many_bytes_keep_to_a_schema_too(wide):
    how = Sampling(temperature=1, top_p=1, seed=3)
    free = msgspec.structs.replace(how, temperature=0)
    for sampling in (how, free):
        ((text, reason),) = together(
            wide, [ask(limit=300, sampling=sampling, grammar=schema(PERSON), prompt="A person:")]
        )
        assert reason == "end"
        assert fits(json.loads(text), PERSON)


def test_any_json_is_json(opened):
    asked = [
        ask(i, limit=600, sampling=msgspec.structs.replace(FREE, seed=i), grammar=any_json)
        for i, any_json in enumerate([Grammar(kind="json"), schema({})] * 4)
    ]
    results = together(opened, asked)
    whole = [json.loads(text) for text, reason in results if reason == "end"]
    assert len(whole) > 2
    assert {reason for _, reason in results} <= {"end", "limit"}


def test_an_expression_matches_the_whole_text(opened):
    dates = Grammar(kind="regex", text=r"[0-9]{4}/[01][0-9]( \w+)?")
    asked = [
        ask(i, limit=40, sampling=Sampling(temperature=1, top_p=1, seed=i), grammar=kind)
        for i, kind in enumerate([YES, dates] * 4)
    ]
    results = together(opened, asked)
    for text, reason in results[::2]:
        assert (text in ("yes", "no", "maybe"), reason) == (True, "end")
    for text, reason in results[1::2]:
        assert re.match(r"[0-9]{4}/[01][0-9]", text)
        assert reason == "limit" or re.fullmatch(dates.text, text)


def test_a_grammar_in_the_form_of_lark_is_followed(opened):
    lark = 'start: sum\nsum: NUMBER ("+" NUMBER){1,3} ";"\nNUMBER: /[1-9][0-9]?/\n'
    ((text, reason),) = together(
        opened, [ask(limit=60, sampling=FREE, grammar=Grammar(kind="lark", text=lark))]
    )
    assert reason == "end"
    assert re.fullmatch(r"[1-9][0-9]?(\+[1-9][0-9]?){1,3};", text)


def test_a_text_that_is_whole_ends_though_the_model_would_go_on(opened):
    tokens, text, done = Desk(opened).run(ask(limit=50, grammar=YES))
    assert text in ("yes", "no", "maybe")
    assert done.reason == "end"
    assert bytes(tokens).decode() == text


def test_a_limit_cuts_the_text_and_says_so(opened):
    _, text, done = Desk(opened).run(ask(limit=8, grammar=schema(PERSON)))
    assert (text.split(":")[0].split(), done.reason) == (["{", '"name"'], "limit")
    assert Desk(opened).run(ask(limit=0, grammar=YES))[2].reason == "limit"
    exactly = Desk(opened).run(ask(limit=3, grammar=Grammar(kind="regex", text="yes")))
    assert (exactly[1], exactly[2].reason) == ("yes", "end")


def test_bans_against_the_grammar_end_the_text_with_a_reason_of_their_own(opened):
    how = Sampling(temperature=0, banned=(ord("e"),))
    ((text, reason),) = together(
        opened, [ask(sampling=how, grammar=Grammar(kind="regex", text="yes"))]
    )
    assert (text, reason) == ("y", "blocked")


def test_another_token_serves_where_the_usual_one_is_banned(wide):
    usual = wide.tokenizer.encode("yes")
    assert len(usual) == 1
    how = Sampling(temperature=0, banned=tuple(usual))
    tokens, text, done = Desk(wide).run(
        ask(sampling=how, grammar=Grammar(kind="regex", text="yes"))
    )
    assert (text, done.reason, len(tokens) > 1) == ("yes", "end", True)


def test_a_stop_text_of_the_request_still_ends_the_text(opened):
    _, text, done = Desk(opened).run(ask(limit=50, stops=("am",), grammar=schema(PERSON)))
    assert (text.split(), done.reason) == (["{", '"n'], "stop")


def test_the_model_chooses_among_what_fits_by_its_own_numbers(opened):
    """At temperature 0 the next byte is the likeliest of those that an expression allows."""
    letters = Grammar(kind="regex", text="[a-f]{20}")
    tokens, _, _ = Desk(opened).run(ask(limit=20, grammar=letters))
    others = tuple(i for i in range(256) if chr(i) not in "abcdef")
    banned = Sampling(temperature=0, banned=others)
    assert tokens == Desk(opened).run(ask(limit=20, sampling=banned))[0]
    assert len(set(tokens)) > 1


def test_penalties_and_bias_work_within_the_grammar(opened):
    letters = Grammar(kind="regex", text="[a-f]{12}")
    how = Sampling(temperature=0, presence=900, logit_bias=((ord("d"), 100.0), (ord("z"), 500.0)))
    _, text, _ = Desk(opened).run(ask(limit=12, sampling=how, grammar=letters))
    assert text[0] == "d"
    assert sorted(text[:6]) == list("abcdef")


def test_a_seed_repeats_a_text_alone_and_among_others(opened):
    how = msgspec.structs.replace(FREE, seed=11)
    asked = [ask(i, limit=80, sampling=how, grammar=schema(PERSON)) for i in range(2)]
    others = [ask(9, limit=60), ask(10, limit=30, grammar=YES)]
    alone, again = together(opened, asked[:1])[0], together(opened, [*asked, *others])
    assert again[0] == again[1] == alone


def test_what_follows_a_text_goes_on_from_the_state_that_is_remembered(opened):
    desk = Desk(opened)
    tokens, _, _ = desk.run(ask(1, (72, 105, 58), limit=100, grammar=YES))
    prompt = (72, 105, 58, *tokens)
    desk.run(ask(2, prompt, limit=3))
    done = desk.result(2)[2]
    assert done.computed_tokens <= 1
    assert desk.tokens(2) == Desk(opened).run(ask(3, prompt, limit=3))[0]


def chat(*turns, think="off", template="g1"):
    roles = ("user", "assistant")
    said = tuple(Turn(roles[i % 2], text) for i, text in enumerate(turns))
    return Chat(turns=said, template=template, think=think)


def generate(prompt, **more):
    return msgspec.structs.replace(ask(**more), prompt=prompt)


def test_a_reply_may_begin_with_the_space_that_its_template_leaves(opened):
    texts = set()
    for seed in range(6):
        how = Sampling(temperature=1, top_p=1, seed=seed, logit_bias=((ord(" "), 3.0),))
        ((text, reason),) = together(
            opened, [generate(chat("Is it?"), sampling=how, limit=9, grammar=YES)]
        )
        assert reason == "end"
        texts.add(text)
    assert {text.strip() for text in texts} <= {"yes", "no", "maybe"}
    assert any(text.startswith(" ") for text in texts)


def test_a_template_s_own_stops_do_not_cut_what_the_grammar_wants(opened):
    lines = Grammar(kind="regex", text="a\n\nUser: b")
    ((text, reason),) = together(opened, [generate(chat("Say it"), limit=30, grammar=lines)])
    assert (text.lstrip(" "), reason) == (lines.text, "end")


@pytest.mark.parametrize("think", ["on", "fake"])
def test_a_thought_comes_before_what_is_held_to_the_grammar(opened, think):
    others = tuple(i for i in range(1, 256) if chr(i) not in "</think>yesnomab\n")
    how = Sampling(temperature=0, banned=others, presence=500)
    _, text, done = Desk(opened).run(
        generate(chat("Why?", think=think), sampling=how, limit=60, grammar=YES)
    )
    assert text.startswith(">")
    if think == "fake":
        assert re.fullmatch(r">\s{0,4}(yes|no|maybe)", text)
        assert done.reason == "end"
    else:
        assert (done.reason, len(text)) == ("limit", 60)
    begun = "<think>\nso</think>" if think == "on" else "<think>\n</think>"
    _, text, done = Desk(opened).run(
        generate(chat("Why?", begun, think=think), limit=60, grammar=YES)
    )
    assert re.fullmatch(r"\s{0,4}(yes|no|maybe)", text)
    assert done.reason == "end"


def test_a_reply_that_goes_on_keeps_to_the_grammar_from_its_beginning(opened):
    asked = generate(chat("Who?", '{"name": "An'), limit=200, sampling=FREE, grammar=schema(PERSON))
    ((text, reason),) = together(opened, [asked])
    assert reason == "end"
    assert json.loads('{"name": "An' + text)["name"].startswith("An")
    whole = generate(chat("Is it?", " yes"), grammar=YES)
    assert together(opened, [whole]) == [("", "end")]
    thought = generate(chat("Is it?", "<think>\nso</think>\nye", think="on"), grammar=YES)
    assert together(opened, [thought]) == [("s", "end")]
    with pytest.raises(RequestRefused) as refused:
        Desk(opened).engine.start(generate(chat("Is it?", "no way"), grammar=YES))
    assert refused.value.facts == {"why": "grammar-begun"}


@pytest.mark.parametrize(
    ("grammar", "why", "told"),
    [
        (Grammar(kind="lark", text="start: missing"), "grammar-refused", "missing"),
        (Grammar(kind="lark", text='start[temperature=0.5]: "a"'), "lark-option", "temperature"),
        (Grammar(kind="lark", text="x" * 300_000), "grammar-size", "300000"),
        (Grammar(kind="regex", text="(a"), "regex-refused", "unclosed"),
        (Grammar(kind="regex", text=r"(a)(?=b)"), "regex-refused", "look-around"),
        (schema({"$ref": "https://example.org/x"}), "schema-refused", "example.org"),
        (schema({"$ref": "#/$defs/none"}), "schema-refused", "none"),
        (schema(False), "schema-refused", ""),
    ],
)
def test_a_grammar_that_cannot_be_followed_is_refused_before_anything_runs(
    opened, grammar, why, told
):
    desk = Desk(opened)
    with pytest.raises(RequestRefused) as refused:
        desk.engine.start(ask(grammar=grammar))
    facts = refused.value.facts
    assert facts["why"] == why
    assert told in "".join(map(str, facts.values()))
    assert desk.engine.idle
    assert desk.sent == {}


def test_of_a_schema_that_cannot_be_followed_the_smallest_such_part_is_named(opened):
    inner = {"oneOf": [{"type": "string"}, {"type": "string", "maxLength": 3}]}
    outer = {"type": "object", "properties": {"a": True, "b": {"items": inner}}}
    with pytest.raises(RequestRefused) as refused:
        Desk(opened).engine.start(ask(grammar=schema(outer)))
    assert refused.value.facts["place"] == "/properties/b/items"


def test_a_model_without_its_vocabulary_follows_no_grammar(tmp_path):
    opened = small_model(tmp_path, "4", vocabulary=50277)
    with pytest.raises(TokenizerMissing):
        Desk(opened).engine.start(ask(grammar=YES))
