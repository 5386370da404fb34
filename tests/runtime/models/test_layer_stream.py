"""Stages of a stream, alone: what lies in the slots when a stage has its turn, and who waits."""

import threading

import pytest
import torch

from app.errors import DamagedCheckpoint
from app.runtime.checkpoint.source import Source
from app.runtime.checkpoint.stretch import Stretch
from app.runtime.models.layer_stream import LayerStream
from app.runtime.models.stage import Stage

BYTES = 6 << 20  # more than one block


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "numbers"
    path.write_bytes(bytes(7 * BYTES))
    with open(path, "r+b") as file:
        for stage in range(7):
            file.seek(stage * BYTES)
            file.write(bytes([stage + 1]) * BYTES)
    source = Source(path)
    yield source
    source.close()


def stream_of(source, count, close=lambda: None):
    """A stream of so many stages, and the one weight of each."""
    slots = [torch.zeros(BYTES + 128, dtype=torch.uint8) for _ in range(2)]
    stages, weights = [], []
    for number in range(count):
        stage = Stage(slots[number % 2])
        weights.append(stage.take((BYTES // 2, 2), torch.uint8))
        stage.reads.append((Stretch(source, number * BYTES, BYTES), weights[-1]))
        stages.append(stage)
    return LayerStream(stages, close), stages, weights


def take_turn(stream, weights, stage):
    stream.begin(stage)
    found = values_in(weights[stage])
    stream.end(stage)
    return found


def values_in(weight):
    """The values of a weight that has one value, or two of more."""
    return sorted({int(weight.min()), int(weight.max())})


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_each_stage_has_its_own_bytes_token_after_token(source, count):
    stream, _, weights = stream_of(source, count)
    for _ in range(3):
        for stage in range(count):
            assert take_turn(stream, weights, stage) == [stage + 1]


def test_a_stage_out_of_turn_has_its_own_bytes_too(source):
    stream, _, weights = stream_of(source, 5)
    for stage in (0, 1, 0, 4, 2, 3, 3, 1, 4, 0):
        assert take_turn(stream, weights, stage) == [stage + 1]


def test_the_next_stage_is_read_while_one_computes_and_no_further_one(source):
    read = []
    stream, stages, _ = stream_of(source, 4)
    ready = threading.Event()
    for number, stage in enumerate(stages):
        stage.makes.append(lambda number=number: (read.append(number), ready.set()))
    stream.begin(0)
    ready.clear()
    while len(read) < 2:
        assert ready.wait(60)
    assert read == [0, 1]
    stream.end(0)
    stream.begin(1)
    while len(read) < 3:
        ready.wait(60)
    assert read == [0, 1, 2]


def test_what_cannot_be_read_is_raised_where_it_is_waited_for_and_tried_again(source):
    stream, stages, weights = stream_of(source, 3)
    tries = []

    def fail_once():
        tries.append(1)
        if len(tries) == 1:
            raise DamagedCheckpoint(why="numbers-changed")

    stages[1].makes.append(fail_once)
    assert take_turn(stream, weights, 0) == [1]
    with pytest.raises(DamagedCheckpoint):
        stream.begin(1)
    for stage in range(3):
        assert take_turn(stream, weights, stage) == [stage + 1]


def test_a_stage_that_was_left_in_the_middle_keeps_nobody_waiting(source):
    stream, _, weights = stream_of(source, 4)
    stream.begin(2)
    for stage in (0, 1, 2, 3):
        assert take_turn(stream, weights, stage) == [stage + 1]


def test_checks_look_once_at_what_came(source):
    looked = []
    stream, stages, weights = stream_of(source, 3)
    stages[1].checks.append(lambda: looked.append(values_in(weights[1])))
    for _ in range(2):
        for stage in range(3):
            take_turn(stream, weights, stage)
    assert looked == [[2]]


def test_a_stream_that_is_gone_ends_its_thread_and_closes_its_files(source):
    closed = threading.Event()
    stream, _, weights = stream_of(source, 3, closed.set)
    take_turn(stream, weights, 0)
    thread = stream._reading._thread
    del stream
    assert closed.wait(60)
    thread.join(60)
    assert not thread.is_alive()


def test_a_stream_that_never_began_closes_its_files_too(source):
    closed = threading.Event()
    stream, _, _ = stream_of(source, 3, closed.set)
    del stream
    assert closed.is_set()


def test_a_stage_that_takes_more_than_its_slot_is_a_bug():
    with pytest.raises(ValueError, match="too few"):
        Stage(torch.zeros(100, dtype=torch.uint8)).take((101,), torch.uint8)
