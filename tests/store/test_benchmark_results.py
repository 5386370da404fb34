"""What models were measured to do is kept by machine and model, whatever happens to the file."""

import msgspec
import pytest

from app.errors import StoreError
from app.runtime.planning.machine import ModelRate, Rates
from app.store import benchmark_results
from app.store.benchmark_results import BenchmarkResult, BenchmarkResults, known_rates
from app.store.measured_rates import MeasuredRates


def result(strategy, decode=20.0, gpu=""):
    return BenchmarkResult(
        strategy=strategy,
        gpu=gpu,
        measured_at=1796068800.0,
        decode_tokens_per_s=decode,
        prefill_tokens_per_s=10 * decode,
        resident_bytes=5 << 20,
        peak_bytes=6 << 20,
        gpu_bytes=7 << 20 if gpu else None,
        predicted_decode_tokens_per_s=decode + 1,
        predicted_prefill_tokens_per_s=10 * decode + 1,
        predicted_resident_bytes=5 << 20,
        predicted_gpu_bytes=7 << 20 if gpu else None,
        load_s=0.5,
        backend="native avx2",
        threads=2,
        prompt_tokens=256,
        decode_tokens=64,
    )


def test_a_result_takes_the_place_of_an_earlier_one_of_the_same_way_on_the_same_card(tmp_path):
    kept = BenchmarkResults(tmp_path / "data" / "benchmarks.json")
    assert kept.of("a") == ()
    for one in (result("cuda fp16", gpu="old card"), result("cpu int8"), result("cpu int8", 30.0)):
        kept.keep("a", "A", one)
    kept.keep("b", "B", result("cpu int4"))
    kept.keep("a", "A", result("cuda fp16", gpu="new card"))
    assert [(one.strategy, one.gpu, one.decode_tokens_per_s) for one in kept.of("a")] == [
        ("cuda fp16", "old card", 20.0),
        ("cpu int8", "", 30.0),
        ("cuda fp16", "new card", 20.0),
    ]
    assert kept.model_rates()["a"]["cuda fp16"] == ModelRate(20.0, 200.0, "new card")
    assert set(kept.model_rates()) == {"a", "b"}


def test_those_of_another_machine_are_not_taken_and_stay(tmp_path, monkeypatch):
    kept = BenchmarkResults(tmp_path / "benchmarks.json")
    kept.keep("a", "A", result("cpu int8"))
    mine = benchmark_results.rates_key
    monkeypatch.setattr(benchmark_results, "rates_key", lambda: "another")
    assert kept.of("a") == ()
    kept.keep("a", "A", result("cpu int4"))
    monkeypatch.setattr(benchmark_results, "rates_key", mine)
    assert [one.strategy for one in kept.of("a")] == ["cpu int8"]


def test_a_damaged_file_costs_other_measurements(tmp_path):
    file = tmp_path / "benchmarks.json"
    fine = msgspec.to_builtins(result("cpu int8")) | {"decode_tokens_per_s": -1.0}
    wrong = {benchmark_results.rates_key(): {"a": {"name": "A", "results": [fine]}}}
    for damage in (b"", b"{", b'{"x": 3}', b"\xff" * 100, msgspec.json.encode(wrong)):
        file.write_bytes(damage)
        kept = BenchmarkResults(file)
        assert kept.of("a") == ()
        kept.keep("a", "A", result("cpu int8"))
        assert kept.of("a") == (result("cpu int8"),)


def test_what_cannot_be_read_now_is_not_replaced(tmp_path):
    file = tmp_path / "benchmarks.json"
    file.mkdir()
    with pytest.raises(StoreError):
        BenchmarkResults(file).keep("a", "A", result("cpu int8"))
    assert file.is_dir()
    assert BenchmarkResults(file).of("a") == ()


def test_models_are_known_once_the_machine_is(tmp_path):
    machines, benchmarks = tmp_path / "machines.json", tmp_path / "benchmarks.json"
    BenchmarkResults(benchmarks).keep("a", "A", result("cpu int8"))
    assert known_rates(machines, benchmarks) is None
    MeasuredRates(machines).put(Rates(2e10, {"int8": 1e11}))
    known = known_rates(machines, benchmarks)
    assert known == Rates(2e10, {"int8": 1e11}, {"a": {"cpu int8": ModelRate(20.0, 200.0)}})
