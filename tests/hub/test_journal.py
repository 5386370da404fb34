"""The queue's file, for who owns it and for who only reads it."""

from app.hub.catalogue import Entry
from app.hub.journal import Journal, Line

LINE = Line(id="1", entry=Entry(repo="a/b", file="c.pth"), folder="/models")


def test_what_is_written_is_read(tmp_path):
    journal = Journal(tmp_path / "new" / "queue.json")
    assert journal.claim()
    assert journal.read() == ()
    journal.write((LINE,))
    assert journal.read() == (LINE,)
    journal.let_go()


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
    owner.let_go()
