"""A parked model: on the processor its worker stays with the weights, a card is freed wholly."""

import asyncio
import os
import signal
import sys

import psutil
import pytest
import torch

from app.runtime.protocol.prompts import Turn
from app.runtime.worker.parking import Parking
from app.runtime.worker.phase import Phase
from app.runtime.worker.supervisor import Supervisor
from app.system.file_cache import cached_bytes
from tests.runtime.small_models import small_file
from tests.runtime.worker.test_stepping_down import talk
from tests.runtime.worker.test_supervisor import until
from tests.system.test_file_cache import forget

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="as the other tests of workers")

LONG = Turn("user", "Tell me of rooks. " * 40)
MORE = Turn("user", "And of crows?")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return small_file(folder, width=512, dtype=torch.bfloat16)


def test_its_worker_gives_back_all_but_the_weights_and_goes_on_at_once(model):
    async def scenario():
        phases = []
        supervisor = Supervisor(lambda: phases.append(supervisor.phase))
        try:
            await supervisor.open(str(model), "cpu int8")
            first = await talk(supervisor, [LONG], 4)
            pid = supervisor.worker_pid
            before = psutil.Process(pid).memory_info().rss
            await supervisor.rest(park=True)
            assert supervisor.phase is Phase.RESTING
            assert supervisor.worker_pid == pid
            assert psutil.Process(pid).memory_info().rss < before

            phases.clear()
            second, other = await asyncio.gather(
                talk(supervisor, [LONG, first.turn, MORE], 4), talk(supervisor, [MORE], 4)
            )
            assert supervisor.worker_pid == pid
            assert phases == [Phase.READY], "it was not opened again"
            assert second.done.computed_tokens < 60, "what it had read is still known"
            assert other.done.tokens == 4

            await supervisor.rest(park=True)
            os.kill(pid, signal.SIGKILL)  # such as where the system needs the memory
            third = await talk(supervisor, [LONG, first.turn, MORE], 4)
            assert third.text == second.text
            assert third.done.computed_tokens < 60
            await supervisor.rest(park=True)
            pid = supervisor.worker_pid
            await supervisor.unload()
            assert not psutil.pid_exists(pid)
        finally:
            await supervisor.close()

    asyncio.run(scenario())


def test_a_model_on_a_card_is_let_go_and_its_file_is_read_into_memory(model):
    forget(model)
    if cached_bytes(model):
        pytest.skip("this file system keeps files in memory")

    class Open:
        strategy, path = "cuda fp16 *1 -> cpu int8", str(model)

    class Worker:
        alive = True

    async def scenario():
        parking = Parking()
        assert not await parking.park(Worker(), Open()), "its worker ends"
        await until(lambda: cached_bytes(model) >= model.stat().st_size, 30)
        parking.end()

    asyncio.run(scenario())
