"""The Status page: plots of the last minutes, and models that a real worker measures."""

import contextlib
import csv
import os

import msgspec
import psutil
import pytest
from PySide6.QtWidgets import QFileDialog, QLabel

from app.benchmark.benchmark_run import Measurement, WayRun
from app.errors import WorkerOutOfMemory
from app.runtime.checkpoint.describe import describe
from app.runtime.planning.machine import Rates
from app.store.benchmark_results import BenchmarkResults
from app.store.kept_shortages import KeptShortages
from app.system.child_process import WORKER_ARGUMENT
from app.ui.state.status.benchmark import Stage
from tests.store.test_benchmark_results import result
from tests.ui.conftest import settled, shown, until
from tests.ui.run.conftest import PLAIN, card, press


async def opened_page(application):
    """Opened with a click on the figures; once the model that is open has been looked at."""
    await shown(application)
    await until(
        lambda: application.services.session.loaded is not None and application.library.scanned
    )
    press(application.window.strip.figures)
    assert application.window.page == "status"
    page = application.window._pages["status"]
    await until(lambda: page.history.cards and page.benchmark.candidates is not None)
    return page


def texts(widget):
    return [part.text() for part in widget.findChildren(QLabel) if not part.isHidden()]


def workers():
    """Worker processes that this one has started and that run."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if WORKER_ARGUMENT in child.cmdline():
                found.append(child)
    return found


def choose(page, *strategies):
    """Tick these alone, with the mouse."""
    for box, choice in zip(page.card.ways.boxes, page.card.ways._choices, strict=False):
        if box.isChecked() != (choice.strategy in strategies):
            box.click()
    assert page.benchmark.chosen == set(strategies)


async def test_the_last_minutes_are_drawn_and_told_in_words(build):
    application = build(page="models")
    page = await opened_page(application)
    titles = [one.series.title for one in page.history.cards]
    assert titles == ["Processor", "Memory", "Tokens written a second"]
    processor, memory, speed = page.history.cards
    assert processor.values[0].text().endswith(" %")
    assert "GB of" in memory.values[0].text()
    assert speed.values[0].text() == "nothing is written"
    assert memory.plot.widget.accessibleDescription().startswith("in use ")
    readings = application.services.readings
    count = len(readings.samples)
    readings.sample()
    x, y = processor.plot.lines[0].getData()
    assert len(x) == count + 1
    assert x[-1] == 0
    assert y[-1] == readings.last.cpu
    assert "No NVIDIA card was found: models run on the processor." in page.gpu_note.text()
    for mode in ("dark", "light"):
        application.services.theme.choose(mode)
        await settled()
        ground = processor.plot.widget.backgroundBrush().color()
        assert ground == application.services.theme.color("raised")


async def test_cards_have_plots_of_their_memory_and_load(build, monkeypatch):
    monkeypatch.setattr("app.ui.state.gpu_list.usable", tuple)
    two = [msgspec.structs.replace(card(at), load=load) for at, load in ((0, 0.42), (1, None))]
    application = build(page="models", gpus=tuple(two))
    page = await opened_page(application)
    await until(lambda: any("(2)" in one.series.title for one in page.history.cards))
    await until(lambda: page.card.ways._choices)
    told = {one.series.title: one.values[0].text() for one in page.history.cards}
    assert told["RTX 4060 (1): memory"] == "1.0 GB of 8.0 GB"
    assert told["RTX 4060 (1): load"] == "42 %"
    assert told["RTX 4060 (2): load"] == "not told"
    titles = [choice.title for choice in page.card.ways._choices]
    assert "8-bit on the RTX 4060 (1)" in titles
    assert "8-bit on the processor" in titles


async def test_measured_ways_are_shown_kept_and_take_the_place_of_predictions(
    build, paths, guide, tmp_path
):
    application = build(page="models")
    application.services.session.know(Rates(2e10))
    page = await opened_page(application)
    state, path = page.benchmark, application.services.session.loaded.path
    assert page.card.model.currentData() == path
    choose(page, "cpu fp32", "cpu int8")
    press(page.card.begin)
    await until(lambda: "opening it" in page.card.words.text() or not state.running)
    said = page.card.words.text()
    assert said.startswith("1 of 2 · ")
    assert "-bit on the processor: opening it" in said
    assert not page.card.model.isEnabled()
    await until(lambda: not state.running and len(state.results) == 2, 60)
    assert application.services.session.loaded.path == path
    assert workers() == []
    said = texts(page.card.results)
    assert {"32-bit on the processor", "8-bit on the processor"} <= set(said)
    assert sum(words.startswith("about ") for words in said) == 4  # so small: no speed is foretold
    await until(lambda: page.card.results.plot is not None)
    fingerprint = describe(guide).fingerprint
    kept = BenchmarkResults(paths.benchmarks).of(fingerprint)
    assert {one.strategy: one for one in kept} == {one.strategy: one for one in state.results}
    known = application.services.session.rates.models[fingerprint]
    assert set(known) == {"cpu fp32", "cpu int8"}
    application.runs.show_open()
    dialog = application.runs.dialog
    await until(lambda: dialog.state.plans is not None)
    speeds = {one.strategy: one.speed for one in dialog.state.choices}
    assert speeds["cpu int8"].endswith(", measured")
    assert not speeds["cpu int4"].endswith(", measured")
    dialog.close_card()
    press(page.card.results.save)
    asking = await asked_where(application)
    asking.fileSelected.emit(str(tmp_path / "found.csv"))
    asking.done(1)
    await until((tmp_path / "found.csv").exists)
    await until(lambda: "found.csv" in " ".join(texts(application.window.notices)))
    with (tmp_path / "found.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["strategy"] for row in rows} == {"cpu fp32", "cpu int8"}


async def asked_where(application):
    await until(lambda: application.window.findChildren(QFileDialog))
    return application.window.findChildren(QFileDialog)[-1]


async def test_it_waits_for_the_chat_and_can_be_cancelled_and_a_worker_that_dies_is_told(build):
    application = build(page="models")
    page = await opened_page(application)
    state, session = page.benchmark, application.services.session
    choose(page, "cpu fp32", "cpu int8")
    session._write(+1)
    press(page.card.begin)
    await until(lambda: state.stage is Stage.WAITING)
    assert "waiting until the chat has written its reply" in page.card.words.text()
    await settled()
    assert workers() == []
    session._write(-1)
    await until(workers)
    page.card.cancel.click()
    await until(lambda: not state.running)
    assert workers() == []
    assert (state.results, state.failures) == ((), {})
    assert page.card.failure.isHidden()
    choose(page, "cpu fp32")
    page.card.begin.click()
    await until(workers)
    os.kill(workers()[0].pid, 9)
    await until(lambda: not state.running)
    assert page.card.failure.isVisible()
    assert page.card.failure.title.text().startswith("32-bit on the processor: ")
    assert "Measure it again" in page.card.failure.words.text()
    page.card.begin.click()
    await until(workers)
    await application.close()
    assert workers() == []


async def test_memory_that_runs_out_is_a_result_that_is_shown_kept_and_tried_again(
    build, paths, monkeypatch
):
    full = {"cpu fp32"}

    async def measured(_run, strategy, _amounts):
        if strategy in full:
            raise WorkerOutOfMemory(strategy=strategy, room_bytes=10**12)
        return Measurement(result(strategy), Rates(2e10))

    monkeypatch.setattr(WayRun, "measured", measured)
    application = build(page="models")
    page = await opened_page(application)
    state, path = page.benchmark, application.services.session.loaded.path
    choose(page, "cpu fp32", "cpu int8")
    page.card.begin.click()
    await until(lambda: not state.running and state.results)
    assert state.failures == {}
    assert page.card.failure.isHidden()
    said = texts(page.card.results)
    assert "memory ran out" in said
    assert "with 1.0 TB free" in said
    assert KeptShortages(paths.shortages).get(path) == {"cpu fp32": 10**12}
    await until(lambda: state.plans[0].reason == "ran-out")
    shown = {one.strategy: one for one in page.card.ways._choices}
    assert "Memory ran out this way before" in shown["cpu fp32"].why
    full.clear()
    choose(page, "cpu fp32")
    page.card.begin.click()
    await until(lambda: not state.running and len(state.results) == 2)
    await until(lambda: "memory ran out" not in texts(page.card.results))
    assert KeptShortages(paths.shortages).get(path) == {}


async def test_a_disk_that_takes_nothing_costs_only_the_keeping(build, paths, monkeypatch):
    async def measured(_run, strategy, _amounts):
        return Measurement(result(strategy), Rates(2e10))

    monkeypatch.setattr(WayRun, "measured", measured)
    application = build(page="models")
    paths.benchmarks.mkdir(parents=True)  # in the place of the file
    page = await opened_page(application)
    choose(page, "cpu fp32")
    page.card.begin.click()
    await until(lambda: not page.benchmark.running and page.benchmark.unkept is not None)
    assert page.card.failure.isVisible()
    assert str(paths.benchmarks) in page.card.failure.words.text()
    assert "32-bit on the processor" in texts(page.card.results)
    page.benchmark._look_again()
    await settled(50)
    assert page.benchmark.results == (result("cpu fp32"),)


@pytest.mark.parametrize("room", [0, 10_000_000_000])
async def test_without_room_nothing_can_be_begun_and_it_says_why(build, room):
    application = build(page="models")
    application.services.planning.described = msgspec.structs.replace(PLAIN, memory_available=room)
    page = await opened_page(application)
    enough = room > 0
    assert page.card.begin.isEnabled() == enough
    assert page.card.ways.boxes[0].isEnabled() == enough
    told = [one.text() for one in page.card.ways._figures]
    assert all(("other programs leave" in words) != enough for words in told)
    assert ("There is no room for it" in page.card.note.text()) != enough


async def test_a_file_that_is_no_model_any_more_is_told_and_the_next_one_measured(
    build, models_folder
):
    application = build(page="models", folders=(str(models_folder),))
    page = await opened_page(application)
    state = page.benchmark
    state.choose_model(models_folder / "cut.pth")
    await until(lambda: state.failure is not None)
    assert page.card.failure.isVisible()
    assert not page.card.begin.isEnabled()
    good = next(path for path in models_folder.iterdir() if "Raven" in path.name)
    page.card.model.setCurrentIndex(page.card.model.findData(str(good)))
    page.card.model.activated.emit(page.card.model.currentIndex())
    await until(lambda: state.candidates is not None and state.candidates.file.path == str(good))
    assert page.card.failure.isHidden()
    assert page.card.begin.isEnabled()
