"""Thousands of broken, nested and vanishing files: the library always answers, and soon."""

import os
import random
import shutil
import threading
import time
from pathlib import Path

import pytest

from app.library.scan import survey
from tests.library.libraries import library_of, lora, sharded, small_pth, tuned_state, wait_for
from tests.support.faults import write_small_models

KINDS = {
    "model", "state", "lora", "unfinished", "damaged", "unsafe", "foreign", "unsupported",
    "missing", "unreadable",
}  # fmt: skip
ENDINGS = (".pth", ".safetensors", ".st", ".gguf", ".pth.part", ".pt", ".bin", ".index.json")


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """The bytes of small whole files of every kind, and the index of a model in parts."""
    folder = tmp_path_factory.mktemp("whole")
    write_small_models(folder)
    tuned_state(folder / "state.pth")
    lora(folder / "lora.pth")
    sharded(folder / "parts")
    return [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]


def fill(folder, samples, count, seed):
    """Files cut, patched, spliced and misnamed, in folders of folders."""
    draw = random.Random(seed)
    for number in range(count):
        data = bytearray(draw.choice(samples)[:200_000])
        deed = draw.randrange(5)
        if deed == 0:
            data = data[: draw.randrange(len(data))]
        elif deed == 1:
            for _ in range(draw.randrange(1, 20)):
                data[draw.randrange(min(len(data), 4000))] = draw.randrange(256)
        elif deed == 2:
            other = draw.choice(samples)
            data[: draw.randrange(1, 500)] = other[: draw.randrange(1, 500)]
        elif deed == 3:
            at = draw.randrange(len(data))
            data[at:at] = draw.randbytes(draw.randrange(1, 64))
        place = folder.joinpath(*(str(draw.randrange(4)) for _ in range(draw.randrange(4))))
        place.mkdir(parents=True, exist_ok=True)
        name = draw.choice(["m", "model", "m-00001-of-00002", "m-00002-of-00002", "x" * 200])
        place.joinpath(f"{number}{name}{draw.choice(ENDINGS)}").write_bytes(data)


@pytest.mark.parametrize(
    "count", [300, pytest.param(2000, marks=[pytest.mark.exhaustive, pytest.mark.timeout(600)])]
)
def test_broken_files_by_the_hundred_are_all_described(tmp_path, samples, count):
    fill(tmp_path, samples, count, seed=count)
    begin = time.process_time()
    found = survey(tmp_path)
    spent = time.process_time() - begin
    assert {model.kind for model in found.models} <= KINDS
    assert len({model.kind for model in found.models}) >= 4
    assert len(found.models) > count / 3
    assert all((model.kind == "model") == (model.spec is not None) for model in found.models)
    assert all(bool(model.failure_code) == (model.spec is None) for model in found.models)
    assert spent < count * 0.1
    with library_of(tmp_path) as local:
        assert len(local.scan(120).models) == len(found.models)
        local.duplicates()
        local.disk_use()
        for thing in local.contents.models:
            local.belongs_to(thing)
            local.group(Path(thing.path))


def test_files_that_come_and_go_while_they_are_read_do_no_harm(tmp_path, samples):
    stop = threading.Event()
    crashes = []
    before, threading.excepthook = threading.excepthook, crashes.append

    def churn():
        for seed in range(10_000):
            if stop.is_set():
                return
            fill(tmp_path / str(seed % 3), samples, 10, seed)
            shutil.rmtree(tmp_path / str((seed + 1) % 3), ignore_errors=True)

    worker = threading.Thread(target=churn)
    worker.start()
    try:
        with library_of(tmp_path) as local:
            local.watch(0.01)
            for _ in range(15):
                assert {model.kind for model in local.scan(30).models} <= KINDS
                local.duplicates()
                local.disk_use()
            stop.set()
            worker.join()
            shutil.rmtree(tmp_path)
            wait_for(lambda: not local.contents.models)
    finally:
        stop.set()
        worker.join()
        threading.excepthook = before
    assert not crashes


def test_thousands_of_names_cost_little(tmp_path):
    for number in range(5000):
        (tmp_path / f"{number}.txt").touch()
    small_pth(tmp_path / "m.pth")
    for number in range(2000):
        os.link(tmp_path / "0.txt", tmp_path / f"{number}.pth")
    with library_of(tmp_path) as local:
        assert len(local.scan(60).models) == 2001
        begin = time.process_time()
        assert len(local.scan(60).models) == 2001
        assert time.process_time() - begin < 2
