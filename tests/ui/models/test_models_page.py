"""The Models page over real files and the bundled list: what it lists, says, finds and forgets."""

import asyncio
import threading
import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.runtime.planning.machine import Machine, Rates
from app.ui.models.entry_list_model import ENTRY, FIT
from app.ui.state.models import model_fits
from app.ui.state.models import model_library as library_module
from app.ui.state.models.model_names import plain_way
from tests.ui.conftest import settled, shown, until
from tests.ui.models.conftest import here, page_of, ready, said, select, titles


async def test_it_lists_what_is_here_first_the_usable_before_the_useless(filled):
    await ready(filled)
    listed = here(filled)
    assert listed[0] == "Rookery guide"
    assert set(listed[-2:]) == {"cut.pth", "notes.gguf"}
    assert any(title.startswith("Raven") for title in listed)
    assert any("🐦" in title for title in listed)
    assert len(listed) == 7


async def test_behind_them_stands_what_can_be_downloaded_the_recommended_first(filled):
    await ready(filled)
    page = page_of(filled)
    offers = [entry for entry in page.rows.shown if not entry.here]
    assert len(offers) > 150
    standings = [entry.offer.standing for entry in offers if entry.fetchable]
    assert standings[0] == "recommended"
    assert standings.index("archival") > max(
        at for at, standing in enumerate(standings) if standing == "recommended"
    )
    assert page.head._count.text().startswith("5 models here")


async def test_reading_the_disk_happens_beside_the_window(filled, monkeypatch):
    real = library_module._looked

    ticked, waited = threading.Event(), []

    def slow(*arguments, **more):
        waited.append(ticked.wait(30))  # for the window, which would wait for itself here
        return real(*arguments, **more)

    monkeypatch.setattr(library_module, "_looked", slow)
    await shown(filled)
    await until(lambda: filled.library.scanning)
    await asyncio.sleep(0.01)
    ticked.set()
    await until(lambda: not filled.library.scanning, 30)
    assert waited
    assert all(waited)
    assert filled.library.entries


async def test_a_wish_during_a_scan_is_granted_afterwards(filled, tmp_path):
    await shown(filled)
    filled.library.refresh()
    assert filled.library.scanning
    filled.library.add_folder(tmp_path)
    await until(lambda: filled.library.scanned and not filled.library.scanning)
    assert tmp_path in filled.library.folders
    assert filled.library.entries


async def test_before_anything_is_known_it_says_that_it_looks(application, monkeypatch):
    monkeypatch.setattr(application.services.catalogue, "load", lambda: None)
    page = page_of(application)
    assert page.listing._stack.currentWidget() is page.listing.blank
    assert "Looking" in page.listing.blank._title.text()


async def test_the_details_tell_what_the_header_says(filled):
    await ready(filled)
    entry = select(filled, "x060")
    await settled()
    text = said(page_of(filled).details)
    spec = entry.file.spec
    for fact in ("RWKV-6.0", str(spec.layers), str(spec.width), "256 tokens", "Bytes", "pth"):
        assert fact in text
    assert f"{spec.heads} × {spec.head_size}" in text
    assert "Needs about" in text


async def test_the_details_tell_what_a_model_to_download_is_for_and_costs(filled):
    await ready(filled)
    page = page_of(filled)
    entry = next(
        one for one in page.rows.shown if one.offer and one.offer.standing == "recommended"
    )
    page.listing.select(entry.key)
    await settled()
    text = said(page.details)
    for fact in ("think before it answers", "the one to take", "Apache 2.0", "Needs about"):
        assert fact in text
    assert "tokens in training; no hard limit" in text
    assert entry.offer.repo in text
    assert page.details.buttons.download.isVisible()
    assert page.details.buttons.download.text().startswith("Download ")
    assert not page.details.buttons.chat.isVisible()
    assert page.details.page_link.isVisible()


async def test_a_file_that_is_no_use_says_why_and_cannot_be_opened(filled):
    await ready(filled)
    entry = select(filled, "cut.pth")
    details = page_of(filled).details
    assert "damaged" in said(details)
    assert "download" in said(details).casefold()
    assert not details.buttons.chat.isVisible()
    before = list(filled._session._supervisor.asked)
    QTest.keyClick(page_of(filled).listing.view, Qt.Key.Key_Return)
    await settled()
    assert filled._session._supervisor.asked == before
    assert not entry.usable


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("raven 1B5 tests", 0),
        ("🐦", 1),
        ("rookery", 1),
        ("g1k 13.3b", 1),
        ("blinkdl rwkv7-g1 0.1b jul 2025", 1),
    ],
)
async def test_search_keeps_what_holds_every_word(filled, words, found):
    await ready(filled)
    page_of(filled).head.search.setText(words)
    await until(lambda: page_of(filled).rows.narrowing.words == tuple(words.casefold().split()))
    assert len(titles(filled)) == found


async def test_nothing_found_offers_the_whole_hub_and_the_way_back(filled):
    await ready(filled)
    page = page_of(filled)
    page.head.search.setText("llama 70b")
    await until(lambda: page.listing._stack.currentWidget() is page.listing.blank)
    assert page.details.isHidden()
    assert page.listing.blank._button.text() == "Search the hub"
    QTest.keyClick(page.head.search, Qt.Key.Key_Escape)
    await until(lambda: page.listing._stack.currentWidget() is page.listing.view)
    assert page.details.isVisible()


async def test_every_filter_keeps_its_kind_alone(filled):
    await ready(filled)
    page = page_of(filled)
    chips = page.head.chips
    chips.here.click()
    assert len(titles(filled)) == 7
    choose(chips.generation, "4")
    assert [entry.generation for entry in page.rows.shown] == ["4"]
    chips.clear()
    choose(chips.kind, "useless")
    assert {"cut.pth", "notes.gguf"} <= set(titles(filled))
    assert all(entry.reason for entry in page.rows.shown)
    choose(chips.kind, "music")
    assert {entry.kind for entry in page.rows.shown} == {"music"}
    choose(chips.kind, "")
    choose(chips.scale, "small")
    assert all(3e8 < entry.parameters <= 1e9 for entry in page.rows.shown)
    choose(chips.scale, "")
    choose(chips.language, "ja")
    assert all({"ja", "multi"} & set(entry.languages) for entry in page.rows.shown)
    assert page.rows.shown
    page._show_all()
    assert not page.rows.narrowing.narrows
    assert len(titles(filled)) > 150


async def test_every_order_is_kept(filled):
    await ready(filled)
    page = page_of(filled)
    choose(page.head.chips.order, "largest")
    sizes = [entry.bytes for entry in page.rows.shown if not entry.refused]
    assert sizes == sorted(sizes, reverse=True)
    choose(page.head.chips.order, "newest")
    days = [entry.released for entry in page.rows.shown if not entry.refused]
    assert days == sorted(days, reverse=True)
    choose(page.head.chips.order, "name")
    names = [entry.title.casefold() for entry in page.rows.shown if not entry.refused]
    assert names == sorted(names)


async def test_a_chip_says_what_is_chosen_in_it(filled):
    await ready(filled)
    chip = page_of(filled).head.chips.generation
    assert chip.accessibleName() == "Generation"
    choose(chip, "6")
    assert chip.text() == "RWKV-6"
    assert chip.accessibleName() == "Generation: RWKV-6"


async def test_a_folder_that_is_gone_is_named_and_can_be_given_up(build, tmp_path, models_folder):
    gone = tmp_path / "unplugged"
    application = build(page="models", folders=(str(gone), str(models_folder)))
    await ready(application)
    page = page_of(application)
    assert page.listing.gone.isVisible()
    drop = page.listing.gone.findChildren(type(page.details.buttons.chat))[0]
    assert str(gone) in drop.accessibleName()
    drop.click()
    await until(lambda: not application.library.missing and not application.library.scanning)
    assert page.listing.gone.isHidden()
    assert application.library.folders == (models_folder,)
    application.window.notices._act.click()
    assert application.library.folders == (gone, models_folder)


async def test_a_new_file_appears_by_itself(build, tmp_path, guide):
    folder = tmp_path / "models"
    folder.mkdir()
    application = build(page="models", folders=(str(folder),))
    await ready(application)
    page_of(application)
    (folder / "copy.pth").write_bytes(guide.read_bytes())
    await until(lambda: "Copy" in titles(application), 30)


async def test_a_scan_leaves_the_selection_alone(filled):
    await ready(filled)
    entry = select(filled, "x060")
    filled.library.refresh()
    await until(lambda: not filled.library.scanning)
    assert page_of(filled).listing.entry.path == entry.path


async def test_a_model_too_large_for_the_machine_says_so(filled):
    await ready(filled)
    page = page_of(filled)
    page.fitting.here = Machine(memory_available=10_000_000, memory_total=100_000_000)
    page.fitting._known.clear()
    page.fitting.measure = lambda *_: None
    page._show_entries()
    select(filled, "Raven")
    page._show_chosen()
    assert "this machine has 100.0 MB" in said(page.details)
    assert page.listing.view.currentIndex().data(FIT).word == "Too large"
    page.head.chips.fits.click()
    assert titles(filled) == []


async def test_the_list_and_the_details_go_by_what_the_machine_was_measured_to_do(
    filled, monkeypatch
):
    await ready(filled)
    monkeypatch.setattr(model_fits, "available_bytes", lambda: 30 << 30)
    monkeypatch.setattr(model_fits, "total_bytes", lambda: 32 << 30)
    page, ways = page_of(filled), {}
    offers = [one for one in page.rows.shown if one.offer and one.parameters < 8e9]
    large = max(offers, key=lambda one: one.parameters)
    page.listing.select(large.key)
    for speed in (1e9, 1e13):
        filled._session._supervisor.rates = Rates(speed)
        filled.services.session.note_change()
        await until(lambda: page.fitting.here.rates == filled.services.session.rates)
        ways[speed] = page.fitting.verdict(large).strategy
        assert f"{plain_way(ways[speed], place=False)} (usual)" in said(page.details)
    assert ways[1e9] == "cpu int4"
    assert ways[1e13] != ways[1e9]


async def test_down_and_return_lead_from_the_search_to_the_list(filled):
    await ready(filled)
    page = page_of(filled)
    page.head.search.setFocus()
    QTest.keyClick(page.head.search, Qt.Key.Key_Down)
    assert page.listing.view.hasFocus()
    page.head.search.setText("raven")
    page.head.search.setFocus()
    QTest.keyClick(page.head.search, Qt.Key.Key_Escape)
    assert page.head.search.text() == ""


@pytest.mark.geometry
async def test_rows_paint_in_both_themes_at_any_width_and_text_size(filled):
    await ready(filled)
    page = page_of(filled)
    for mode, scale in (("light", 1.0), ("dark", 1.6)):
        filled.services.theme.choose(mode)
        filled.services.theme.resize(scale)
        for width in (760, 1300):
            filled.window.resize(width, 600)
            await settled()
            picture = page.listing.view.grab().toImage()
            seen = {picture.pixelColor(x, y).name() for x in range(0, picture.width(), 3)
                    for y in range(0, min(200, picture.height()), 3)}  # fmt: skip
            assert filled.services.theme.color("accent-soft").name() in seen
            assert len(seen) > 10


async def test_thousands_of_rows_are_narrowed_within_a_tenth_of_a_second(filled):
    """Its own work is what is bounded: other programs may hold the processor."""
    await ready(filled)
    page = page_of(filled)
    many = [entry for entry in page.rows.all if not entry.here] * 30
    page.rows.show_entries(many)
    assert len(page.rows.shown) > 5000
    began = time.process_time()
    page.head.search.setText("g1 reasoning")
    page._narrow()
    used = time.process_time() - began
    assert 0 < len(page.rows.shown) < 5000
    assert used < 0.4


def choose(chip, value):
    """As a click on the menu's line does."""
    action = next(one for one in chip.menu().actions() if one.data() == value)
    action.trigger()


async def test_every_row_says_everything_to_who_listens(application):
    page = page_of(application)
    from app.hub.catalogue.entries import bundled
    from app.ui.state.models.entry import offered

    page.rows.show_entries([offered(offer) for offer in bundled()[:20]])
    for row in range(page.rows.rowCount()):
        index = page.rows.index(row, 0)
        spoken = index.data(Qt.ItemDataRole.AccessibleTextRole)
        assert index.data(ENTRY).title in spoken
        assert "RWKV-" in spoken
