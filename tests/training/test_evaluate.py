"""The measure itself: enough questions, and facts that only the right answer names."""

import pytest

from training.build_text import held_out, load, normalise
from training.evaluate import facts, is_right, questions

FACTS = facts()
TOPICS, _ = load()


def test_there_are_well_over_a_hundred_held_out_questions_on_nearly_every_topic():
    asked = questions("questions")
    assert len(asked) >= 150
    assert len({normalise(one.question) for one in asked}) == len(asked)
    assert len({one.topics[0] for one in asked}) >= 90


def test_the_two_sets_share_no_question():
    assert held_out("questions.jsonl").isdisjoint(held_out("dev.jsonl"))


@pytest.mark.parametrize("name", ["questions", "dev"])
def test_every_question_asks_for_known_topics(name):
    known = {topic.name for topic in TOPICS}
    for one in questions(name):
        assert one.topics
        assert known.issuperset(one.topics), one


def test_every_topic_has_facts():
    assert FACTS.keys() == {topic.name for topic in TOPICS}
    assert all(FACTS.values())


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_its_own_answers_name_a_topics_facts_and_no_others_do(topic):
    for other in TOPICS:
        for answer in other.answers:
            assert is_right(answer, (topic.name,), FACTS) == (other is topic), other.name


def test_one_missing_fact_makes_an_answer_wrong():
    answer = next(topic.answers[0] for topic in TOPICS if topic.name == "bf16")
    assert is_right(answer, ("fp32", "bf16"), FACTS)
    assert not is_right(answer.replace("16 bits", "8 bits"), ("fp32", "bf16"), FACTS)
