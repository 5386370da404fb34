"""The Models page opens, ejects and runs a model in another way."""

import asyncio
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QRadioButton

from app.errors import OutOfMemory
from app.runtime.worker.phase import Phase
from app.ui.models.entry_list_model import OPEN
from app.ui.models.row_painter import is_tight
from tests.ui.conftest import settled, until
from tests.ui.models.conftest import page_of, ready, said, select, titles


def without_chat(application, monkeypatch):
    """Opening a model goes to the chat, which has tests of its own."""
    went, go = [], application.window.go
    monkeypatch.setattr(application.window, "go", lambda key: went.append(key) or go("models"))
    return went


async def test_return_opens_the_selected_model_and_goes_to_the_chat(filled, monkeypatch):
    await ready(filled)
    went = without_chat(filled, monkeypatch)
    entry = select(filled, "Raven")
    QTest.keyClick(page_of(filled).listing.view, Qt.Key.Key_Return)
    await until(lambda: filled.services.session.loaded is not None)
    await until(lambda: filled.services.session.loaded.path == str(entry.path))
    assert "chat" in went
    assert filled.services.settings.now.model == str(entry.path)


@pytest.mark.geometry
async def test_the_button_in_a_row_opens_that_row(filled, monkeypatch):
    await ready(filled)
    without_chat(filled, monkeypatch)
    page = page_of(filled)
    filled.window.resize(1200, 700)
    page.splitter.setSizes([700, 300])
    await settled()
    entry = select(filled, "x060")
    rect = page.listing.view.visualRect(page.listing.view.currentIndex())
    assert rect.width() >= 500
    spot = page.listing.delegate.button_box(rect).center()
    QTest.mouseClick(page.listing.view.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    await until(lambda: filled._session._supervisor.asked[-1][0] == str(entry.path))


@pytest.mark.geometry
async def test_in_a_very_narrow_list_the_name_has_the_room_and_the_details_the_button(filled):
    await ready(filled)
    page = page_of(filled)
    filled.services.theme.resize(1.4)
    entry, before = select(filled, "x060"), list(filled._session._supervisor.asked)
    for width in range(300, 0, -20):  # narrow letters have room beside the button for longer
        page.listing.setFixedWidth(width)
        await settled()
        rect = page.listing.view.visualRect(page.listing.view.currentIndex())
        if is_tight(rect, page.listing.delegate.button_box(rect), filled.services.theme):
            break
    assert rect.width() <= page.listing.view.viewport().width()
    spot = page.listing.delegate.button_box(rect).center()
    QTest.mouseClick(page.listing.view.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    await settled()
    assert page.listing.entry is entry
    assert filled._session._supervisor.asked == before
    assert page.details.buttons.chat.isVisible()


async def test_a_click_beside_the_button_only_selects(filled):
    await ready(filled)
    page = page_of(filled)
    before = list(filled._session._supervisor.asked)
    rect = page.listing.view.visualRect(page.rows.index(3, 0))
    spot = QPoint(rect.left() + 20, rect.center().y())
    QTest.mouseClick(page.listing.view.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    await settled()
    assert page.listing.view.currentIndex().row() == 3
    assert filled._session._supervisor.asked == before


async def test_opening_shows_each_layer_and_can_be_cancelled(filled, monkeypatch):
    await ready(filled)
    without_chat(filled, monkeypatch)
    entry = select(filled, "Raven")
    supervisor = filled._session._supervisor
    supervisor.hold = asyncio.Event()
    details = page_of(filled).details
    details.buttons.chat.click()
    await until(lambda: supervisor.phase is Phase.LOADING)
    supervisor.layers(2, 24)
    await until(lambda: "layer 2 of 24" in said(details))
    assert details.buttons._progress.value() == 2
    assert not details.buttons.chat.isEnabled()
    assert "layer 2 of 24" in filled.window.strip.pill.text()
    assert details.buttons.eject.text() == "Cancel"
    supervisor.hold.set()
    await until(lambda: filled.services.session.loaded is not None)
    await settled()
    assert filled.services.session.loaded.path == str(entry.path)
    assert details.buttons.chat.isEnabled()
    assert details.buttons.eject.text() == "Eject"


async def test_eject_gives_the_model_back(filled):
    await ready(filled)
    select(filled, "rookery-guide")
    details = page_of(filled).details
    assert details.buttons.eject.isVisible()
    details.buttons.eject.click()
    await until(lambda: filled.services.session.loaded is None)
    await settled()
    assert not details.buttons.eject.isVisible()
    assert "No model" in filled.window.strip.pill.text()


async def test_the_open_model_is_marked_in_the_list(filled):
    await ready(filled)
    page = page_of(filled)
    marked = {entry.key: page.rows.index_of(entry.key).data(OPEN) for entry in page.rows.shown}
    assert [Path(key).name for key, is_open in marked.items() if is_open] == ["rookery-guide.pth"]
    spoken = page.rows.index(titles(filled).index("Rookery guide"), 0)
    assert "open" in spoken.data(Qt.ItemDataRole.AccessibleTextRole)


async def test_a_failed_opening_is_said_in_words_and_the_page_stays_usable(filled, monkeypatch):
    await ready(filled)
    without_chat(filled, monkeypatch)
    select(filled, "Raven")
    filled._session._supervisor.refusal = OutOfMemory(needed_bytes=9e9, free_bytes=1e9)
    page_of(filled).details.buttons.chat.click()
    bar = filled.window.notices
    await until(bar.isVisible)
    assert "9.0 GB" in bar._words.text()
    filled._session._supervisor.refusal = None
    page_of(filled).details.buttons.chat.click()
    await until(lambda: filled.services.session.loaded is not None)
    assert bar.isHidden()


async def test_another_way_to_run_is_kept_for_that_model(filled, monkeypatch):
    await ready(filled)
    without_chat(filled, monkeypatch)
    entry = select(filled, "Raven")
    await settled()
    costs = page_of(filled).details.costs
    picks = {one.text(): one for one in costs.findChildren(QRadioButton) if one.isVisible()}
    other = next(one for one in picks.values() if not one.isChecked())
    other.click()
    wanted = page_of(filled).fitting.strategy(entry)
    assert filled.services.settings.now.strategies == {str(entry.path): wanted}
    page_of(filled).details.buttons.chat.click()
    await until(lambda: filled._session._supervisor.asked[-1] == (str(entry.path), wanted))
    await settled()
    usual = next(
        one for one in costs.findChildren(QRadioButton) if one.isVisible() and "usual" in one.text()
    )
    usual.click()
    assert filled.services.settings.now.strategies == {}


async def test_the_open_model_is_opened_anew_only_where_it_should_run_in_another_way(
    filled, monkeypatch
):
    await ready(filled)
    without_chat(filled, monkeypatch)
    entry = select(filled, "rookery-guide")
    details, asked = page_of(filled).details, filled._session._supervisor.asked
    details.buttons.chat.click()
    await settled()
    assert len(asked) == 1
    verdict = page_of(filled).fitting.verdict(entry)
    other = next(way.strategy for way in verdict.per_format if way.strategy != verdict.strategy)
    details.costs.chosen.emit(other)
    details.buttons.chat.click()
    await until(lambda: len(asked) == 2)
    assert asked[-1] == (str(entry.path), other)


def other_way(costs):
    picks = [one for one in costs.findChildren(QRadioButton) if one.isVisible()]
    return next(one for one in picks if not one.isChecked())


async def test_a_choice_says_when_it_is_used_and_reopens_at_a_press(filled):
    await ready(filled)
    page, asked = page_of(filled), filled._session._supervisor.asked
    costs = page.details.costs
    select(filled, "Raven")
    assert costs.note.text() == "What you choose is used when this model is opened next."
    assert not costs.reopen.isVisible()
    entry = select(filled, "rookery-guide")
    await settled()
    assert "runs like this now" in costs.note.text()
    other = other_way(costs)
    other.setFocus()
    other.click()
    assert other.hasFocus(), "the keyboard stays with the choice"
    assert "still runs as 32-bit" in costs.note.text()
    assert len(asked) == 1
    QTest.mouseClick(costs.reopen, Qt.MouseButton.LeftButton)
    await until(lambda: len(asked) == 2)
    assert asked[-1] == (str(entry.path), page.fitting.strategy(entry))
    await until(lambda: not costs.reopen.isVisible())
    assert filled.window.page == "models"
    assert "runs like this now" in costs.note.text()


async def test_nothing_is_reopened_under_a_reply_that_is_being_written(filled):
    await ready(filled)
    costs = page_of(filled).details.costs
    select(filled, "rookery-guide")
    await settled()
    other_way(costs).click()
    assert costs.reopen.isEnabled()
    filled.services.session._write(+1)
    assert not costs.reopen.isEnabled()
    assert "once the reply is written" in costs.note.text()
    filled.services.session._write(-1)
    assert costs.reopen.isEnabled()


async def test_where_reopening_fails_one_press_opens_it_as_it_was(filled):
    await ready(filled)
    page, supervisor = page_of(filled), filled._session._supervisor
    entry = select(filled, "rookery-guide")
    await settled()
    costs = page.details.costs
    other_way(costs).click()
    supervisor.refusal = OutOfMemory(needed_bytes=9e9, free_bytes=1e9)
    costs.reopen.click()
    bar = filled.window.notices
    await until(bar.isVisible)
    assert bar._act.text() == "Open it as before"
    supervisor.refusal = None
    bar._act.click()
    await until(lambda: supervisor.asked[-1] == (str(entry.path), ""))
    await until(lambda: filled.services.session.loaded is not None)


async def test_tab_goes_through_the_page_as_it_is_read(filled):
    await ready(filled)
    page = page_of(filled)
    filled.window.resize(1180, 780)
    select(filled, "rookery-guide")
    await settled()
    page.head.search.setFocus()
    passed = [page.head.search]
    for _ in range(60):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        if not page.isAncestorOf(QApplication.focusWidget()):
            break
        passed.append(QApplication.focusWidget())
    details = [one for one in passed if page.details.isAncestorOf(one)]
    assert passed[-len(details) :] == details, "the details come after the list"
    assert page.listing.view is passed[-len(details) - 1]
    tops = [one.mapTo(page.details.widget(), QPoint(0, one.height() // 2)).y() for one in details]
    assert tops == sorted(tops)
    assert any(isinstance(one, QRadioButton) for one in details)
    chips = [one for one in passed if page.head.chips.isAncestorOf(one)]
    lefts = [one.x() for one in chips if one.y() == chips[0].y()]
    assert lefts == sorted(lefts)
    assert passed.index(page.head._add) < passed.index(chips[0])
