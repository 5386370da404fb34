"""ModelScope's own language, spoken with a server on loopback."""

import pytest

from app.errors import HubMissing
from app.hub.sources.endpoints import Endpoint
from app.hub.sources.remote import Hub
from tests.support.hub_server import HubServer, online, repository

NEW = "rwkv7-g1z-1.5b-20270101-ctx32768.pth"
G1 = "BlinkDL/rwkv7-g1"


def live(listing):
    return {one.key: one for one in listing.entries if one.source == "live"}


@pytest.fixture
def scope(tmp_path):
    there = [
        repository("Blink_DL/rwkv7-g1", {NEW: b"weights", "README.md": b"# ModelScope"}),
        repository("RWKV/rwkv-other", {"rwkv7-other-0.1b.gguf": b"gguf"}),
    ]
    with HubServer(there) as server, online():
        yield server, Hub(Endpoint("modelscope", server.url), cache_dir=tmp_path)


def test_modelscope_lists_under_the_names_that_everyone_knows(scope):
    server, hub = scope
    found = live(hub.listing())
    assert set(found) == {f"{G1}/{NEW}", "RWKV/rwkv-other/rwkv7-other-0.1b.gguf"}
    one = found[f"{G1}/{NEW}"]
    assert (one.bytes, one.sha256) == (
        7,
        server.repositories["Blink_DL/rwkv7-g1"].files[NEW].sha256,
    )
    assert one.licence == "apache-2.0"


def test_modelscope_searches_reads_and_tells_of_files(scope):
    server, hub = scope
    assert set(live(hub.search("other"))) == {"RWKV/rwkv-other/rwkv7-other-0.1b.gguf"}
    assert hub.readme(G1) == "# ModelScope"
    assert hub.readme("RWKV/rwkv-other") == ""
    facts = hub.facts(G1, NEW)
    assert facts.url == f"{server.url}/models/Blink_DL/rwkv7-g1/resolve/master/{NEW}"
    assert (facts.bytes, len(facts.sha256)) == (7, 64)
    for repo, file in ((G1, "absent.pth"), ("no/such", NEW)):
        with pytest.raises(HubMissing) as caught:
            hub.facts(repo, file)
        assert caught.value.facts["repo"] == repo
