"""Results as files for other programs: every figure with its unit, whole or not at all."""

import csv
import json
import sys
from pathlib import Path

import pytest

from app.benchmark.result_export import export, rows_of
from app.errors import DiskFull
from app.runtime.planning.machine import rates_key
from tests.store.test_benchmark_results import result


def test_csv_and_json_hold_the_same_rows(tmp_path):
    rows = rows_of('模型, "one"', "abc", [result("cpu int8"), result("cuda fp16", gpu="A card")])
    export(tmp_path / "a.csv", rows)
    export(tmp_path / "a.JSON", rows)
    told = json.loads((tmp_path / "a.JSON").read_bytes())
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["strategy"] for row in told] == ["cpu int8", "cuda fp16"]
    for row, line in zip(told, table, strict=True):
        assert row["machine"] == rates_key()
        assert row["measured_at_utc"] == "2026-11-30T20:00:00+00:00"
        assert {name: "" if value is None else str(value) for name, value in row.items()} == line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_disk_is_told():
    assert sys.platform != "win32"
    with pytest.raises(DiskFull):
        export(Path("/dev/full"), rows_of("a", "b", [result("cpu int8")]))
