"""One way of a model is measured in a process of its own, or not at all."""

import asyncio
import contextlib
from types import SimpleNamespace

import psutil
import pytest
import torch

from app.benchmark.benchmark_run import WayRun
from app.benchmark.measuring import Amounts
from app.errors import NoGpu, OutOfMemory, WorkerDied
from app.messages.failures import say
from app.runtime.protocol.messages import SteppedDown
from app.runtime.worker.client import Client
from app.system.child_process import WORKER_ARGUMENT
from app.system.gpus import Gpu
from tests.runtime.small_models import small_file
from tests.support.misbehaving import ENDING, command

FEW = Amounts(32, 32)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return small_file(tmp_path_factory.mktemp("model"), dtype=torch.bfloat16)


def workers():
    """Worker processes that this one has started and that run."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if WORKER_ARGUMENT in child.cmdline():
                found.append(child)
    return found


@pytest.mark.cold  # all of the memory that a worker takes is measured
def test_what_was_measured_stands_beside_what_was_predicted_and_the_worker_is_gone(model):
    told = []
    measured = asyncio.run(WayRun(model, told.append, threads=1).measured("cpu int8", FEW))
    result = measured.result
    assert (result.strategy, result.gpu, result.gpu_bytes, result.threads) == (
        "cpu int8",
        "",
        None,
        1,
    )
    assert (result.prompt_tokens, result.decode_tokens) == (32, 32)
    assert min(result.decode_tokens_per_s, result.prefill_tokens_per_s) > 0
    assert min(result.predicted_decode_tokens_per_s, result.predicted_prefill_tokens_per_s) > 0
    assert result.resident_bytes == pytest.approx(result.predicted_resident_bytes, abs=48e6)
    assert result.peak_bytes >= result.resident_bytes
    assert set(measured.rates.multiply_per_s) == {"fp32", "bf16", "fp16", "int8", "int4"}
    assert measured.rates.models == {}
    parts = [progress.part for progress in told]
    assert list(dict.fromkeys(parts)) == ["loading", "reading", "memory", "writing"]
    assert [one.done for one in told if one.part == "writing"] == [1, 2]
    assert workers() == []


def test_a_card_that_is_not_there_is_refused_and_nothing_else_measured_in_its_place(model):
    with pytest.raises(NoGpu):
        asyncio.run(WayRun(model, lambda _: None).measured("cuda fp16", FEW))
    assert workers() == []


def test_a_cancelled_measurement_ends_its_worker(model):
    async def run():
        begun = asyncio.Event()
        task = asyncio.ensure_future(
            WayRun(model, lambda at: begun.set() if at.total else None).measured("cpu fp32", FEW)
        )
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert workers() == []


def test_a_worker_that_dies_is_told(model):
    async def run():
        await WayRun(
            model, lambda _: None, start=lambda: Client(command=command(ENDING["nothing"]))
        ).measured("cpu fp32", FEW)

    with pytest.raises(WorkerDied) as died:
        asyncio.run(run())
    words = say(died.value)
    assert words.text == "The engine's process ended with exit code 5."
    assert words.way_out.startswith("Measure it again")


def test_a_way_that_the_worker_steps_down_from_is_refused_with_its_reason(model, monkeypatch):
    """Memory of a card may run out in spite of the plan: the worker then runs in another way."""

    async def stepped(*_arguments, **_more):
        down = SteppedDown("cuda int8", "out-of-memory", {"needed_bytes": 5})
        return SimpleNamespace(stepped_down=down)

    monkeypatch.setattr(Client, "load", stepped)
    cards = (Gpu(index=0, name="A card", capability=89, total_bytes=9, free_bytes=9),)
    with pytest.raises(OutOfMemory) as refused:
        asyncio.run(WayRun(model, lambda _: None, look=lambda: cards).measured("cuda int8", FEW))
    assert refused.value.facts == {"needed_bytes": 5}
