"""``rookery plan``: every way with its bytes and speed, on this machine and on described ones."""

import json
import os
from pathlib import Path

import pytest
import torch

from app.cli import run
from app.runtime.checkpoint.describe import describe
from app.runtime.planning.machine import Rates
from app.store.benchmark_results import BenchmarkResults
from app.store.measured_rates import MeasuredRates
from app.store.paths import standard_paths
from tests.runtime.small_models import small_file
from tests.store.test_benchmark_results import result


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setenv("ROOKERY_HOME", str(tmp_path / "home"))
    return str(small_file(tmp_path, dtype=torch.bfloat16))


def told(capsys, *arguments):
    assert run(["plan", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_every_format_is_told_under_its_plain_name_with_bytes_and_speed(model, capsys):
    facts = told(capsys, "--model", model, "--machine", "rtx-4060")
    ways = {way["strategy"]: way for way in facts["candidates"]}
    assert {f"cpu {form}" for form in ("bf16", "int8", "int4", "fp32", "fp16")} <= set(ways)
    assert facts["recommended"] in ways
    assert facts["machine"]["name"] == "rtx-4060"
    assert facts["why"].endswith(".")
    for way in ways.values():
        assert way["decode_tokens_per_s"] > 0
        assert way["prefill_tokens_per_s"] > 0
        assert way["fits"] is True
        assert way["reason"]
        for device, total in way["bytes"].items():
            assert total == sum(way["parts"][device].values())
    assert set(ways["cuda int8"]["bytes"]) == {"cuda", "cpu"}


def test_a_way_that_is_asked_for_is_told_of_too(model, capsys):
    split = "cuda fp16 *1 -> cpu int8"
    facts = told(capsys, "--model", model, "--machine", "rtx-4060", "--strategy", split)
    way = next(one for one in facts["candidates"] if one["strategy"] == split)
    assert way["bytes"].keys() == {"cuda", "cpu"}
    assert way["parts"]["cuda"]["weights"] > 0 < way["parts"]["cpu"]["weights"]
    assert way["decode_tokens_per_s"] > 0
    again = told(capsys, "--model", model, "--strategy", "cpu int8")["candidates"]
    assert [one["strategy"] for one in again].count("cpu int8") == 1
    assert run(["plan", "--model", model, "--strategy", "cuda fp17"]) == 1
    assert "fp17" in capsys.readouterr().err


def test_limits_in_gigabytes_are_obeyed(model, capsys):
    facts = told(capsys, "--model", model, "--machine", "rtx-4060", "--gpu-limit", "0.1")
    fits = {way["strategy"]: way["fits"] for way in facts["candidates"]}
    assert not fits["cuda int4"]
    assert fits["cpu int4"]
    facts = told(capsys, "--model", model, "--cpu-limit", "0", "--gpu-limit", "0")
    assert facts["recommended"] is None
    assert {way["reason_code"] for way in facts["candidates"]} == {"over-limit"}


def test_until_it_was_measured_the_speed_is_called_an_assumption(model, capsys):
    assert run(["plan", "--model", model]) == 0
    assert "not measured yet" in capsys.readouterr().err
    assert told(capsys, "--model", model)["machine"]["measured"] is False
    MeasuredRates(standard_paths(os.environ["ROOKERY_HOME"]).rates).put(Rates(1.25e10))
    facts = told(capsys, "--model", model)["machine"]
    assert (facts["measured"], facts["read_bytes_per_s"]) == (True, 1.25e10)
    assert run(["plan", "--model", model]) == 0
    assert "not measured yet" not in capsys.readouterr().err


def test_what_the_benchmark_kept_takes_the_place_of_the_prediction(model, capsys):
    paths = standard_paths(os.environ["ROOKERY_HOME"])
    MeasuredRates(paths.rates).put(Rates(1.25e10))
    fingerprint = describe(Path(model)).fingerprint
    BenchmarkResults(paths.benchmarks).keep(fingerprint, "small", result("cpu int8", 3.5))
    facts = told(capsys, "--model", model)
    ways = {way["strategy"]: way for way in facts["candidates"]}
    assert (ways["cpu int8"]["measured"], ways["cpu int8"]["decode_tokens_per_s"]) == (True, 3.5)
    assert not ways["cpu int4"]["measured"]
    assert "models" not in facts["machine"]["rates"]
    assert run(["plan", "--model", model]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "measured; fits" in line]
    assert len(lines) == 1
    assert "3.5 tokens/s" in lines[0]


def test_a_machine_in_a_file_is_taken_and_an_unknown_one_is_refused(model, tmp_path, capsys):
    file = tmp_path / "mine.json"
    file.write_text('{"memory_total": 1000000, "memory_available": 1000000}')
    facts = told(capsys, "--model", model, "--machine", str(file))
    assert {way["reason_code"] for way in facts["candidates"]} == {"too-small"}
    for name in ("no-such-machine", model):
        assert run(["plan", "--model", model, "--machine", name]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "rtx-4060" in said


CARD = {"index": 0, "name": "card", "capability": 89, "total_bytes": 1 << 33, "free_bytes": 1 << 33}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"memory_available": -5}, "memory_available"),
        ({"memory_total": 10**40}, "memory_total"),
        ({"cores": 0}, "cores"),
        ({"rates": {"read_bytes_per_s": 0}}, "read_bytes_per_s"),
        ({"rates": {"read_bytes_per_s": 1e9, "multiply_per_s": {"fp32": -1}}}, "multiply_per_s"),
        ({"gpus": [CARD | {"index": -1}]}, "index"),
        ({"gpus": [CARD | {"bytes_per_s": -3}]}, "bytes_per_s"),
        ({"gpus": [CARD, CARD]}, "two of its cards have the same index"),
    ],
)
def test_a_described_machine_that_cannot_be_is_refused(model, tmp_path, capsys, wrong, said):
    described = {"memory_total": 1 << 34, "memory_available": 1 << 33} | wrong
    (tmp_path / "machine.json").write_text(json.dumps(described))
    assert run(["plan", "--model", model, "--machine", str(tmp_path / "machine.json")]) == 1
    told = capsys.readouterr()
    assert said in told.err
    assert "Traceback" not in told.err
