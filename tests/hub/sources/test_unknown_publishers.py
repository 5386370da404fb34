"""An upload of nobody known is described by what it is, and not praised for its name."""

import msgspec
import pytest

from app.hub.catalogue.entries import bundled, merged
from app.hub.sources.endpoints import endpoint_at
from app.hub.sources.remote import Hub
from app.ui.state.models.entry import offered
from app.ui.state.models.kinds import purpose
from tests.support.hub_server import HubServer, Virtual, online, repository

NAMES = (
    "rwkv7-g1z-1.5b-20270101-ctx32768.pth",  # as if it were the newest of its size
    "RWKV-x070-World-0.4B-v2.9-20261001-ctx4096.pth",
    "RWKV-4-Raven-1B5-v12-Eng98.pth",
    "rwkv7-g1k-1.5b-20260930-ctx25600-Q8_0.gguf",
)


@pytest.fixture
def entries(tmp_path):
    served = [repository("nobody/rwkv-best", {name: Virtual(900_000) for name in NAMES})]
    with HubServer(served) as server, online():
        found = Hub(endpoint_at(server.url), cache_dir=tmp_path).search("rwkv-best").entries
    return [one for one in found if one.repo == "nobody/rwkv-best"]


def test_neither_languages_nor_purpose_nor_standing_come_from_its_name(entries):
    assert {one.file for one in entries} == set(NAMES)
    for one in entries:
        told = (one.languages, one.kind, one.standing, one.released, one.context, one.family)
        assert told == ((), "", "current", "", 0, ""), one.file
        assert one.unknown
        assert "reasoning" not in one.title


def test_it_is_marked_as_unknown_where_it_is_shown(entries):
    for one in map(offered, entries):
        said = purpose(one)
        assert "not in Rookery's catalogue" in said
        assert "hundred languages" not in said
        assert "one to take" not in said
        assert one.note == "Publisher not known"


def test_the_catalogue_still_says_what_it_knows():
    chosen = next(one for one in bundled() if one.standing == "recommended")
    words = purpose(offered(chosen))
    assert "hundred languages" in words
    assert "one to take" in words
    assert offered(chosen).note == ""


def test_a_catalogued_file_of_a_small_account_keeps_its_words_and_another_gets_none():
    known = next(one for one in bundled() if one.repo.startswith("xiaol/") and one.bytes)
    facts = {"source": "live", "unknown": True, "languages": (), "kind": "", "title": "a name"}
    same = msgspec.structs.replace(known, **facts)
    other = msgspec.structs.replace(same, bytes=known.bytes + 1, sha256="0" * 64)
    (kept,) = [one for one in merged(bundled(), [same]) if one.key == known.key]
    assert (kept.languages, kept.title, kept.unknown) == (known.languages, known.title, False)
    (bare,) = [one for one in merged(bundled(), [other]) if one.key == known.key]
    assert (bare.languages, bare.title, bare.unknown) == ((), "a name", True)
