"""Hubs that answer nonsense, endlessly or with ill intent."""

import json

import pytest

from app.errors import HubGarbled
from app.hub.catalogue.entries import bundled
from app.hub.downloads.journal import Journal, Line
from app.hub.sources.endpoints import Endpoint, endpoint_at
from app.hub.sources.remote import Hub
from app.messages.failures import one_line
from tests.support.hub_server import online
from tests.support.strange_hub import StrangeHub


@pytest.fixture
def strange():
    with StrangeHub() as server, online():
        yield server


@pytest.fixture
def hub(strange, tmp_path):
    return Hub(endpoint_at(strange.url), cache_dir=tmp_path)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"7",
        b'"x"',
        b'{"id": 5}',
        b'{"siblings": 7, "id": "a/b"}',
        b'{"id": "a/b", "siblings": [7]}',
        b'{"id": "a/b", "siblings": [{"rfilename": 5}], "tags": 3}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
    ],
)
def test_answers_that_make_no_sense_are_said_to_be_such(strange, hub, body):
    strange.body = body
    with pytest.raises(HubGarbled) as caught:
        hub.entries("a/b")
    assert "cannot be used" in one_line(caught.value)
    listing = hub.listing(["BlinkDL"])
    assert {one.key for one in listing.entries} == {one.key for one in bundled()}


def test_hostile_file_names_never_become_entries(strange, hub):
    hostile = (
        "../../etc/x.pth", "/abs.pth", "C:\\x.pth", "a/../b.pth", "con.pth", "x\n.pth", "NUL",
        "a//b.pth", " .pth", "x.pth ", "a/./b.pth", "\u202egnp.pth", "x" * 300 + ".pth",
        "a:b.pth", "x?.pth", "x.pth.part", "x.pth.part.json", "x.PTH.Part.Live",
        "x.safetensors.origin.json", ".hidden.pth", "~/x.pth",
    )  # fmt: skip
    names = (*hostile, "ok/rwkv7-fine.pth")
    siblings = [{"rfilename": name, "size": 5, "lfs": {"size": 5, "sha256": "z", "pointerSize": 1}}
                for name in names]  # fmt: skip
    strange.body = json.dumps({"id": "a/rwkv", "siblings": siblings}).encode()
    (one,) = hub.entries("a/rwkv")
    assert one.file == "ok/rwkv7-fine.pth"
    assert one.sha256 == ""


def test_facts_that_no_file_can_have_are_left_out(strange, hub, tmp_path):
    siblings = [{"rfilename": "rwkv7-fine.pth", "size": 10**30}]
    told = {"id": "a/rwkv", "siblings": siblings, "tags": ["license:\ud800\u202e" + "x" * 999]}
    strange.body = json.dumps(told).encode()
    (one,) = hub.entries("a/rwkv")
    assert one.bytes == 0
    assert one.licence.isprintable()
    assert len(one.licence) < 200
    journal = Journal(tmp_path / "journal.json")
    journal.write((Line(id="1", entry=one, folder="/x"),))
    assert [line.entry for line in journal.read()] == [one]


def test_absurdly_long_answers_are_not_read_to_their_end(strange, hub, monkeypatch):

    monkeypatch.setattr("app.hub.sources.request_budget.BYTES", 10_000)
    strange.body = b'{"id": "' + b"x" * 20_000 + b'"}'
    with pytest.raises(HubGarbled, match="hub-garbled") as caught:
        hub.entries("a/b")
    assert "absurdly long" in one_line(caught.value)


def test_redirects_in_a_circle_end(strange, hub):
    strange.status, strange.headers = 302, {"Location": "/api/models/a/b"}
    with pytest.raises(HubGarbled) as caught:
        hub.entries("a/b")
    assert "circle" in one_line(caught.value)
    for place in ("/a/b/resolve/main/x.pth", "//", ""):
        strange.headers = {"Location": place}
        with pytest.raises(HubGarbled) as caught:
            hub.facts("a/b", "x.pth")
        assert "circle" in one_line(caught.value)


def test_a_redirect_to_nowhere_is_no_crash(strange, hub):
    strange.status, strange.headers = 302, {"Location": "gopher://x"}
    with pytest.raises(HubGarbled):
        hub.entries("a/b")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"Data": 3}',
        b'{"Code": 500, "Data": {}}',
        b'{"Code": 200}',
        b"<html>",
        b"[" * 100_000,
    ],
)
def test_strange_answers_in_modelscopes_place_are_refused(strange, tmp_path, body):
    strange.body = body
    hub = Hub(Endpoint("modelscope", strange.url), cache_dir=tmp_path)
    with pytest.raises(HubGarbled):
        hub.entries("a/rwkv")
    assert isinstance(hub.listing(["RWKV"]).failure, HubGarbled)


def test_lists_of_strange_things_are_passed_over(strange, tmp_path):
    body = {
        "Code": 200,
        "Data": {"Files": [7, {"Path": "../x.pth"}, {"Path": "a.pth", "Size": "9"}]},
    }
    strange.body = json.dumps(body).encode()
    hub = Hub(Endpoint("modelscope", strange.url), cache_dir=tmp_path)
    (one,) = hub.entries("a/rwkv")
    assert (one.file, one.bytes) == ("a.pth", 0)
