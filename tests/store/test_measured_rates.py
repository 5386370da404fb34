"""What this machine was measured to do is kept for the next start, whatever happens to the file."""

from app.runtime.planning.machine import Rates, rates_key
from app.store.measured_rates import MeasuredRates

RATES = Rates(4.2e10, {"bf16": 1e11})


def test_rates_are_found_again_and_of_each_figure_the_fastest_counts(tmp_path):
    file = tmp_path / "data" / "machines.json"
    assert MeasuredRates(file).get() is None
    MeasuredRates(file).put(Rates(1.0))
    MeasuredRates(file).put(RATES)
    assert MeasuredRates(file).get() == RATES
    busy = Rates(1.1e10, {"bf16": 2e11, "int8": 3e11})
    MeasuredRates(file).put(busy)
    assert MeasuredRates(file).get() == Rates(4.2e10, {"bf16": 2e11, "int8": 3e11})


def test_those_of_another_machine_are_not_taken_and_stay(tmp_path, monkeypatch):
    file = tmp_path / "machines.json"
    MeasuredRates(file).put(RATES)
    mine = rates_key()
    monkeypatch.setattr("app.store.measured_rates.rates_key", lambda: "another")
    assert MeasuredRates(file).get() is None
    MeasuredRates(file).put(Rates(1.0))
    monkeypatch.setattr("app.store.measured_rates.rates_key", lambda: mine)
    assert MeasuredRates(file).get() == RATES


def test_a_damaged_file_costs_another_measurement(tmp_path):
    file = tmp_path / "machines.json"
    for damage in (b"", b"{", b'{"x": 3}', b"\xff" * 100):
        file.write_bytes(damage)
        assert MeasuredRates(file).get() is None
        MeasuredRates(file).put(RATES)
        assert MeasuredRates(file).get() == RATES
