"""What the program keeps for itself, with something strange in its place: read as if not there."""

import os
import sys

import msgspec
import pytest

from app.errors import AlreadyThere
from app.hub.catalogue.entries import Entry
from app.hub.downloads.journal import Journal, Line
from app.hub.downloads.part_file import LIVE, PART, RECORD, PartFile, already
from app.hub.downloads.verified_files import Verified
from app.hub.sources.answer_cache import Cache
from app.runtime.loading.verdicts import Verdicts
from app.runtime.origin import Origin, note_of, origin_of, write_origin

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="has no such pipes"),
    pytest.mark.timeout(30),
]


def _deep(place):
    place.write_bytes(b"[" * 500_000)


def _no_text(place):
    place.write_bytes(b'{"a": "\xff\xfe", "b": "\\ud800"}')


def _endless(place):
    place.symlink_to("/dev/zero")


def _large(place):
    with place.open("wb") as file:
        file.truncate(40 << 30)


STRANGE = pytest.mark.parametrize("make", [os.mkfifo, _deep, _no_text, _endless, _large])


class Told(msgspec.Struct):
    words: str


@STRANGE
def test_the_queue_begins_anew(tmp_path, make):
    make(tmp_path / "queue.json")
    journal = Journal(tmp_path / "queue.json")
    assert journal.claim()
    assert journal.read() == ()
    assert journal.trouble.facts["why"] == "damaged"
    line = Line(id="1", entry=Entry(repo="a/b", file="c.pth"), folder="/models/m\udcff")
    journal.write((line,))
    assert journal.read() == (line,)
    journal.release()


@STRANGE
def test_what_was_verified_is_verified_anew(tmp_path, make):
    model = tmp_path / os.fsdecode(b"m\xff.pth")
    model.write_bytes(b"weights")
    make(tmp_path / "verified.json")
    verified = Verified(tmp_path / "verified.json")
    assert verified.sha256_of(model) == ""
    verified.keep(model, "ab" * 32)
    assert Verified(tmp_path / "verified.json").sha256_of(model) == "ab" * 32


@STRANGE
def test_answers_and_verdicts_are_asked_for_anew(tmp_path, make):
    cache = Cache(tmp_path)
    cache.put("key", Told("rook"))
    (place,) = tmp_path.iterdir()
    place.unlink()
    make(place)
    assert cache.get("key", Told) is None
    cache.put("key", Told("crow"))
    assert cache.get("key", Told)[0] == Told("crow")
    make(tmp_path / "verdicts.json")
    verdicts = Verdicts(tmp_path / "verdicts.json")
    assert verdicts.get("key") is None
    verdicts.put("key", passed=True, error="")
    assert verdicts.get("key").passed


@STRANGE
def test_a_note_and_a_record_that_tell_nothing_are_none(tmp_path, make):
    model = tmp_path / "m.pth"
    make(note_of(model))
    make(tmp_path / f"m.pth{RECORD}")
    assert origin_of(model) is None
    assert already(model) == 0
    with PartFile(model) as growing:
        assert growing.record is None
    write_origin(model, Origin(repo="a/b\udcff", file="m.pth"))
    assert origin_of(model) == Origin(repo="a/b\udcff", file="m.pth")


@pytest.mark.parametrize("ending", [PART, LIVE])
def test_a_pipe_where_a_download_grows_is_refused(tmp_path, ending):
    os.mkfifo(tmp_path / f"m.pth{ending}")
    with pytest.raises(AlreadyThere):
        PartFile(tmp_path / "m.pth", patience_s=0.1)
