"""The machine is measured once, by a real worker, while nobody waits for a word."""

from app.runtime.worker.supervisor import Supervisor
from app.store.measured_rates import MeasuredRates
from app.ui.state import rates_keeper
from app.ui.state.rates_keeper import RatesKeeper
from app.ui.state.session import Session
from app.ui.state.tasks import Tasks
from tests.ui.conftest import until


async def open_and_measure(path, file):
    """The supervisor's rates, and how often a worker was asked."""
    asked = []

    class Counting(Supervisor):
        async def measure_rates(self):
            asked.append(1)
            return await super().measure_rates()

    tasks = Tasks(raise_)
    supervisor = Counting(lambda: session.note_change())
    session = Session(supervisor, tasks)
    keeper = RatesKeeper(session, supervisor, tasks, file)
    try:
        await session.opened(path)
        await until(lambda: supervisor.rates is not None and MeasuredRates(file).get() is not None)
        session.note_change()
        await until(lambda: not keeper._busy)
        return supervisor.rates, len(asked)
    finally:
        await tasks.close()
        await supervisor.close()


def raise_(failure):
    raise failure


async def test_a_machine_is_measured_once_and_remembered(guide, tmp_path, monkeypatch):
    monkeypatch.setattr(rates_keeper, "_QUIET_MS", 0)
    file = tmp_path / "machines.json"
    rates, asked = await open_and_measure(guide, file)
    assert asked == 1
    assert rates.read_bytes_per_s > 1e6
    assert set(rates.multiply_per_s) == {"fp32", "bf16", "fp16", "int8", "int4"}
    assert min(rates.multiply_per_s.values()) > 1e5
    assert MeasuredRates(file).get() == rates
    assert await open_and_measure(guide, file) == (rates, 0)
