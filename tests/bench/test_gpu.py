"""The measurement of a card, as far as it goes without one: on the emulated card; its tables."""

import json
import subprocess
import sys

import pytest
import torch

from app.kernels import packing
from app.kernels.cuda.ops import CudaOps
from bench import gpu, gpu_kernels, gpu_models, gpu_part, gpu_speed
from bench.gpu_report import markdown
from bench.gpu_weights import RandomWeights
from bench.shapes import Size
from tests.support.emulation.device import COMPILER, EmulatedDevice

TINY = Size(2, 64, (8, 8, 8, 16), vocabulary=80)
ORIGIN = {
    "card": "NVIDIA H1",
    "bytes": 80 << 30,
    "processors": 100,
    "architecture": 90,
    "nvrtc": "13.5",
    "copy": 2e12,
    "matrix": 4e14,
    "driver": "580.1",
    "date": "2026-01-02",
    "commit": "abc",
    "taken_s": 12.3,
}

emulated = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")


def never():
    return False


def once(what):
    what()
    return 0.5


# random weights


@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16"])
def test_random_weights_are_those_of_a_file_of_their_type(dtype):
    weights = RandomWeights("7.0", TINY, dtype)
    assert (weights.spec.generation, weights.spec.layers, weights.spec.width) == ("7.0", 2, 64)
    key, value = (weights.read(f"blocks.1.ffn.{name}.weight") for name in ("key", "value"))
    assert key.shape == (256, 64)
    assert str(key.dtype).endswith(
        {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}[dtype]
    )
    assert torch.equal(key, weights.read("blocks.1.ffn.key.weight"))
    assert not torch.equal(key, weights.read("blocks.0.ffn.key.weight"))
    assert 0.5 < key.float().std() * 8 < 1.5
    assert len({tuple(row) for row in value.tolist()}) == len(value)
    filled = torch.empty(256, 64)
    weights.read_into("blocks.1.ffn.key.weight", filled)
    assert torch.equal(filled, key.float())


@pytest.mark.parametrize("dtype", ["int8", "int4"])
def test_random_weights_of_few_bits_lie_packed(dtype):
    weights = RandomWeights("7.0", TINY, dtype)
    assert weights.packed_shape("blocks.0.att.w1") is None
    assert weights.packed_shape("emb.weight") is None
    assert weights.packed_shape("blocks.0.ffn.value.weight").by_unit
    shape = weights.packed_shape("blocks.0.att.key.weight")
    packed = packing.empty(shape, 1)
    weights.read_packed("blocks.0.att.key.weight", packed.codes[0], packed.scales[0])
    assert 0.5 < packing.unpack(packed).std() * 8 < 2


# parity


@emulated
@pytest.mark.timeout(900)  # where no other test has compiled the emulated kernels yet
def test_every_operation_is_compared_and_is_as_its_twin():
    found = list(gpu_kernels.comparisons(CudaOps(EmulatedDevice()), gpu_kernels.SMALL, never))
    assert {one.operation for one in found if not one.passed} == set()
    compared = {one.operation.split(",")[0].split()[0] for one in found}
    apart = {"upload", "place_loras", "table", "host", "zeros", "capture", "pack", "place"}
    apart |= {"from_host", "in_slot", "step"}  # they move numbers and compute none
    operations = {name for name in dir(gpu_kernels.PortableOps) if not name.startswith("_")}
    methods = {name for name in operations if callable(getattr(gpu_kernels.PortableOps, name))}
    assert methods - apart - compared == set()


@emulated
def test_an_operation_that_is_wrong_is_found(monkeypatch):
    right = CudaOps.norm
    monkeypatch.setattr(
        CudaOps, "norm", lambda self, x, norm: right(self, x, norm._replace(bias=norm.gain))
    )
    found = gpu_kernels.comparisons(CudaOps(EmulatedDevice()), gpu_kernels.SMALL, never)
    first = next(found)
    assert (first.operation, first.passed) == ("norm", False)
    assert not gpu_kernels.Found("norm", "fp32", float("nan"), 1.0).passed


@emulated
@pytest.mark.timeout(600)
def test_whole_models_are_compared_until_the_time_is_up(monkeypatch):
    monkeypatch.setattr(gpu_models, "_PROMPT", 5)
    ops, asked = CudaOps(EmulatedDevice()), []

    def enough():
        asked.append(1)
        return len(asked) > 5

    found = list(gpu_models.comparisons(ops, TINY, enough, ("7.0", "4")))
    assert [(one.model, one.form) for one in found] == [
        ("RWKV-7.0", form) for form in gpu_models.FORMATS
    ]
    assert [one for one in found if not one.passed] == []
    assert found[0].agree == 1


# speed


@emulated
def test_rates_count_what_is_moved_and_multiplied():
    device = EmulatedDevice()
    assert gpu_speed.copy_rate(device, once, 1000) == 4000
    assert gpu_speed.matrix_rate(device, once, 8) == 2 * 8**3 * 2


@emulated
@pytest.mark.parametrize("form", ["fp16", "int4"])
def test_speeds_of_a_model_are_told_row_by_row(monkeypatch, form):
    monkeypatch.setattr(gpu_speed, "timed", lambda _: once)
    monkeypatch.setattr(gpu_speed, "_PROMPT", 6)
    monkeypatch.setattr(gpu_speed, "_PROMPTS", 6)
    monkeypatch.setattr(gpu_speed, "BATCHES", (1, 3))
    ops = gpu_speed.WatchedOps(EmulatedDevice())
    rows = list(gpu_speed.speeds(ops, ("tiny", TINY), form, {"copy": 1e6, "matrix": 1e6}, never))
    assert [row["table"] for row in rows] == ["prefill", "decode", "memory", "decode", "prefill"]
    prefill, one, memory, three, _ = rows
    assert (prefill["batch"], prefill["steps"], prefill["tokens_per_s"]) == (1, 6, 12)
    assert memory["predicted_bytes"] > 0
    assert (one["tokens_per_s"], three["tokens_per_s"]) == (2, 6)
    assert one["skipping_per_s"] == one["on_card_per_s"] == 2
    assert "skipping_per_s" not in three
    assert 0.05 < one["share"] < 2
    assert "| tiny |" in markdown(rows, [], ORIGIN)


def test_a_model_that_has_no_room_on_the_card_is_told(monkeypatch):
    monkeypatch.setattr(gpu_speed, "_free", lambda _: 1000)
    ops = gpu_speed.WatchedOps(EmulatedDevice())
    rates = {"copy": 1e6, "matrix": 1e6}
    rows = list(gpu_speed.speeds(ops, ("tiny", TINY), "fp16", rates, never))
    assert [row["note"] for row in rows] == ["not enough memory"]
    assert "| tiny | fp16 | 1 | not enough memory |" in markdown(rows, [], ORIGIN)


PACKAGE = """
import json, torch
torch.cuda.synchronize = torch.cuda.empty_cache = lambda: None
from bench import gpu_package
from bench.shapes import SIZES, Size
SIZES["tiny"] = Size(2, 128, (8, 8, 8, 16), vocabulary=65536)
gpu_package._PROMPT, gpu_package._TOKENS = 20, 2
for row in gpu_package.speeds(["tiny"], "cpu fp32", lambda: False):
    print(json.dumps(row))
"""


def test_the_package_takes_our_random_weights_for_a_file():
    command = [sys.executable, "-c", PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=gpu._ROOT)
    assert done.returncode == 0, done.stderr
    (row,) = gpu._read(done.stdout.splitlines())
    assert (row["table"], row["model"], row["strategy"]) == ("package", "tiny", "cpu fp32")
    assert row["decode_per_s"] > 0
    assert row["prefill_per_s"] > 0


@emulated
def test_a_part_gives_its_rows_and_stops_when_the_time_is_up():
    ops = gpu_speed.WatchedOps(EmulatedDevice())
    asked = gpu_part.Asked(part="kernels", rates="{}", quick=True)
    assert next(gpu_part.rows(asked, ops, never))["passed"]
    assert list(gpu_part.rows(asked, ops, lambda: True)) == []
    asked.part = "0.4B"
    assert list(gpu_part.rows(asked, ops, lambda: True)) == []


# the command


@pytest.fixture
def parts(monkeypatch):
    """What each part does instead: a piece of Python."""
    scripts = {}

    def command(part, *_):
        return [sys.executable, "-c", scripts.get(part, "")]

    monkeypatch.setattr(gpu, "_command", command)
    return scripts


def _printing(*rows):
    return "\n".join(f"print({json.dumps(row)!r})" for row in rows)


def test_without_a_card_it_says_so_in_one_line(parts, capsys):
    parts["rates"] = _printing({"no_card": "There is none."})
    assert gpu.main([]) == 1
    assert capsys.readouterr().out == "There is none.\n"


def test_missing_packages_are_named(monkeypatch, capsys):
    monkeypatch.setattr(gpu, "_NEEDED", ("json", "no_such_package_here"))
    assert gpu.main([]) == 1
    assert "no_such_package_here" in capsys.readouterr().out


def test_parts_that_fail_cost_no_other(parts, capsys, tmp_path):
    good = {"operation": "norm", "form": "fp32", "error": 1e-6, "limit": 1e-5, "passed": True}
    parts["rates"] = _printing({"table": "rates", **ORIGIN})
    parts["kernels"] = _printing({"table": "kernels", **good}) + "\nraise SystemExit('it broke')"
    parts["models"] = "print('noise')\n" + _printing({"note": "not all of it"})
    out = tmp_path / "tables.md"
    assert gpu.main(["--only", "kernels,models", "--output", str(out)]) == 1
    said = capsys.readouterr().out
    assert "| norm | fp32 | 1 | 1.0e-06 | yes |" in said
    assert "- kernels: ended with 1: it broke" in said
    assert "- models: not all of it" in said
    assert "2000 GB/s" in said
    assert "400 TFLOP/s" in said
    assert out.read_text(encoding="utf-8") == said


def test_a_part_that_hangs_is_ended(parts, monkeypatch, capsys):
    monkeypatch.setattr(gpu, "_GRACE_S", 0.2)
    monkeypatch.setattr(gpu, "_MOST_S", {"models": 0.1})
    parts["rates"] = _printing({"table": "rates", **ORIGIN})
    parts["models"] = "import time; time.sleep(60)"
    assert gpu.main(["--only", "models"]) == 1
    assert "models: ended by force" in capsys.readouterr().out


def test_what_no_longer_fits_is_left_out_and_said(parts, capsys):
    assert gpu.main(["--minutes", "0", "--only", "models"]) == 0
    assert "- models: left out, as the time was up" in capsys.readouterr().out


def test_wrong_numbers_are_shown_and_make_the_command_fail(parts, capsys):
    wrong = {"model": "RWKV-4", "form": "fp16", "error": 0.3, "agree": 0.5, "limit": 0.01}
    parts["rates"] = _printing({"table": "rates", **ORIGIN})
    parts["models"] = _printing({"table": "models", **wrong, "passed": False})
    assert gpu.main(["--only", "models"]) == 1
    assert "| RWKV-4 | fp16 | 3.0e-01 | 50% | NO: more than 1e-02 |" in capsys.readouterr().out


def test_the_tables_compare_what_belongs_together():
    large = {"model": "7.2B", "format": "fp16"}
    decode = large | {"table": "decode", "share": 0.9, "on_card_per_s": 300.0, "batch": 1}
    package = {"table": "package", "model": "7.2B", "strategy": "cuda fp16"}
    rows = [
        decode | {"tokens_per_s": 250.0, "skipping_per_s": 270.0},
        decode | {"tokens_per_s": 10000.0, "batch": 128},
        decode | {"tokens_per_s": 450.0, "format": "int8"},
        {"table": "decode", "model": "7.2B", "format": "int8", "batch": 8, "note": "no room"},
        package | {"decode_per_s": 50.0, "prefill_per_s": 10.0},
    ]
    text = markdown(rows, [], ORIGIN)
    assert "| 7.2B | fp16 | 1 | 250 | 300 | 90% | 1.00 x | 270 |" in text
    assert "| 7.2B | fp16 | 128 | 10,000 | 300 | 40.0 x |  |  |" in text
    assert "| 7.2B | int8 | 1 | 450 | 300 | 90% | 1.80 x |  |" in text
    assert "| 7.2B | int8 | 8 | no room |" in text
    assert "| 7.2B | cuda fp16 | 50.0 | 5.0 x | 10.0 |  |" in text
