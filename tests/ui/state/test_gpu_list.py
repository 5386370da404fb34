"""A card in the window: what fits it, what is said of it, and what happens when it is gone."""

import msgspec
import pytest

import app.runtime.loading.preflight
from app.runtime.protocol.messages import SteppedDown
from app.system import gpus as gpus_module
from app.system.gpus import Gpu
from app.ui.models.entry_list_model import FIT
from app.ui.state.gpu_list import GpuList, with_room_of
from tests.ui.conftest import heard, settled, shown, until
from tests.ui.fake_supervisor import FakeSupervisor
from tests.ui.models.conftest import page_of, ready, said, select

GB = 10**9


def gpu(free=8 * GB, **more):
    facts = {"index": 0, "name": "NVIDIA Test", "capability": 89, "total_bytes": 8 * GB}
    return Gpu(free_bytes=free, driver="580.1", **(facts | more))


class SteppedSupervisor(FakeSupervisor):
    """Its models were to run on a card."""

    async def open(self, path, strategy="", *, firm=False):
        loaded = await super().open(path, strategy)
        down = SteppedDown("cuda fp16", "results-wrong", {"error": "12.0%"})
        self.loaded = msgspec.structs.replace(loaded, backend="native", stepped_down=down)
        return self.loaded


@pytest.fixture(autouse=True)
def _extra(monkeypatch):
    monkeypatch.setattr(gpus_module, "has_extra", lambda: True)


@pytest.fixture
def with_gpu(build, models_folder):
    """Builds a Models page on the test models, beside these cards."""

    def _build(*found, **more):
        return build(page="models", folders=(str(models_folder),), gpus=found, **more)

    return _build


async def test_offers_that_fit_the_card_run_fast_and_show_its_memory(with_gpu):
    application = with_gpu(gpu())
    await ready(application)
    await until(lambda: application.services.gpus.known)
    page = page_of(application)
    offers = [one for one in page.rows.shown if one.fetchable and "2.9B" in one.title]
    page.listing.select(offers[0].key)
    await settled()
    assert page.listing.view.currentIndex().data(FIT).word == "Runs fast"
    words = said(page.details)
    assert "Runs on the graphics card" in words
    assert "16-bit on GPU (usual)" in words
    assert "4-bit on CPU" in words


async def test_a_way_on_the_card_can_be_picked_and_is_asked_for(with_gpu, monkeypatch):
    monkeypatch.setattr(app.runtime.loading.preflight, "gpus", lambda: [gpu()])
    application = with_gpu(gpu())
    await ready(application)
    await until(lambda: application.services.gpus.known)
    entry, page = select(application, "x060"), page_of(application)
    await settled()
    page.details.costs.chosen.emit("cuda int8")
    page._act()
    supervisor = application._session._supervisor
    await until(lambda: supervisor.asked[-1] == (str(entry.path), "cuda int8"))
    assert page.fitting.strategy(entry) == "cuda int8"


async def test_a_card_that_is_not_there_leaves_the_open_model_open(with_gpu):
    application = with_gpu(gpu())  # the window saw it, and then it was gone
    await ready(application)
    await until(lambda: application.services.gpus.known)
    entry, page = select(application, "x060"), page_of(application)
    before = application.services.session.loaded
    page.details.costs.chosen.emit("cuda int8")
    page._act()
    await until(application.window.notices.isVisible)
    assert "NVIDIA" in application.window.notices._title.text()
    assert application.services.session.loaded is before
    assert str(entry.path) not in [path for path, _ in application._session._supervisor.asked]


async def test_without_a_card_no_way_on_one_is_shown_or_taken(with_gpu):
    application = with_gpu()
    await ready(application)
    await until(lambda: application.services.gpus.known)
    entry, page = select(application, "x060"), page_of(application)
    ways = {str(entry.path): "cuda fp16"}
    application.services.settings.change(strategies=ways)
    page._show_entries()
    assert "GPU" not in said(page.details)
    assert page.fitting.strategy(entry).startswith("cpu")
    page._opening.open(entry.path)
    supervisor = application._session._supervisor
    await until(lambda: supervisor.asked[-1] == (str(entry.path), ""))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ((), "No NVIDIA card was found: models run on the processor."),
        ((gpu(),), "NVIDIA Test, 8.0 GB (8.0 GB free), compute capability 8.9, driver 580.1"),
        ((gpu(capability=61),), "too old: its compute capability is 6.1"),
    ],
)
async def test_the_settings_tell_of_the_cards(with_gpu, found, words):
    application = with_gpu(*found)
    await shown(application)
    page = application.window.go("settings")
    await until(lambda: application.services.gpus.known)
    assert words in page.device.found.text()


async def test_a_model_that_stepped_down_says_why_once(with_gpu):
    application = with_gpu(gpu(), supervise=SteppedSupervisor)
    with heard(application.services.notices.posted) as posted:
        await shown(application)
        await until(lambda: posted)
        await settled()
        application.services.session.changed.emit()
        await settled()
    texts = [notice.text for (notice,) in posted if "card" in notice.text]
    assert len(texts) == 1
    assert "not in 16-bit on the card. What the card computes is not what" in texts[0]
    hint = application.window.strip.pill.toolTip()
    assert "Computed by native" in hint
    assert texts[0] in hint


async def test_they_are_looked_for_again_but_not_at_once(with_gpu):
    services = with_gpu().services
    answers = [(gpu(),), (gpu(free=7 * GB),), (gpu(free=6_990_000_000),)]
    looked = []

    def look():
        looked.append(None)
        return answers[min(len(looked), len(answers)) - 1]

    found = GpuList(services.tasks, look)
    with heard(found.changed) as told:
        found.look()
        found.look()
        await until(lambda: found.known)
        found.look()
        await settled()
        assert len(looked) == 1
        await found.looked()
        await found.looked()
    assert len(looked) == 3
    assert len(told) == 2  # hardly less memory is no news
    assert found.usable[0].free_bytes == 7 * GB


async def test_what_the_open_model_takes_counts_as_free(with_gpu):
    application = with_gpu(gpu(free=7 * GB))
    await shown(application)
    await until(lambda: application.services.session.loaded is not None)
    loaded = application.services.session.loaded
    assert with_room_of(loaded, [gpu(free=7 * GB)])[0].free_bytes == 7 * GB
    on_gpu = msgspec.structs.replace(loaded, strategy="cuda fp16")
    assert with_room_of(on_gpu, [gpu(free=7 * GB)])[0].free_bytes > 7 * GB
    assert with_room_of(on_gpu, [gpu(free=8 * GB)])[0].free_bytes == 8 * GB
