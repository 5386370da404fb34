"""The training text: well-formed, repeatable, and without the questions that measure it."""

import itertools
import re

import pytest

from training.build_text import END, Writer, expansions, held_out, load, normalise

from .overlap import Plain, written

TOPICS, WORDS = load()


@pytest.fixture(scope="module")
def all_written() -> list[str]:
    return written(TOPICS, WORDS)


def _samples(seed: int, count: int, barred: frozenset[str] = frozenset()):
    writer = Writer(seed, barred)
    return [writer.sample() for _ in range(count)]


def _asked(data: bytes) -> list[str]:
    return re.findall(r"User: (.*)\n\nAssistant:", data.decode())


def test_no_held_out_question_can_be_written(all_written):
    plain = Plain(WORDS)
    known = {normalise(question) for question in all_written} | set(map(plain, all_written))
    for name in ("questions.jsonl", "dev.jsonl"):
        asked = held_out(name)
        assert asked
        assert {q for q in asked if q in known or plain(q) in known} == set()


def test_no_held_out_question_is_in_ten_thousand_samples():
    barred = held_out("questions.jsonl", "dev.jsonl")
    asked = (normalise(q) for s in _samples(7, 10000) for q in _asked(s.data))
    assert barred.isdisjoint(asked)


def test_a_pattern_stands_for_all_its_alternatives():
    got = set(expansions("how (big|large) is [the|] {thing}", {"thing": ["cat", "dog"]}))
    pairs = itertools.product(("big", "large"), ("the ", ""), ("cat", "dog"))
    assert got == {f"how {size} is {article}{thing}" for size, article, thing in pairs}


def test_no_pattern_leaves_a_bracket_or_a_brace(all_written):
    assert [question for question in all_written if re.search(r"[\[\](){}|]", question)] == []


def test_every_topic_has_answers_in_plain_ascii_and_many_ways_to_ask():
    for topic in TOPICS:
        assert topic.answers
        assert all(answer.isascii() and "\0" not in answer for answer in topic.answers), topic.name
        assert len(topic.asks) >= 8, topic.name


def test_no_answer_has_a_blank_line_for_that_ends_a_turn():
    assert [topic.name for topic in TOPICS for a in topic.answers if "\n\n" in a] == []


def test_the_same_seed_writes_the_same_text():
    first, again, other = (b"".join(s.data for s in _samples(n, 50)) for n in (4, 4, 5))
    assert first == again
    assert first != other


def test_a_sample_is_a_chat_in_the_template_and_ends_with_the_end_byte():
    answers = {answer for topic in TOPICS for answer in topic.answers}
    turns = 0
    for sample in _samples(1, 300):
        text = sample.data.decode()
        assert text.endswith(chr(END))
        assert text.count(chr(END)) == 1
        body = text[:-1].split("User: ", 1)[1]
        for turn in body.split("\n\nUser: "):
            question, answer = turn.split("\n\nAssistant: ", 1)
            assert "\n" not in question
            assert answer in answers
            turns += 1
    assert turns > 330


def test_exactly_the_answers_are_marked_with_what_ends_them():
    for sample in _samples(2, 200):
        assert len(sample.data) == len(sample.answer)
        marked = bytes(b if m else 1 for b, m in zip(sample.data, sample.answer, strict=True))
        pieces = [piece for piece in marked.split(b"\x01") if piece]
        assert len(pieces) == sample.data.count(b"\n\nAssistant:")
        assert all(piece.startswith(b" ") and piece.endswith((b"\n\n", b"\0")) for piece in pieces)


def test_a_barred_question_is_never_written():
    topic = next(topic for topic in TOPICS if topic.name == "int8")
    writer = Writer(0)
    common = normalise(writer.question(topic))
    barred = Writer(0, frozenset([common]))
    assert common not in {normalise(barred.question(topic)) for _ in range(500)}


def test_a_topic_that_can_only_be_asked_by_barred_questions_is_an_error():
    class Everything(frozenset):
        def __contains__(self, _: object) -> bool:
            return True

    with pytest.raises(ValueError, match="barred"):
        Writer(0, Everything()).question(TOPICS[0])
