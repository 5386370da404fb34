"""The status strip: the model, what it costs, how fast it writes."""

import asyncio
import os

import pytest

from app.errors import DamagedCheckpoint, WorkerDied
from app.runtime.worker.phase import Phase
from app.system.gpus import Gpu
from app.ui.state.machine_memory import Machine, Reading
from tests.ui.conftest import heard, listed, settled, shown, until


async def test_it_names_the_open_model_its_generation_and_its_strategy(application):
    await shown(application)
    await until(lambda: application.services.session.loaded is not None)
    await settled()
    said = application.window.strip.pill.text()
    assert said == "Rookery guide · RWKV-7.0 · 32-bit on CPU"
    assert application.window.strip.pill.accessibleName() == said


@pytest.mark.geometry
@pytest.mark.parametrize("size", [11, 13, 16])
async def test_no_name_is_cut_where_there_is_room_for_it(application, size):
    await shown(application)
    strip = application.window.strip
    strip.pill.setStyleSheet(f"font-size: {size}px")
    strip.setFixedWidth(1200)
    await settled()
    for words in ("Opening Rookery guide", "Tiny 6.0 · RWKV-6.0 · 32-bit on CPU", "Illi · W"):
        strip._said = words
        strip._fit()
        assert strip.pill.text() == words


async def test_it_says_when_the_engine_stopped_and_when_nothing_is_open(application):
    await shown(application)
    supervisor = application._session._supervisor
    await until(lambda: application.services.session.loaded is not None)
    supervisor.enter(Phase.DEAD, WorkerDied(exit_code=-9))
    await settled()
    assert "stopped" in application.window.strip.pill.text()
    await supervisor.unload()
    await settled()
    assert application.window.strip.pill.text() == "No model is open"


async def test_a_worker_that_dies_while_nobody_waits_is_told_in_words(application):
    await shown(application)
    await until(lambda: application.services.session.loaded is not None)
    application._session._supervisor.enter(Phase.DEAD, WorkerDied(exit_code=-9, stderr="the end"))
    bar = application.window.notices
    await until(bar.isVisible)
    assert "engine" in bar._title.text()
    assert "the end" in bar._words.text()


@pytest.mark.parametrize("other", [False, True])
async def test_a_death_is_no_news_once_the_engine_runs_again(application, other):
    await shown(application)
    await until(lambda: application.services.session.loaded is not None)
    application._session._supervisor.enter(Phase.DEAD, WorkerDied(exit_code=-9))
    await until(application.window.notices.isVisible)
    if other:
        application.services.notices.failure(DamagedCheckpoint(path="a.pth"))
    await settled(20)
    assert application.window.notices.isVisible()
    application._session._supervisor.enter(Phase.READY)
    await settled(20)
    assert application.window.notices.isVisible() is other


async def test_a_worker_that_dies_while_it_writes_is_told_by_the_text_alone(application):
    await shown(application)
    await until(lambda: application.services.session.loaded is not None)
    application.services.session._write(+1)
    application._session._supervisor.enter(Phase.DEAD, WorkerDied(exit_code=-9))
    await settled()
    assert application.window.notices.isHidden()


async def test_pressing_the_pill_offers_the_models_where_none_is_open(application):
    await shown(application)
    await until(
        lambda: application.library.scanned and application.services.session.loaded is not None
    )
    application.services.session.unload()
    await until(lambda: application.services.session.loaded is None)
    application.window.strip.pill.click()
    assert application.window.palette_card.isVisible()
    assert "Chat with Rookery guide" in listed(application.window.palette_card)
    assert "Close the model" in listed(application.window.palette_card)


async def test_speed_is_shown_only_while_a_text_is_written(application):
    await shown(application)
    figures, session = application.window.strip.figures, application.services.session
    assert not figures.speed.isVisible()
    session._write(+1)
    for _ in range(8):
        session.tokens_written += 10
        await asyncio.sleep(0.1)
    await until(lambda: "tok/s" in figures.speed.text())
    most = 10 / 0.1  # and a slow machine is later with each ten of them
    assert 0 < float(figures.speed.text().split()[0]) < 1.3 * most
    assert "tok/s" in figures.accessibleName()
    session._write(-1)
    assert not figures.speed.isVisible()


@pytest.mark.geometry
async def test_samples_are_taken_only_while_the_strip_can_be_seen(application):
    await shown(application)
    application.window.resize(2400, 600)  # in any type there is room for all of it
    readings, figures = application.services.readings, application.window.strip.figures
    await settled()
    assert readings.running
    assert [words.text().split()[0] for words in figures.words if words.text()] == ["CPU", "Memory"]
    assert "GB" in figures.words[2].text()
    application.window.hide()
    assert not readings.running
    application.window.show()
    assert readings.running
    application.window.showMinimized()
    await until(lambda: not readings.running)


@pytest.mark.geometry
async def test_a_card_is_told_with_its_memory_and_its_load(build):
    gpu = Gpu(
        index=0,
        name="NVIDIA GeForce RTX 4060",
        capability=89,
        total_bytes=8_000_000_000,
        free_bytes=4_900_000_000,
        load=0.42,
    )
    application = build(page="models", gpus=(gpu,))
    await shown(application)
    application.window.resize(2400, 600)
    figures = application.window.strip.figures
    await until(lambda: figures.words[1].text() == "GPU 3.1 GB of 8.0 GB · 42 %")
    assert "GPU 3.1 GB of 8.0 GB · 42 %" in figures.accessibleName()


def test_the_machine_counts_the_memory_of_the_worker_alone():
    machine = Machine()
    assert machine.read(None).worker_bytes == 0
    mine = machine.read(os.getpid())
    assert 10_000_000 < mine.worker_bytes < mine.used_bytes < mine.total_bytes
    assert machine.read(2**22 + 1).worker_bytes == 0


async def test_changes_of_one_turn_are_told_once(application):
    await shown(application)
    await until(lambda: application.services.session.loaded is not None)
    await settled(20)
    with heard(application.services.session.changed) as came:
        for _ in range(50):
            application.services.session.note_change()
        await settled(20)
    assert len(came) == 1


@pytest.mark.geometry
@pytest.mark.parametrize("width", [760, 1400])
async def test_a_long_name_does_not_widen_the_window(build, models_folder, width):
    file = next(path for path in models_folder.iterdir() if "🐦" in path.name)
    application = build(page="models", model=str(file))
    await shown(application)
    application.window.resize(width, 560)
    await until(lambda: application.services.session.loaded is not None)
    await settled()
    strip = application.window.strip
    assert "很长" in strip._said
    strip._said *= 3  # in some fonts a name of sixty letters has room
    strip._fit()
    await settled()
    assert application.window.width() == width
    assert "…" in strip.pill.text()
    assert strip.pill.sizeHint().height() <= strip.pill.height()
    assert strip.rect().contains(strip.pill.geometry())


@pytest.mark.geometry
@pytest.mark.parametrize("scale", [1.0, 1.4])
async def test_nothing_is_cut_off_where_there_is_little_room(application, scale):
    await shown(application)
    application.services.theme.resize(scale)
    strip = application.window.strip
    await until(lambda: application.services.session.loaded is not None)
    readings = application.services.readings
    readings.machine.read = lambda _pid: Reading(264_000_000, 5_100_000_000, 25_300_000_000)
    readings.sample()
    memory = strip.figures.words[2]
    said = {}
    for width in (3000, 900, 760, 400):
        strip.setFixedWidth(width)
        await settled()
        assert memory.sizeHint().width() <= memory.width() or not memory.isVisible()
        assert strip.pill.sizeHint().width() <= strip.pill.width()
        assert strip.pill.geometry().right() < width
        assert strip.figures.geometry().right() < width or not strip.figures.isVisible()
        said[width] = memory.text()
    assert said[3000] == "Engine 264.0 MB · Memory 5.1 GB of 25.3 GB"
    assert said[400] == ""
    assert len(said[760]) <= len(said[3000])
    strip.setMinimumWidth(0)
