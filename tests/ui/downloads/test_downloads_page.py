"""The Downloads page and what the window says of downloads, with real files from a loopback hub."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from app.hub.catalogue.entries import Entry as Offer
from app.hub.catalogue.entries import Part
from app.hub.downloads.download_queue import Item
from app.ui.state.download_progress import amount_words, progress_words, time_left
from tests.support.hub_server import Fault, Virtual, repository
from tests.ui.conftest import settled, shown, until
from tests.ui.hub import LARGE, MODEL, NEW

_LIMIT_S = 60


def offer(hub, name, title=""):
    content = hub.repositories["BlinkDL/rwkv7-g1"].files[name]
    return Offer(
        repo="BlinkDL/rwkv7-g1",
        file=name,
        parts=(Part(path=name, bytes=content.size, sha256=content.sha256),),
        bytes=content.size,
        sha256=content.sha256,
        title=title or name,
        format="pth",
    )


def slow(hub):
    hub.fail(Fault(drip=300_000), file=".pth", times=-1)


async def page_with(application, hub, *names):
    """The page with these downloads on it."""
    await shown(application)
    page = application.window.go("downloads")
    queue = application.services.downloads
    for name in names:
        before = len(queue.items)
        queue.add(offer(hub, name))
        await until(lambda before=before: len(queue.items) > before, _LIMIT_S)
    await settled()
    return page


def states(application):
    return [item.state for item in application.services.downloads.items]


def card(page, number):
    return page.column.cards[page._queue.items[number].id]


async def test_with_nothing_to_show_it_leads_to_the_models(application):
    await shown(application)
    page = application.window.go("downloads")
    assert page._stack.currentWidget() is page.blank
    assert page.blank._button.hasFocus()
    page.blank._button.click()
    assert application.window.page == "models"


async def test_a_download_shows_how_far_how_fast_and_how_long(hub, application):
    slow(hub)
    page = await page_with(application, hub, LARGE)
    item = page._queue.items
    await until(lambda: page._queue.items[0].bytes_per_s > 0, _LIMIT_S)
    await until(lambda: card(page, 0)._bar.value() > 0, _LIMIT_S)
    assert "MB/s" in card(page, 0)._state.text() or "kB/s" in card(page, 0)._state.text()
    assert "of 60.0 MB" in card(page, 0)._amount.text()
    assert page._total.text().startswith("1 download · ")
    assert "%" in card(page, 0).accessibleName()
    assert page._note.isVisible()
    assert item


async def test_one_is_paused_resumed_and_given_up_with_the_keyboard(hub, application, paths):
    slow(hub)
    page = await page_with(application, hub, LARGE)
    await until(lambda: states(application) == ["running"], _LIMIT_S)
    one = card(page, 0)
    one.setFocus()
    QTest.keyClick(one, Qt.Key.Key_Space)
    await until(lambda: states(application) == ["paused"], _LIMIT_S)
    await until(one.resume.isVisible)
    assert not one.pause.isVisible()
    QTest.keyClick(one, Qt.Key.Key_Space)
    await until(lambda: states(application)[0] in ("running", "queued"), _LIMIT_S)
    await until(one.pause.isVisible)
    application.services.downloads.grace_ms = 500
    QTest.keyClick(one, Qt.Key.Key_Delete)
    await until(lambda: not application.services.downloads.items, _LIMIT_S)
    assert page._stack.currentWidget() is page.blank
    assert page.blank._button.hasFocus()
    await until(lambda: not list(paths.models.glob("*")), _LIMIT_S)


async def test_who_pauses_with_its_button_does_not_give_up_with_the_next_key(hub, application):
    slow(hub)
    page = await page_with(application, hub, LARGE)
    one = card(page, 0)
    await until(one.pause.isVisible, _LIMIT_S)
    one.pause.setFocus()
    QTest.keyClick(one.pause, Qt.Key.Key_Space)
    await until(one.resume.isVisible, _LIMIT_S)
    assert one.hasFocus()
    QTest.keyClick(one, Qt.Key.Key_Space)
    await until(one.pause.isVisible, _LIMIT_S)
    assert states(application) != []


async def test_one_that_was_given_up_is_taken_back_with_all_that_had_come(hub, application, paths):
    slow(hub)
    page = await page_with(application, hub, NEW)
    await until(lambda: page._queue.items[0].done_bytes > 200_000, _LIMIT_S)
    page._act("cancel", page._queue.items[0].id)
    await until(lambda: not page._queue.items, _LIMIT_S)
    assert "given up" in application.window.notices._words.text()
    hub.heal()
    application.window.notices.undo()
    await until(lambda: page._queue.items, _LIMIT_S)
    assert page._queue.items[0].done_bytes > 200_000
    await until(lambda: states(application) == ["done"], _LIMIT_S)
    assert (paths.models / NEW).stat().st_size == 9_000_000


async def test_all_are_paused_and_resumed_at_once(hub, application):
    slow(hub)
    page = await page_with(application, hub, LARGE, NEW)
    page.pause_all.click()
    await until(lambda: states(application) == ["paused", "paused"], _LIMIT_S)
    await until(page.resume_all.isVisible)
    assert not page.pause_all.isVisible()
    page.resume_all.click()
    await until(lambda: set(states(application)) <= {"running", "queued"}, _LIMIT_S)
    await until(page.pause_all.isVisible)


async def test_the_order_is_changed_with_the_keyboard_and_by_dragging(hub, application):
    slow(hub)
    page = await page_with(application, hub, LARGE, NEW)
    first, second = (item.id for item in page._queue.items)
    one = card(page, 1)
    one.setFocus()
    QTest.keyClick(one, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    await until(lambda: page._queue.items[0].id == second, _LIMIT_S)
    await settled()
    assert card(page, 0) is one
    assert one.hasFocus()
    below = page.column.cards[first].mapToGlobal(QPoint(40, 90))
    grip = one.grip
    QTest.mousePress(grip, Qt.MouseButton.LeftButton)
    grip.dragged.emit(below)
    assert page.column._line.isVisible()
    QTest.mouseRelease(grip, Qt.MouseButton.LeftButton)
    await until(lambda: page._queue.items[0].id == first, _LIMIT_S)
    assert not page.column._line.isVisible()


async def test_what_cannot_be_had_says_why_and_what_to_do(hub, application):
    missing = repository("BlinkDL/rwkv7-g1", {})
    wanted = offer(hub, NEW)
    hub.add(missing)
    await shown(application)
    page = application.window.go("downloads")
    application.services.downloads.add(wanted)
    await until(lambda: states(application) == ["failed"], _LIMIT_S)
    one = card(page, 0)
    await until(lambda: NEW in one._why.text())
    assert not one.retry.isVisible(), "nobody has it"
    assert one._why.text().endswith(".")
    assert not application.window.notices.isVisible()
    hub.add(repository("BlinkDL/rwkv7-g1", {NEW: b"x" * wanted.bytes}))
    one.retry.click()
    await until(lambda: states(application) == ["failed"] and "changed" in said(one), _LIMIT_S)


def said(one):
    item = one.item
    return item.failure.code if item.failure else ""


async def test_a_disk_without_room_pauses_and_says_so(hub, application):
    huge = Virtual(1 << 49)
    huge.sha256 = "0" * 64
    hub.put("BlinkDL/rwkv7-g1", NEW, huge)
    page = await page_with(application, hub, NEW)
    await until(lambda: states(application) == ["paused"], _LIMIT_S)
    one = card(page, 0)
    await until(one.resume.isVisible)
    assert "room" in one._why.text()
    application.window.go("chat")
    application.services.downloads.resume(application.services.downloads.items[0].id)
    await until(application.window.notices.isVisible, _LIMIT_S)
    assert "room" in application.window.notices._words.text()


async def test_elsewhere_a_failure_is_told_by_the_bar(hub, application):
    wanted = offer(hub, NEW)
    hub.add(repository("BlinkDL/rwkv7-g1", {}))
    await shown(application)
    application.window.go("chat")
    application.services.downloads.add(wanted)
    await until(lambda: states(application) == ["failed"], _LIMIT_S)
    await until(application.window.notices.isVisible)
    assert NEW in application.window.notices._words.text()


async def test_the_badge_counts_what_is_not_finished(hub, application):
    slow(hub)
    page = await page_with(application, hub, LARGE, NEW)
    button = application.window.rail._buttons["downloads"]
    assert button.count == 2
    assert button.accessibleName() == "Downloads, 2 not finished"
    application.window.resize(800, 600)
    await settled()
    assert not button.text()
    picture = button.grab().toImage()
    accent = application.services.theme.color("accent").rgb()
    assert any(
        picture.pixel(x, y) == accent
        for x in range(picture.width() // 2, picture.width())
        for y in range(picture.height() // 2)
    )
    page._queue.cancel(page._queue.items[0].id)
    await until(lambda: button.count == 1, _LIMIT_S)


async def test_a_finished_one_offers_the_chat_and_leaves_the_list_on_a_wish(
    hub, application, paths
):
    page = await page_with(application, hub, MODEL)
    await until(lambda: states(application) == ["done"], _LIMIT_S)
    one = card(page, 0)
    await until(one.chat.isVisible)
    assert one._amount.text()
    assert page._total.text() == "1 complete"
    assert not page._note.isVisible()
    one.chat.click()
    path = paths.models / MODEL
    await until(lambda: application._session._supervisor.asked[-1][0] == str(path), _LIMIT_S)
    page.clear.click()
    await until(lambda: not application.services.downloads.items, _LIMIT_S)
    assert list(paths.models.glob("*.pth")) == [path]


async def test_closing_says_that_downloads_go_on_and_they_do(hub, build, paths):
    slow(hub)
    application = build(page="downloads")
    page = await page_with(application, hub, LARGE)
    await until(lambda: page._queue.items[0].done_bytes > 200_000, _LIMIT_S)
    closing = asyncio.ensure_future(application.close())
    await until(application._arrivals._parting.isVisible)
    await closing
    hub.heal()
    again = build(page="downloads")
    await shown(again)
    await until(lambda: again.services.downloads.items, _LIMIT_S)
    assert again.services.downloads.items[0].done_bytes > 200_000
    await until(again.window.notices.isVisible, _LIMIT_S)
    assert "where it stopped" in again.window.notices._words.text()
    await until(lambda: states(again) == ["done"], _LIMIT_S)
    file = paths.models / LARGE
    assert file.stat().st_size == 60_000_000


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
async def test_a_killed_transfer_is_taken_up_again_by_itself(hub, application, paths):
    slow(hub)
    page = await page_with(application, hub, NEW)
    await until(lambda: page._queue.items[0].done_bytes > 200_000, _LIMIT_S)
    hub.heal()
    os.kill(page._queue.begun.process_pid, signal.SIGKILL)
    await until(lambda: states(application) == ["done"], _LIMIT_S)
    assert (paths.models / NEW).stat().st_size == 9_000_000


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
async def test_a_killed_window_loses_nothing_and_its_download_goes_on(hub, build, paths, tmp_path):
    slow(hub)
    command = (sys.executable, "-m", "tests.ui.downloads.window_owner")
    owner = await asyncio.create_subprocess_exec(
        *command, str(tmp_path / "home"), "BlinkDL/rwkv7-g1", LARGE, stdout=subprocess.PIPE
    )
    try:
        done = 0
        while done <= 200_000:
            line = await asyncio.wait_for(owner.stdout.readline(), _LIMIT_S)
            assert line, "the window ended by itself"
            done = int(line)
    finally:
        owner.kill()
        await owner.wait()
    hub.heal()
    application = build(page="downloads")
    await shown(application)
    await until(lambda: application.services.downloads.items, _LIMIT_S)
    assert application.services.downloads.items[0].done_bytes > 0
    await until(lambda: states(application) == ["done"], _LIMIT_S)
    whole = hub.repositories["BlinkDL/rwkv7-g1"].files[LARGE].sha256
    assert hashlib.sha256((paths.models / LARGE).read_bytes()).hexdigest() == whole


async def test_a_second_window_shows_the_downloads_and_leaves_them_to_the_first(hub, build):
    slow(hub)
    first = build()
    await page_with(first, hub, LARGE)
    await until(lambda: first.services.downloads.items[0].done_bytes > 0, _LIMIT_S)
    second = build(page="downloads")
    second.services.downloads.grace_ms = 10
    await shown(second)
    page, queue = second.window.go("downloads"), second.services.downloads
    await until(lambda: queue.elsewhere and queue.items, _LIMIT_S)
    assert "Another window" in page._note.text()
    card = page.column.cards[queue.items[0].id]
    assert card._state.text().startswith("Running in another window")
    for part in (card.pause, card.resume, card.retry, card.cancel, card.grip):
        assert part.isHidden()
    seen = queue.items[0].done_bytes
    await until(lambda: queue.items[0].done_bytes > seen, _LIMIT_S)
    await until(lambda: "/s" in card._state.text(), _LIMIT_S)
    assert page.pause_all.isHidden()
    queue.give_up(queue.items[0].id)
    await until(lambda: second.window.notices.notice is not None, _LIMIT_S)
    assert second.window.notices.notice.title == "Another window has the downloads"
    assert len(queue.items) == len(first.services.downloads.items) == 1
    await first.close()
    await until(lambda: not queue.elsewhere, _LIMIT_S)
    await until(card.pause.isVisible, _LIMIT_S)
    assert "another window" not in card._state.text()
    hub.heal()
    await until(lambda: states(second) == ["done"], _LIMIT_S)
    assert "Another window" not in page._note.text()
    await second.close()


async def test_the_network_library_is_not_loaded_for_an_empty_queue(application):
    await shown(application)
    application.window.go("downloads")
    await settled()
    assert application.services.downloads.begun is None


def test_nothing_is_said_of_a_time_that_nobody_knows():
    assert time_left(-1) == ""
    assert time_left(1e9) == ""
    assert time_left(120) == "2 min left"


def test_no_amount_is_said_that_nobody_knows(hub):
    from app.hub.downloads.item import Item

    item = Item(id="1", entry=offer(hub, NEW), folder="", path="")
    assert amount_words(item) == ""
    assert amount_words(replace(item, done_bytes=1_500_000)) == "1.5 MB"
    assert amount_words(replace(item, total_bytes=3_000_000)) == "0 B of 3.0 MB"


def test_every_state_has_words(hub):
    from app.hub.downloads.item import Item, State

    for state in State.__args__:
        item = Item(id="1", entry=offer(hub, NEW), folder="", path="", state=state)
        assert progress_words(item)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("running", "Running in another window"),
        ("waiting", "Waiting for the network · in another window"),
        ("checking", "Checking every byte · in another window"),
    ],
)
def test_what_another_window_does_is_said(state, words):
    entry = Offer(repo="a/b", file="c.pth")
    item = Item(id="1", entry=entry, folder="/a", path="/a/c.pth", state=state, elsewhere=True)
    assert progress_words(item) == words
