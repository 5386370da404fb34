"""Texts that are asked for together beside those of a chat: neither changes nor starves."""

import msgspec
import pytest

from app.runtime.loading.loading import open_model
from app.runtime.protocol.generate_options import Outputs
from app.runtime.protocol.messages import Done, Piece
from tests.runtime.small_models import Desk, ask, small_file

ROWS, TALK = 12, 100


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """In a format whose products round otherwise with other rows beside a row."""
    return open_model(small_file(tmp_path_factory.mktemp("models")), "cpu bf16")


def group():
    asked = [ask(at, f"row {at}: " + "x" * 7 * at, limit=14 + at) for at in range(ROWS)]
    told = Outputs(logprob=True)
    return [
        msgspec.structs.replace(
            one, afresh=True, options=msgspec.structs.replace(one.options, outputs=told)
        )
        for one in asked
    ]


def facts(desk):
    return [[one.tokens for one in desk.sent[at] if isinstance(one, Piece)] for at in range(ROWS)]


def begin(desk):
    lane = desk.engine.begin_together()
    for one in group():
        desk.engine.start(one, lane)


def run(desk):
    while not desk.engine.idle:
        desk.engine.step()


def test_rows_are_the_same_to_the_last_bit_whatever_is_written_beside_them(opened):
    alone = Desk(opened)
    begin(alone)
    run(alone)
    beside = Desk(opened)
    beside.engine.start(ask(TALK, "before the rows", limit=9))
    for _ in range(3):
        beside.engine.step()
    begin(beside)
    for at in range(4):
        for _ in range(5):
            beside.engine.step()
        beside.engine.start(ask(TALK + 1 + at, "a question " * 3 * at + "?", limit=11))
    run(beside)
    assert facts(beside) == facts(alone)
    assert alone.engine.forwards < sum(14 + at for at in range(ROWS)) / 2


def test_a_question_is_answered_while_rows_are_written_and_they_go_on(opened):
    desk = Desk(opened)
    begin(desk)
    for _ in range(4):
        desk.engine.step()
    desk.engine.start(ask(TALK, "Hello?", limit=10))
    steps = 0
    while not isinstance(desk.sent.get(TALK, [None])[-1], Done):
        desk.engine.step()
        steps += 1
    assert steps <= 14, "a token a step, whatever else is asked for"
    assert not desk.engine.idle
    run(desk)
    assert all(isinstance(desk.sent[at][-1], Done) for at in range(ROWS))
