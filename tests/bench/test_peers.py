"""The measurement beside others: conversion, runners in their processes, and tables."""

import base64
import sys

import numpy as np
import pytest
import torch

from app.runtime.checkpoint import open_checkpoint
from app.runtime.loading.loading import open_model
from bench.contenders import (
    PACKED,
    READ,
    SKIPPED,
    Contender,
    Files,
    at_bits,
    with_and_without_skipping,
)
from bench.gguf_file import read_bytes, write_gguf
from bench.machine import Others
from bench.quality import open_as, random_tokens
from bench.report import Record, markdown
from bench.runners.child import Child
from bench.shapes import Size, write_checkpoint

SMALL = Size(3, 128, (8, 12, 16, 24), vocabulary=512)


@pytest.fixture
def small(tmp_path):
    write_checkpoint(tmp_path / "small.pth", "7.0", SMALL)
    return tmp_path / "small.pth"


@pytest.mark.parametrize(("dtype", "far"), [(torch.float32, 1e-5), (torch.bfloat16, 1e-5)])
def test_the_converted_file_holds_the_same_model(small, tmp_path, dtype, far):
    write_gguf(tmp_path / "small.gguf", torch.load(small), dtype)
    tokens, found = random_tokens(512, 40), []
    for path in (small, tmp_path / "small.gguf"):
        with open_checkpoint(path) as checkpoint:
            model = open_as(checkpoint, "cpu fp32")
        found.append(model.forward(tokens, model.blank()))
    assert (found[0] - found[1]).abs().max() <= far * found[0].abs().max()


def test_what_a_token_reads_of_a_converted_file_is_all_but_the_embedding(small, tmp_path):
    tensors = torch.load(small)
    write_gguf(tmp_path / "small.gguf", tensors, torch.float32)
    numbers = sum(one.numel() for one in tensors.values()) - tensors["emb.weight"].numel()
    unread = sum(tensors[f"blocks.0.att.v{n}"].numel() for n in "012")
    assert read_bytes(tmp_path / "small.gguf") == 4 * (numbers - unread)


@pytest.mark.parametrize("runner", ["ours", "package"])
def test_a_runner_gives_the_logits_of_the_model(small, runner):
    model, tokens = open_model(small, "cpu fp32").model, [3, 1, 4, 1, 5]
    wanted = model.forward(torch.tensor([tokens]), model.blank())[0].numpy()
    with Child(sys.executable, runner, 1) as child:
        told = child.ask("load", path=str(small), strategy="cpu fp32")
        raw = base64.b64decode(child.ask("logits", tokens=tokens)["logits"])
        assert child.ask("decode", tokens=[1, 2], count=2)["s"] > 0
        assert child.ask("prefill", tokens=[1] * 20)["s"] > 0
        assert child.ask("memory")["peak_bytes"] > 1e6
    assert told["load_s"] > 0
    assert np.abs(np.frombuffer(raw, np.float32) - wanted).max() <= 1e-4 * np.abs(wanted).max()


def test_the_bytes_that_we_read_are_those_of_the_weights_without_padding(small):
    tensors = torch.load(small)
    unread = ["emb.weight", *(f"blocks.0.att.v{n}" for n in "012")]
    numbers = sum(one.numel() for name, one in tensors.items() if name not in unread)
    with Child(sys.executable, "ours", 1) as child:
        told = child.ask("load", path=str(small), strategy="cpu fp32")
    assert told["reads_bytes"] == pytest.approx(4 * numbers, rel=0.01)


def test_a_runner_that_ends_tells_why(tmp_path):
    with (
        pytest.raises(RuntimeError, match="nowhere"),
        Child(sys.executable, "ours", 1) as child,
    ):
        child.ask("load", path=str(tmp_path / "nowhere.pth"), strategy="cpu fp32")


def test_a_packed_copy_is_measured_beside_the_file_it_was_made_of(small, tmp_path):
    own, packed = (one for one in at_bits(8, llama=False, packed=True) if one.family == "Rookery")
    assert packed.name == f"{own.name}{PACKED}"
    assert own.options == packed.options
    small.rename(tmp_path / "rwkv7-0.1B.pth")
    files = Files(tmp_path, "0.1B", "")
    logits = []
    for one in (own, packed):
        model = open_model(files.path(one), one.options["strategy"]).model
        logits.append(model.forward(torch.tensor([[3, 1, 4]]), model.blank()))
    assert torch.equal(*logits)
    with open_checkpoint(files.path(packed)) as checkpoint:
        assert checkpoint.dialect == "packed"


def test_every_width_of_number_has_its_peers():
    for bits in (32, 16, 8, 4):
        families = {one.family for one in at_bits(bits, llama=True)}
        assert families == {"Rookery", "rwkv", "llama.cpp"}
        assert all(one.bits == bits for one in at_bits(bits, llama=True) if one.family != "rwkv")
    pair = with_and_without_skipping(8)
    assert [one.options["skipping"] for one in pair] == [True, False]


def _record(**engines):
    return Record(
        shape="0.1B",
        bits=8,
        threads=2,
        prompt=[256],
        rounds=3,
        texts=8,
        machine="a machine",
        date="2026-11-21",
        commit="abc",
        others=0.0,
        bandwidth=[9e9, 10e9, 11e9],
        method="a read",
        engines=engines,
    )


def _engine(family, decode, prefill=()):
    told = {"family": family, "bits": 8, "told": {"reads_bytes": 10**8}, "peak_bytes": 2 * 10**9}
    told |= {"decode": decode, "read": [10e9, 5e9, 20e9][: len(decode)]}
    return told | ({"prefill": {"256": prefill}} if prefill else {})


def test_the_table_has_medians_shares_and_ratios_to_the_best_of_a_family():
    record = _record(
        mine=_engine("Rookery", [80.0, 10.0, 90.0], [400.0]),
        slow=_engine("llama.cpp", [20.0, 5.0, 20.0], [100.0]),
        fast=_engine("llama.cpp", [40.0, 4.0, 50.0], [200.0]),
    )
    rows = markdown([record]).splitlines()
    # of the rounds 80, 20 and 45 % of what memory gave then, and 2, 2.5 and 1.8 times the other
    assert rows[4] == "| mine | 80.0 | 45% | 400 | 2.00 | 2.00 | 2.00 |"
    assert rows[5] == "| slow | 20.0 | 10% | 100 | 2.00 |  |  |"


def test_runs_of_one_shape_join_in_one_table():
    first = _record(mine=_engine("Rookery", [50.0]))
    second = _record(mine=_engine("Rookery", [60.0]), other=_engine("rwkv", [30.0]))
    rows = markdown([first, second]).splitlines()
    assert rows[4].startswith("| mine | 60.0 | 60% |")
    assert rows[4].endswith("| 2.00 |")
    assert len(rows) == 6


def test_skipping_is_told_beside_reading_all():
    name = Contender("Rookery", "int8", 8).name
    record = _record(
        **{name + SKIPPED: _engine("Rookery", [90.0]), name + READ: _engine("Rookery", [60.0])}
    )
    assert markdown([record]).splitlines()[4].endswith("| 1.50 |")


def test_the_time_that_others_took_is_a_share():
    others = Others()
    sum(range(10**6))
    assert 0 <= others.share() <= 1
