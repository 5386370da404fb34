"""The first start: what the machine has, models to take first, and the guide at once."""

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from app.hub.catalogue.entries import Part, bundled
from app.runtime.planning.machine import Machine, Rates
from app.ui.state.models.entry import offered
from app.ui.state.models.model_fits import ModelFits
from app.ui.state.models.recommendations import advised
from tests.ui.conftest import settled, shown, until
from tests.ui.hub import MODEL

_LIMIT_S = 60
GB = 1_000_000_000


def advice_on(available, total):
    fitting = ModelFits(lambda _entry: "")
    fast = Rates(1e11)  # so that memory alone decides
    fitting.here = Machine(memory_available=available, memory_total=total, rates=fast)
    return advised([offered(offer) for offer in bundled()], fitting)


@pytest.mark.parametrize(
    ("memory_gb", "sizes"),
    [
        (64, ["1.5B", "0.4B", "2.9B"]),
        (12, ["1.5B", "0.4B", "2.9B"]),
        (5, ["1.5B", "0.4B"]),
        (1.3, ["0.4B", "0.1B"]),
    ],
)
def test_two_or_three_recommended_models_that_fit_are_named(memory_gb, sizes):
    found = advice_on(int(memory_gb * GB), int(memory_gb * GB))
    titles = [advice.entry.title for advice in found]
    assert len(titles) == len(sizes)
    for title, size in zip(titles, sizes, strict=True):
        assert f" {size}," in title
    assert all(advice.entry.offer.standing == "recommended" for advice in found)
    assert len({advice.reason for advice in found}) == len(found)


def test_where_nothing_fits_nothing_is_recommended():
    assert advice_on(10_000_000, 20_000_000) == []


async def first_start(build):
    application = build(page="chat")
    await shown(application)
    application.window.go("chat")
    welcome = application.window.go("chat").welcome
    await until(lambda: welcome.first.isVisible(), _LIMIT_S)
    return application, welcome


def words_of(widget):
    return " ".join(one.text() for one in widget.findChildren(QLabel) if one.isVisible())


@pytest.fixture
def real_guide(monkeypatch, guide):
    """The chat page sees the model of the test as the guide."""
    monkeypatch.setattr("app.ui.chat.chat_page.embedded_model", lambda: guide)
    return guide


async def test_the_first_start_says_what_the_machine_has_and_what_to_take(build, real_guide):
    _, welcome = await first_start(build)
    words = words_of(welcome)
    assert "Welcome to Rookery" in words
    assert "of memory" in words
    assert "processor core" in words
    assert 1 <= len(welcome.first._cards) <= 3
    assert "let the small guide explain RWKV" in words
    assert len(welcome._questions.findChildren(QLabel)) == 4


async def test_tab_goes_through_the_first_page_as_it_is_read(build, real_guide):
    application, welcome = await first_start(build)
    page = application.window.go("chat")
    page.head.sliders.setFocus(Qt.FocusReason.TabFocusReason)
    passed = []
    for _ in range(40):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        passed.append(QApplication.focusWidget())
        if passed[-1] is page.composer.edit:
            break
    expected = [stop for stop in welcome.stops if stop.isVisible()]
    assert passed[:-1] == expected
    assert len(expected) >= 1 + 1 + 4
    tops = [stop.mapTo(page, QPoint(0, 0)).y() for stop in expected]
    assert tops == sorted(tops)


@pytest.mark.geometry
async def test_at_the_first_size_the_last_question_is_whole(build, real_guide):
    application, welcome = await first_start(build)
    application.window.resize(1180, 780)
    await settled(20)
    room = welcome._scroll.viewport()
    if welcome.fontMetrics().lineSpacing() > 26:  # in such type the page is longer and scrolls
        assert welcome._scroll.verticalScrollBar().maximum() > 0
        return
    for question in welcome._questions.findChildren(QPushButton):
        top = question.mapTo(room, QPoint(0, 0)).y()
        assert top >= 0
        assert top + question.height() <= room.height()


async def test_with_models_of_ones_own_the_guide_is_just_asked(build, real_guide, models_folder):
    application = build(page="chat", folders=(str(models_folder),))
    await shown(application)
    welcome = application.window.go("chat").welcome
    await until(
        lambda: application.library.scanned and application.services.catalogue.entries, _LIMIT_S
    )
    await until(lambda: application.services.session.loaded is not None, _LIMIT_S)
    await settled()
    assert not welcome.first.isVisible()
    assert welcome._title.text() == "Ask the guide"


async def test_one_click_downloads_and_another_opens_it(hub, build, real_guide, paths):
    file = hub.repositories["BlinkDL/rwkv7-g1"].files[MODEL]
    known = next(offer for offer in bundled() if offer.name == MODEL)
    part = Part(path=MODEL, bytes=file.size, sha256=file.sha256)
    offer = replace(known, bytes=file.size, sha256=file.sha256, parts=(part,))
    application = build(page="chat")
    application.services.catalogue.entries = (offered(offer),)
    await shown(application)
    welcome = application.window.go("chat").welcome
    await until(welcome.first.isVisible, _LIMIT_S)
    (card,) = welcome.first._cards.values()
    QTest.mouseClick(card.act, Qt.MouseButton.LeftButton)
    await until(lambda: card.act.text() == "Chat", _LIMIT_S)
    QTest.mouseClick(card.act, Qt.MouseButton.LeftButton)
    path = str(paths.models / MODEL)
    await until(lambda: application._session._supervisor.asked[-1][0] == path, _LIMIT_S)
