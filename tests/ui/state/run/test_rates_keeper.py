"""What bounds models on a machine is measured once, after the first opening, and kept."""

from app.runtime.planning.machine import Rates
from app.store.measured_rates import MeasuredRates
from tests.ui.conftest import shown, until

RATES = Rates(41e9, {"bf16": 1e11})


async def test_it_is_measured_after_the_first_opening_and_the_next_start_knows_it(build, paths):
    house = build(page="models")
    house._session._supervisor.measured = RATES
    await shown(house)
    await until(lambda: MeasuredRates(paths.rates).get() == RATES)
    await until(lambda: house._session._supervisor.rates == RATES)
    machine = await house.services.planning.machine()
    assert machine.read_bytes_per_s == RATES.read_bytes_per_s
    await house.close()
    again = build(page="models")
    await shown(again)
    await until(lambda: again._session._supervisor.rates == RATES)
