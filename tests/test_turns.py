"""Turns of tests in several processes, told apart here by their locks alone."""

import threading

import pytest
from filelock import FileLock, Timeout

from tests.support.turns import Turns


class Runner(threading.Thread):
    """Process ``number`` of two, with one test that notes its name; as long as it is let."""

    def __init__(self, folder, number, noted, *, alone):
        super().__init__(daemon=True)
        self.began, self.let_end = threading.Event(), threading.Event()
        self._turns, self._alone = Turns(folder, number, 2), alone
        self._name, self._noted = f"{number} alone" if alone else str(number), noted

    def run(self):
        with self._turns.taken(alone=self._alone):
            self._noted.append(self._name)
            self.began.set()
            assert self.let_end.wait(30)
            self._noted.append(self._name)

    def end(self):
        self.let_end.set()
        self.join(30)
        assert not self.is_alive()


@pytest.fixture
def run(tmp_path):
    """Starts runners that share a list of what they noted."""
    noted = []

    def started(number, *, alone=False):
        runner = Runner(tmp_path, number, noted, alone=alone)
        runner.start()
        return runner

    started.noted, started.gate = noted, tmp_path / "gate"
    return started


def closed(gate):
    try:
        FileLock(gate, timeout=0).acquire().lock.release()
    except Timeout:
        return True
    return False


def test_two_ordinary_tests_run_side_by_side(run):
    first, second = run(0), run(1)
    assert first.began.wait(30)
    assert second.began.wait(30)
    first.end()
    second.end()


def test_one_that_runs_alone_waits_for_others_and_others_for_it(run):
    first = run(0)
    assert first.began.wait(30)
    alone = run(1, alone=True)
    while not closed(run.gate):
        pass
    later = run(0)
    first.end()
    assert alone.began.wait(30)
    assert run.noted == ["0", "0", "1 alone"]
    alone.end()
    later.end()
    assert run.noted == ["0", "0", "1 alone", "1 alone", "0", "0"]


def test_the_follower_of_a_process_that_died_takes_its_place(run):
    follower = run(2)
    assert follower.began.wait(30)
    alone = run(1, alone=True)
    while not closed(run.gate):
        pass
    assert not alone.began.is_set()
    follower.end()
    alone.end()
    assert run.noted == ["2", "2", "1 alone", "1 alone"]
