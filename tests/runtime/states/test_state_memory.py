"""Memory of states is used again, never by two at once."""

import threading

import pytest

from app.runtime.states.state import State, have_ready
from app.runtime.states.state_memory import StateMemory
from tests.support.checkpoints import random_tensors
from tests.support.memory_checkpoint import MemoryCheckpoint

NUMBERS = 4096


@pytest.fixture
def memory():
    made = StateMemory()
    made.have_ready(NUMBERS, 2)
    return made


def test_what_nothing_uses_any_more_is_used_again(memory):
    taken = [memory.take(NUMBERS) for _ in range(3)]
    places = {one.data_ptr() for one in taken}
    assert len(places) == 3
    view = taken[0][10:20]
    del taken
    again = [memory.take(NUMBERS).data_ptr() for _ in range(2)]
    assert set(again) <= places - {view.data_ptr() - 10 * 4}, "a view keeps its block"


def test_no_two_have_one_block_whatever_ends_when(memory):
    held, lock = {}, threading.Lock()

    def work(number):
        for turn in range(300):
            one = memory.take(NUMBERS)
            with lock:
                assert one.data_ptr() not in held
                held[one.data_ptr()] = number
            one.fill_(number)
            assert bool((one == number).all()), turn
            with lock:
                del held[one.data_ptr()]
            del one

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not held


def test_a_state_that_ends_leaves_its_memory_to_the_next():
    spec = MemoryCheckpoint(random_tensors("7.0", layers=2, width=32, head_size=8)).spec
    have_ready(spec, 1)
    first = State.blank(spec)
    place = first.shift.data_ptr()
    kept = first.clone()
    kept.wkv.fill_(7)
    del first
    second = kept.clone()
    assert second.shift.data_ptr() == place
    second.wkv.fill_(1)
    assert bool((kept.wkv == 7).all())
