"""The Models list: what is refused stands apart, what is withdrawn says so, the disk counts too."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from app.ui.models.entry_list_model import ENTRY, FIT
from app.ui.state.models import model_library
from app.ui.state.models.model_filter import ORDERS
from tests.ui.conftest import settled, until
from tests.ui.hub import LARGE, NEW
from tests.ui.models.conftest import page_of, ready
from tests.ui.models.test_hub_entries import browsed, chosen


async def test_what_is_refused_stands_at_the_end_below_a_heading(filled):
    await ready(filled)
    page = page_of(filled)
    rows = page.rows
    for order in ORDERS:
        page.head.chips.order.choose(order)
        page.head.chips.changed.emit()
        refused = [one.refused for one in rows.shown]
        first = refused.index(True)
        assert refused == [False] * first + [True] * (len(refused) - first)
        assert rows.index(first).data() == "Cannot be used"
        assert rows.index(first).data(ENTRY) is None
        assert rows.rowCount() == len(rows.shown) + 1
    for entry in rows.shown:
        assert rows.index_of(entry.key).data(ENTRY) is entry
    assert "notes.gguf" in [one.title for one in rows.shown if one.refused]


async def test_the_heading_is_passed_over_and_does_nothing(filled):
    await ready(filled)
    page = page_of(filled)
    page.head.search.setText("cut")
    page.head.search.setText("")
    page.head.chips.here.click()
    await settled()
    view, first = page.listing.view, [one.refused for one in page.rows.shown].index(True)
    page.listing.select(page.rows.shown[first - 1].key)
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert page.listing.entry is page.rows.shown[first]
    spot = view.visualRect(page.rows.index(first)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=spot - QPoint(60, 0))
    assert page.listing.entry is not None


async def test_a_withdrawn_model_says_so_and_leads_to_the_newest_of_its_size(hub, filled):
    await browsed(filled)
    page = page_of(filled)
    gone = chosen(filled, "rwkv7-g1d-1.5b-20260212")
    assert gone.note == "Withdrawn; newest: G1k 1.5B"
    page.head.search.setText("g1d")
    await until(lambda: all("g1d" in one.words for one in page.rows.shown))
    page.listing.select(gone.key)
    details = page.details
    assert "does not list this file any more" in details._withdrawn.text()
    QTest.mouseClick(details.newest, Qt.MouseButton.LeftButton)
    assert page.listing.entry.offer.file == LARGE
    assert details._withdrawn.isHidden()
    assert details.newest.isHidden()
    chosen(filled, NEW)
    assert page.listing.entry.note == ""


@pytest.mark.parametrize("whole", [False, True])
async def test_the_address_of_a_page_finds_what_it_names(hub, filled, whole):
    await browsed(filled)
    page = page_of(filled)
    file = "" if whole else "/blob/main/rwkv7-gem-0.4b.pth"
    page.head.search.setText(f"https://huggingface.co/someone/rwkv-gem{file}")
    wanted = ["hub:someone/rwkv-gem/rwkv7-gem-0.4b.pth"]
    await until(lambda: [one.key for one in page.rows.shown] == wanted, 60)
    assert page.rows.shown[0].note == "Publisher not known"


async def test_what_has_no_room_on_the_disk_does_not_fit(build, models_folder, monkeypatch):
    monkeypatch.setattr(model_library, "free_below", lambda folder: 2_000_000_000)
    application = build(page="models", folders=(str(models_folder),))
    await ready(application)
    page = page_of(application)
    entry = chosen(application, LARGE)
    assert not page.rows.good(entry)
    fit = page.rows.index_of(entry.key).data(FIT)
    assert (fit.word, fit.need) == ("Disk too full", "2.0 GB free")
    said = page.details._verdict.text()
    assert "no room" in said
    assert "takes 3.1 GB, and 2.0 GB are free" in said
    with_words = next(
        one for one in page.rows.shown if not one.here and one.download_bytes > one.bytes > 0
    )
    assert page.fitting.room(with_words).needed_bytes == with_words.download_bytes
    small = chosen(application, "rwkv7-g1d-0.4b")
    assert page.rows.good(small)
    page.head.chips.fits.click()
    assert small in page.rows.shown
    assert entry not in page.rows.shown
