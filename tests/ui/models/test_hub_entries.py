"""The Models page against a real hub on loopback: browse, search, download, pause, run."""

import shutil
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from app.ui.models.entry_list_model import ITEM
from app.ui.state.models.model_catalogue import Asking
from app.ui.transcript.text_block import TextBlock
from tests.support.hub_server import Fault, online
from tests.ui.conftest import settled, until
from tests.ui.hub import LARGE, MODEL, NEW
from tests.ui.models.conftest import page_of, ready, said, titles

_LIMIT_S = 60


async def browsed(application):
    """The page after the hub has answered, once or not at all."""
    await ready(application)
    over = (Asking.DONE, Asking.FAILED)
    await until(lambda: application.services.catalogue.asking in over, _LIMIT_S)
    await settled()


def listings(hub):
    """The questions for lists; a page of a repository may still be asked for."""
    return [one.path for one in hub.log if one.path.startswith("/api/")]


def entry_of(application, name):
    return next(one for one in page_of(application).rows.shown if name in one.below)


def chosen(application, name):
    entry = entry_of(application, name)
    page_of(application).listing.select(entry.key)
    return entry


async def test_a_new_release_appears_without_an_update_of_the_program(hub, filled):
    await browsed(filled)
    entry = entry_of(filled, NEW)
    assert entry.offer.source == "live"
    assert entry.fetchable
    words = page_of(filled).listing.freshness.words.text()
    assert words.endswith("checked just now")


@pytest.mark.geometry
async def test_the_details_keep_within_their_pane_in_large_type(hub, filled):
    await browsed(filled)
    filled.services.theme.resize(1.6)
    chosen(filled, "rwkv-v5-7B-0.4-long-ctx-16k")
    details = page_of(filled).details
    letters = QFontMetrics(filled.services.theme.font())
    details.setFixedWidth(max(350, 24 * letters.averageCharWidth()))  # its longest button
    await settled()
    assert details.widget().minimumSizeHint().width() <= details.viewport().width()


async def test_a_hub_that_is_not_there_is_told_without_blocking_anything(filled):
    await browsed(filled)
    page = page_of(filled)
    words = page.listing.freshness.words.text()
    assert "cannot be reached" in words
    assert "came with Rookery" in words
    assert page.listing.freshness.retry.isVisible()
    assert len(titles(filled)) > 150
    page.listing.freshness._details.click()
    assert filled.window.notices.isVisible()


async def test_an_older_list_is_said_to_be_from_then(filled):
    await browsed(filled)
    catalogue, line = filled.services.catalogue, page_of(filled).listing.freshness
    assert catalogue.asking is Asking.FAILED
    catalogue.fetched_at = time.time() - 8 * 60
    line.show_catalogue(catalogue, "The hub")
    assert line.words.text() == "The hub cannot be reached. This is the list from 8 min ago"


async def test_trying_again_finds_a_hub_that_has_come_back(hub, filled):
    hub.fail(Fault(status=503), where="api", times=-1)
    await browsed(filled)
    page = page_of(filled)
    assert filled.services.catalogue.asking is Asking.FAILED
    hub.heal()
    page.listing.freshness.retry.click()
    await until(lambda: filled.services.catalogue.asking is Asking.DONE, _LIMIT_S)
    assert entry_of(filled, NEW)


async def test_what_the_hub_said_a_minute_ago_is_not_asked_for_again(hub, build):
    first = build(page="models")
    await browsed(first)
    asked = listings(hub)
    assert asked
    second = build(page="models")
    await browsed(second)
    assert entry_of(second, NEW)
    assert listings(hub) == asked


async def test_the_whole_hub_is_searched_on_a_wish(hub, filled):
    await browsed(filled)
    page = page_of(filled)
    page.head.search.setText("gem")
    await until(lambda: page.listing._stack.currentWidget() is page.listing.blank)
    QTest.mouseClick(page.listing.blank._button, Qt.MouseButton.LeftButton)
    await until(
        lambda: "rwkv7-gem-0.4b.pth" in " ".join(e.below for e in page.rows.shown), _LIMIT_S
    )
    assert not filled.services.catalogue.searching


async def test_the_page_of_a_repository_is_rendered_without_pictures_or_scripts(hub, filled):
    await browsed(filled)
    page = page_of(filled)
    chosen(filled, MODEL)
    readme = page.details.page.text
    await until(lambda: readme.findChildren(TextBlock), _LIMIT_S)
    words = "\n".join(one.document.toPlainText() for one in readme.findChildren(TextBlock))
    assert "The page of G1" in words
    assert "a picture" in words
    assert "alert(1)</script>" not in words
    assert "license" not in words
    assert not [one for one in hub.log if "spy" in one.path]


async def test_a_link_leads_out_only_after_its_address_was_shown(hub, filled, monkeypatch):
    opened = []
    monkeypatch.setattr("app.ui.widgets.link_dialog.QDesktopServices.openUrl", opened.append)
    await browsed(filled)
    page = page_of(filled)
    chosen(filled, MODEL)
    readme = page.details.page.text
    await until(lambda: len(readme.findChildren(TextBlock)) > 1, _LIMIT_S)
    await settled()
    block, spot = link_in(readme)
    page.details.ensureWidgetVisible(block)
    QTest.mouseClick(block, Qt.MouseButton.LeftButton, pos=spot)
    menu = readme.findChildren(QMenu)[0]
    assert opened == []
    assert menu.actions()[1].text() == "https://example.org/more"
    next(one for one in menu.actions() if "browser" in one.text()).trigger()
    assert [url.toString() for url in opened] == ["https://example.org/more"]


def link_in(readme):
    """A block and the point in it where a link stands."""
    for block in readme.findChildren(TextBlock):
        for y in range(4, block.height(), 6):
            for x in range(2, block.width(), 6):
                if block.address_at(QPoint(x, y)).endswith("/more"):
                    return block, QPoint(x, y)
    raise AssertionError("there is no link")


async def test_a_model_is_downloaded_with_one_click_and_then_chatted_with(hub, filled, paths):
    await browsed(filled)
    page = page_of(filled)
    page.head.search.setText(MODEL)
    page._narrow()
    filled.window.resize(1280, 800)
    await settled()
    view = page.listing.view
    box = page.listing.delegate.button_box(view.visualRect(page.rows.index(0)))
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=box.center())
    queue = filled.services.downloads
    await until(lambda: queue.items, _LIMIT_S)
    assert filled.window.rail._buttons["downloads"].count == 1
    await until(lambda: queue.items[0].state == "done", _LIMIT_S)
    assert Path(queue.items[0].path) == paths.models / MODEL
    await until(lambda: any(one.usable and one.below == MODEL for one in page.rows.shown), _LIMIT_S)
    assert page.listing.entry.path == paths.models / MODEL
    assert filled.window.rail._buttons["downloads"].count == 0
    assert len(titles(filled)) == 1
    bar = filled.window.notices
    assert bar._act.text() == "Chat"
    bar._act.click()
    path = str(paths.models / MODEL)
    await until(lambda: filled._session._supervisor.asked[-1][0] == path, _LIMIT_S)


async def test_what_arrives_stays_selected_among_all_the_others(hub, filled, paths):
    await browsed(filled)
    page = page_of(filled)
    filled.services.downloads.add(chosen(filled, MODEL).offer)
    await until(lambda: any(one.path == paths.models / MODEL for one in page.rows.shown), _LIMIT_S)
    await settled()
    assert page.listing.entry.path == paths.models / MODEL


async def test_a_download_is_shown_paused_resumed_and_given_up_in_the_details(hub, filled, paths):
    hub.fail(Fault(drip=400_000), file=".pth", times=-1)
    await browsed(filled)
    page = page_of(filled)
    entry = chosen(filled, LARGE)
    buttons = page.details.buttons
    QTest.mouseClick(buttons.download, Qt.MouseButton.LeftButton)
    queue = filled.services.downloads
    await until(lambda: queue.items and queue.items[0].done_bytes > 100_000, _LIMIT_S)
    await until(buttons.pause.isVisible)
    index = page.rows.index_of(entry.key)
    assert index.data(ITEM).state == "running"
    assert buttons._progress.isVisible()
    QTest.mouseClick(buttons.pause, Qt.MouseButton.LeftButton)
    await until(buttons.resume.isVisible, _LIMIT_S)
    assert "Paused" in said(buttons)
    QTest.keyClick(page.listing.view, Qt.Key.Key_Return)
    await until(lambda: queue.items[0].state == "running", _LIMIT_S)
    filled.services.downloads.grace_ms = 500
    QTest.mouseClick(buttons.cancel, Qt.MouseButton.LeftButton)
    await until(lambda: not queue.items, _LIMIT_S)
    await until(buttons.download.isVisible)
    await until(lambda: not list(paths.models.glob("*")), _LIMIT_S)


async def test_a_second_click_on_the_button_of_a_row_does_no_harm(hub, filled):
    hub.fail(Fault(drip=200_000), file=".pth", times=-1)
    await browsed(filled)
    page = page_of(filled)
    chosen(filled, LARGE)
    view = page.listing.view
    box = page.listing.delegate.button_box(view.visualRect(view.currentIndex()))
    for _ in range(3):
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=box.center())
        await settled()
    await until(lambda: filled.services.downloads.items, _LIMIT_S)
    await settled()
    assert [item.state for item in filled.services.downloads.items] == ["running"]


async def test_a_part_that_is_growing_is_no_row_of_its_own(hub, filled, paths):
    hub.fail(Fault(drip=400_000), file=".pth", times=-1)
    await browsed(filled)
    page = page_of(filled)
    chosen(filled, LARGE)
    page._act()
    await until(lambda: list(paths.models.glob("*.part")), _LIMIT_S)
    filled.library.refresh()
    await until(lambda: not filled.library.scanning, _LIMIT_S)
    await until(lambda: any(".part" in one.below for one in filled.library.entries), _LIMIT_S)
    assert not [one for one in page.rows.shown if one.below.endswith(".part")]


async def test_a_part_that_no_queue_knows_goes_on_with_one_click(hub, filled, paths, tmp_path):
    hub.fail(Fault(drip=400_000), file=".pth", times=-1)
    await browsed(filled)
    page, queue = page_of(filled), filled.services.downloads
    chosen(filled, NEW)
    page._act()
    part = paths.models / f"{NEW}.part"
    await until(lambda: queue.items and queue.items[0].done_bytes > 500_000, _LIMIT_S)
    queue.pause(queue.items[0].id)
    await until(lambda: queue.begun.process_pid is None, _LIMIT_S)
    kept = tmp_path / "kept"
    shutil.copytree(paths.models, kept)
    queue.cancel(queue.items[0].id)
    await until(lambda: not queue.items and not part.exists(), _LIMIT_S)
    shutil.copytree(kept, paths.models, dirs_exist_ok=True)
    filled.library.refresh()
    await until(lambda: str(part) in [one.key for one in page.rows.shown], _LIMIT_S)
    entry = chosen(filled, part.name)
    assert entry.resumable
    assert entry_of(filled, NEW) is entry, "the offer is no row beside it"
    assert page.details.buttons.resume.isVisible()
    hub.heal()
    page.details.buttons.resume.click()
    await until((paths.models / NEW).exists, _LIMIT_S)
    assert "Range" in hub.requests("cdn")[-1].headers


@pytest.mark.parametrize("status", [404, 403])
async def test_a_refused_page_says_why_and_can_be_asked_for_again(hub, filled, status):
    hub.fail(Fault(status=status), where="hub", file="README.md", times=-1)
    await browsed(filled)
    page = page_of(filled)
    chosen(filled, MODEL)
    text = page.details.page
    await until(text._words.text, _LIMIT_S)


async def test_what_was_downloaded_and_is_gone_can_be_downloaded_again(hub, filled, paths):
    await browsed(filled)
    page = page_of(filled)
    chosen(filled, NEW)
    await until(page.details.buttons.download.isVisible)
    page.details.buttons.download.click()
    arrived = paths.models / NEW
    await until(arrived.exists, _LIMIT_S)
    await until(lambda: filled.services.downloads.items[0].state == "done", _LIMIT_S)
    arrived.unlink()
    filled.library.refresh()
    await until(lambda: not filled.library.scanning, _LIMIT_S)
    chosen(filled, NEW)
    await until(page.details.buttons.download.isVisible)
    assert not page.details.buttons.pause.isVisible()
    page.details.buttons.download.click()
    await until(arrived.exists, _LIMIT_S)


async def test_another_source_is_asked_even_while_the_first_still_answers(hub, filled):
    hub.fail(Fault(delay=1.0), where="api", times=2)
    await ready(filled)
    catalogue = filled.services.catalogue
    await until(lambda: catalogue.asking in (Asking.ASKING, Asking.SLOW), _LIMIT_S)
    asked = catalogue._asked_at
    catalogue.switch_hub()
    await until(lambda: catalogue._asked_at > asked, _LIMIT_S)
    await until(lambda: catalogue.asking is Asking.DONE, _LIMIT_S)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("ALL_PROXY", "gopher://x"), ("SSL_CERT_FILE", "/gone.pem"), ("HF_ENDPOINT", "ftp://x")],
)
async def test_a_variable_that_means_nothing_is_told_beside_the_list(
    filled, monkeypatch, variable, value
):
    monkeypatch.setenv(variable, value)
    with online():
        await browsed(filled)
    page = page_of(filled)
    words = page.listing.freshness.words.text()
    assert "ago" not in words
    assert "came with Rookery" in words
    assert len(titles(filled)) > 150
    page.listing.freshness._details.click()
    assert f"The setting {variable} is" in filled.window.notices.notice.text


async def test_a_list_that_was_never_fetched_has_no_age(filled):
    await browsed(filled)
    catalogue, line = filled.services.catalogue, page_of(filled).listing.freshness
    for asking in Asking:
        catalogue.fetched_at, catalogue.asking, catalogue.failure = 0.0, asking, None
        line.show_catalogue(catalogue, "the hub")
        assert "ago" not in line.words.text()
        assert "checked" not in line.words.text()
