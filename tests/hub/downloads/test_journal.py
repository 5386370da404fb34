"""The queue's file, for who owns it and for who only reads it."""

import os

import pytest

from app.errors import HubBusy
from app.hub.catalogue.entries import Entry
from app.hub.downloads.item import Item, items_of, line_of
from app.hub.downloads.journal import Journal, Line
from app.hub.downloads.observed_queue import ObservedQueue

LINE = Line(id="1", entry=Entry(repo="a/b", file="c.pth"), folder="/models")


def test_what_is_written_is_read(tmp_path):
    journal = Journal(tmp_path / "new" / "queue.json")
    assert journal.claim()
    assert journal.read() == ()
    journal.write((LINE,))
    assert journal.read() == (LINE,)
    journal.release()


def test_a_trouble_of_who_only_reads_is_over_when_it_can_read_again(tmp_path):
    place = tmp_path / "queue.json"
    reader = Journal(place)
    place.mkdir()  # which no one can read as a file
    assert reader.read() == ()
    assert reader.trouble is not None
    place.rmdir()
    owner = Journal(place)
    owner.write((LINE,))
    assert reader.read() == (LINE,)
    assert reader.trouble is None


def test_the_trouble_of_who_owns_it_stays_to_be_told(tmp_path):
    place = tmp_path / "queue.json"
    owner = Journal(place)
    assert owner.claim()
    place.write_bytes(b"{damaged")
    assert owner.read() == ()
    owner.write((LINE,))
    assert owner.read() == (LINE,)
    assert owner.trouble is not None
    assert owner.trouble.facts["why"] == "damaged"
    owner.release()


def test_a_queue_that_is_replaced_just_now_is_read_all_the_same(tmp_path, monkeypatch):
    owner, reader = Journal(tmp_path / "queue.json"), Journal(tmp_path / "queue.json")
    owner.write((LINE,))
    read, refusals = os.open, [32, 5, 32]

    def refused(*args):
        if not refusals:
            return read(*args)
        error = PermissionError(13, "The process cannot access the file")
        error.winerror = refusals.pop()  # as Windows says it
        raise error

    monkeypatch.setattr(os, "open", refused)
    assert reader.read() == (LINE,)
    assert reader.trouble is None


def test_a_line_of_an_earlier_version_is_read(tmp_path):
    journal = Journal(tmp_path / "queue.json")
    journal.write((LINE,))
    place = tmp_path / "queue.json"
    place.write_bytes(place.read_bytes().replace(b'"work":""', b'"busy":true'))
    assert b"busy" in place.read_bytes()
    assert journal.read() == (LINE,)
    assert journal.trouble is None


@pytest.mark.parametrize("state", ["running", "waiting", "checking"])
def test_what_its_owner_does_is_seen_and_begun_anew_by_who_takes_over(state):
    failure = HubBusy(host="hub.example") if state == "waiting" else None
    entry = Entry(repo="a/b", file="c.pth", bytes=9)
    item = Item(id="1", entry=entry, folder="/a", path="/a/c.pth", state=state, failure=failure)
    line = line_of(item)
    (seen,) = ObservedQueue().items((line,))
    assert (seen.state, seen.elsewhere) == (state, True)
    assert (seen.failure is None) == (failure is None)
    (taken,) = items_of((line,))
    assert (taken.state, taken.failure, taken.elsewhere) == ("queued", None, False)
