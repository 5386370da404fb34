"""The Models page over real files: what it lists, says, finds and forgets."""

import asyncio
import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.ui.models import library as library_module
from app.ui.models.rows import FIT
from tests.ui.conftest import settled, shown, until
from tests.ui.models.conftest import page_of, ready, said, select, titles


async def test_it_lists_every_model_by_name_the_usable_ones_first(filled):
    await ready(filled)
    listed = titles(filled)
    assert listed[0] == "Rookery guide"
    assert listed[1].startswith("G1a")
    assert listed[-2:] == ["cut.pth", "notes.gguf"]
    assert any(title.startswith("Raven") for title in listed)
    assert any("🐦" in title for title in listed)
    assert len(listed) == 7


async def test_scanning_happens_beside_the_window(filled, monkeypatch):
    real = library_module.entries_of

    def slow(*arguments):
        time.sleep(0.5)
        return real(*arguments)

    monkeypatch.setattr(library_module, "entries_of", slow)
    await shown(filled)
    await until(lambda: filled.library.scanning)
    longest, last = 0.0, time.monotonic()
    while filled.library.scanning:
        await asyncio.sleep(0.01)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert longest < 0.4
    assert filled.library.entries


async def test_a_wish_during_a_scan_is_granted_afterwards(filled, tmp_path):
    await shown(filled)
    filled.library.refresh()
    assert filled.library.scanning
    filled.library.add_folder(tmp_path)
    await until(lambda: filled.library.scanned and not filled.library.scanning)
    assert tmp_path in filled.library.folders
    assert filled.library.entries


async def test_before_the_first_scan_it_says_that_it_looks(filled):
    page = page_of(filled)
    assert page.listing._stack.currentWidget() is page.listing._blank
    assert "Looking" in page.listing._blank._title.text()


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


async def test_a_file_that_is_no_use_says_why_and_cannot_be_opened(filled):
    await ready(filled)
    entry = select(filled, "cut.pth")
    details = page_of(filled).details
    assert "damaged" in said(details)
    assert "download" in said(details).casefold()
    assert not details.chat.isVisible()
    before = list(filled._session._supervisor.asked)
    QTest.keyClick(page_of(filled).listing.view, Qt.Key.Key_Return)
    await settled()
    assert filled._session._supervisor.asked == before
    assert not entry.usable


@pytest.mark.parametrize(
    ("words", "count"),
    [("raven", 1), ("rwkv-7", 2), ("G1a 2025", 1), ("world rwkv-4", 0), ("🐦", 1)],
)
async def test_search_keeps_what_holds_every_word(filled, words, count):
    await ready(filled)
    page_of(filled).head.search.setText(words)
    assert len(titles(filled)) == count


async def test_nothing_found_offers_the_way_back(filled):
    await ready(filled)
    page = page_of(filled)
    page.head.search.setText("llama 70b")
    assert page.listing._stack.currentWidget() is page.listing._blank
    assert page.details.isHidden()
    page.listing._blank._button.click()
    assert len(titles(filled)) == 7
    assert page.head.search.text() == ""
    assert page.details.isVisible()


async def test_a_chip_for_each_kind_that_is_there(filled):
    await ready(filled)
    kinds = page_of(filled).head.kinds
    assert list(kinds._chips) == ["", "fits", "7", "6", "5", "4", "unusable"]
    kinds._chips["4"].click()
    assert len(titles(filled)) == 1
    kinds._chips["unusable"].click()
    assert titles(filled) == ["cut.pth", "notes.gguf"]
    kinds._chips["fits"].click()
    assert len(titles(filled)) == 5
    kinds._chips[""].click()
    assert len(titles(filled)) == 7


async def test_a_single_file_can_be_taken_out_of_the_list_and_back(build, models_folder):
    house = build(page="models")
    file = models_folder / "RWKV-4-Raven-1B5-v12-Eng98.pth"
    house.library.add_file(file)
    await ready(house)
    page_of(house)
    await until(lambda: len(titles(house)) == 2)
    select(house, "Raven")
    QTest.keyClick(page_of(house).listing.view, Qt.Key.Key_Delete)
    await until(lambda: len(titles(house)) == 1)
    house.window.notices._act.click()
    await until(lambda: len(titles(house)) == 2)
    assert file.exists()


async def test_a_model_of_a_folder_cannot_be_taken_out_alone(filled):
    await ready(filled)
    select(filled, "Raven")
    QTest.keyClick(page_of(filled).listing.view, Qt.Key.Key_Delete)
    await settled()
    assert len(titles(filled)) == 7


async def test_a_folder_that_is_gone_is_named_and_can_be_given_up(build, tmp_path, models_folder):
    gone = tmp_path / "unplugged"
    house = build(page="models", folders=(str(gone), str(models_folder)))
    await ready(house)
    page = page_of(house)
    assert page.listing._gone.isVisible()
    drop = page.listing._gone.findChildren(type(page.details.chat))[0]
    assert str(gone) in drop.accessibleName()
    drop.click()
    await until(lambda: not house.library.missing and not house.library.scanning)
    assert page.listing._gone.isHidden()
    assert house.library.folders == (models_folder,)
    house.window.notices._act.click()
    assert house.library.folders == (gone, models_folder)


async def test_with_the_shipped_guide_alone_it_invites_to_add_models(build, models_folder):
    house = build(page="models")
    await ready(house)
    page = page_of(house)
    assert page.listing._hint.isVisible()
    house.library.add_folder(models_folder)
    await until(lambda: len(titles(house)) == 7)
    assert page.listing._hint.isHidden()


async def test_a_new_file_appears_when_the_page_is_visited_again(build, tmp_path, guide):
    folder = tmp_path / "models"
    folder.mkdir()
    house = build(page="models", folders=(str(folder),))
    await ready(house)
    (folder / "copy.pth").write_bytes(guide.read_bytes())
    house.window.go("settings")
    house.window.go("models")
    await until(lambda: "Copy" in titles(house))


async def test_a_scan_leaves_the_selection_alone(filled):
    await ready(filled)
    entry = select(filled, "x060")
    filled.library.refresh()
    await until(lambda: not filled.library.scanning)
    assert page_of(filled).listing.entry.path == entry.path


async def test_a_model_too_large_for_the_machine_says_so(filled, monkeypatch):
    await ready(filled)
    page = page_of(filled)
    small = type(page._reading)(worker_bytes=0, used_bytes=90_000_000, total_bytes=100_000_000)
    monkeypatch.setattr(page._machine, "read", lambda _pid: small)
    page._show_library()
    select(filled, "Raven")
    page._show_chosen()
    assert "this machine has 100.0 MB" in said(page.details)
    assert page.listing.view.currentIndex().data(FIT).word == "Too large"
    page.head.kinds._chips["fits"].click()
    assert titles(filled) == []


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


async def test_rows_paint_in_both_themes_at_any_width(filled):
    await ready(filled)
    page = page_of(filled)
    for mode in ("light", "dark"):
        filled.services.theme.choose(mode)
        for width in (760, 1300):
            filled.window.resize(width, 600)
            await settled()
            picture = page.listing.view.grab().toImage()
            seen = {picture.pixelColor(x, y).name() for x in range(0, picture.width(), 3)
                    for y in range(0, min(200, picture.height()), 3)}  # fmt: skip
            assert filled.services.theme.color("accent-soft").name() in seen
            assert len(seen) > 10
