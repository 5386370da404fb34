"""Samples of the machine: only while they are wanted, few, and of the last minutes."""

import pytest

from app.system.gpus import Gpu
from app.ui.state.gpu_list import GpuList
from app.ui.state.session import Session
from app.ui.state.status.readings import KEPT_S, Readings
from app.ui.state.tasks import Tasks
from tests.ui.conftest import heard, until
from tests.ui.fake_supervisor import FakeSupervisor

GPU = Gpu(index=0, name="A card", capability=89, total_bytes=8, free_bytes=6, load=0.25)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def raise_(failure):
    raise failure


@pytest.fixture
def made(qapp):
    def make(look=tuple):
        tasks, clock = Tasks(raise_), Clock()
        session = Session(FakeSupervisor(lambda: session.note_change()), tasks)
        gpus = GpuList(tasks, look, tuple)
        readings = Readings(session, gpus, look, clock)
        return readings, session, gpus, clock

    return make


async def test_the_past_is_kept_for_some_minutes_and_no_longer(made):
    readings, _, _, clock = made()
    for _ in range(100):
        readings.sample()
        clock.now += KEPT_S / 50
    assert 50 <= len(readings.samples) <= 52
    assert readings.last.at - readings.samples[0].at <= KEPT_S
    assert all(0 <= one.cpu <= 1 for one in readings.samples)
    assert all(0 < one.memory.used_bytes < one.memory.total_bytes for one in readings.samples)


async def test_tokens_are_counted_between_samples_and_not_while_the_prompt_is_read(made):
    readings, session, _, clock = made()
    readings.sample()
    session._write(+1)

    def after(seconds, tokens):
        clock.now += seconds
        session.tokens_written += tokens
        readings.sample()
        return readings.last.tokens_per_s

    assert after(0.5, 0) is None
    assert after(0.5, 20) == 40.0
    assert after(0.01, 5) == 40.0  # too soon to count
    assert after(0.5, 0) == pytest.approx(5 / 0.51)
    assert after(0.5, 0) == 0.0
    session._write(-1)
    assert after(0.5, 0) is None


async def test_cards_are_asked_in_a_thread_and_only_where_there_are_some(made):
    asked = []

    def look():
        asked.append(1)
        return (GPU,)

    readings, session, gpus, _ = made(look)
    readings.sample()
    assert readings.last.gpus == ()
    assert asked == []
    await gpus.looked()
    with heard(readings.sampled) as came:
        readings.sample()
        await until(lambda: len(asked) == 2 and not readings._looking)
        readings.sample()
    assert readings.last.gpus == (GPU,)
    assert len(came) == 2
    await session.tasks.close()


async def test_nothing_is_sampled_before_it_is_wanted_and_after(made):
    readings, session, _, _ = made()
    assert not readings.running
    session._write(+1)
    session._write(-1)
    assert not readings.running
    readings.start()
    assert readings.running
    assert len(readings.samples) == 1
    readings.stop()
    assert not readings.running
