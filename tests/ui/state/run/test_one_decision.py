"""What was measured on a machine counts for everybody who plans for it, or nobody."""

import json
from functools import partial

import pytest
import torch

from app.cli import run
from app.runtime.checkpoint.describe import describe
from app.runtime.planning.machine import Rates
from app.runtime.worker.supervisor import Supervisor
from app.store.benchmark_results import BenchmarkResults, known_rates
from app.store.changes import Changes
from app.store.measured_rates import MeasuredRates
from app.store.paths import standard_paths
from app.store.settings import Settings
from app.ui.state.gpu_list import GpuList
from app.ui.state.models.entry import Entry
from app.ui.state.models.model_fits import ModelFits
from app.ui.state.run.run_planning import RunPlanning
from app.ui.state.session import Session
from app.ui.state.tasks import Tasks
from tests.runtime.small_models import small_file
from tests.store.test_benchmark_results import result

SLOW = Rates(2e8, {"fp32": 1e9})
"""Memory so slow that more bits than 8 are not read as fast as a person reads."""


def raise_(failure):
    raise failure


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setenv("ROOKERY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    sizes = {"layers": 2, "width": 512, "head_size": 64, "vocabulary": 30000}
    return small_file(tmp_path, dtype=torch.bfloat16, **sizes)


async def decisions(path, paths):
    """What the list of models, the Run dialog and the worker come to."""
    tasks, changes = Tasks(raise_), Changes()
    supervisor = Supervisor(lambda: session.note_change())
    session, settings = Session(supervisor, tasks), Settings(paths.settings, changes, raise_)
    kept = partial(known_rates, paths.rates, paths.benchmarks)
    planning = RunPlanning(session, settings, changes, GpuList(tasks, tuple, tuple), kept)
    try:
        loaded = await session.opened(path, await planning.allowed(path, ""))
        fits = ModelFits(lambda _entry: "", wanted=planning)
        fits.measure(session.worker_pid, session.rates)
        listed = fits.verdict(Entry("model", file=describe(path))).strategy
        planned = (await planning.plans(path)).planned.recommended
        return listed, planned.strategy.text, loaded.strategy
    finally:
        await tasks.close()
        await supervisor.close()
        settings.close()


async def test_list_dialog_worker_and_verb_decide_alike_by_what_was_measured(
    model, tmp_path, capsys
):
    paths = standard_paths(str(tmp_path / "home"))
    found = []
    for rates in (None, SLOW):
        if rates is not None:
            MeasuredRates(paths.rates).put(rates)
        assert run(["plan", "--model", str(model), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)["recommended"]
        alike = {told, *await decisions(model, paths)}
        assert len(alike) == 1
        found.append(told)
    assert found[0] != found[1] == "cpu int8"
    BenchmarkResults(paths.benchmarks).keep(describe(model).fingerprint, "", result("cpu bf16"))
    assert run(["plan", "--model", str(model), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["recommended"]
    assert {told, *await decisions(model, paths)} == {"cpu bf16"}  # at 20 tokens/s, as measured
