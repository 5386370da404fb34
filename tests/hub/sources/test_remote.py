"""A real hub on loopback: listings, caches, failures in words, and nothing hostile let in."""

import socket
import threading
import time

import pytest

from app.errors import (
    HubBusy,
    HubGarbled,
    HubMissing,
    HubRefused,
    HubUnreachable,
    WrongHash,
)
from app.hub.catalogue.entries import Entry, Part, bundled
from app.hub.downloads.bundle import Bundle
from app.hub.downloads.rate_limit import RateLimit
from app.hub.sources.endpoints import endpoint_at
from app.hub.sources.remote import Hub
from app.messages.failures import one_line
from tests.support.hub_server import Fault, HubServer, Virtual, online, repository

NEW = "rwkv7-g1z-1.5b-20270101-ctx32768.pth"
G1 = "BlinkDL/rwkv7-g1"


def repositories():
    return [
        repository(G1, {NEW: b"weights", "README.md": b"# RWKV-7\n", "x.png": b"picture"},
                   tags=["license:apache-2.0"]),
        repository("RWKV/RWKV7-G2a-1.5B-20270301", {
            "model-00001-of-00002.safetensors": b"one",
            "model-00002-of-00002.safetensors": b"other",
            "model.safetensors.index.json": b"{}",
            "config.json": b"{}",
        }),
        repository("fla-hub/gla-1.3B", {"model.safetensors": b"no RWKV"}),
        repository("someone/rwkv7-poems", {
            "rwkv7-poems-0.1b.pth": b"poems", "poet-lora.pth": b"lora"
        }),
    ]  # fmt: skip


@pytest.fixture
def server():
    with HubServer(repositories()) as one, online():
        yield one


@pytest.fixture
def hub(server, tmp_path):
    return Hub(endpoint_at(server.url), cache_dir=tmp_path)


def live(listing):
    return {one.key: one for one in listing.entries if one.source == "live"}


def asked(server):
    return [one.path for one in server.log]


def test_new_releases_appear_beside_the_bundled_ones(hub):
    listing = hub.listing()
    assert not listing.stale
    assert listing.failure is None
    assert abs(listing.fetched_at - time.time()) < 100
    found = live(listing)
    assert set(found) == {
        f"{G1}/{NEW}",
        "RWKV/RWKV7-G2a-1.5B-20270301/model.safetensors.index.json",
    }
    one = found[f"{G1}/{NEW}"]
    assert (one.title, one.context, one.licence) == (
        "G1z 1.5B, reasoning, Jan 2027",
        32768,
        "apache-2.0",
    )
    assert (one.bytes, len(one.sha256)) == (7, 64)
    assert {other.key for other in bundled()} < {other.key for other in listing.entries}


def test_a_new_release_takes_the_recommendation_over(hub):
    chosen = [one for one in hub.listing().entries if one.standing == "recommended"]
    newest = [one for one in chosen if 1.4e9 < one.parameters < 1.6e9]
    assert [one.repo for one in newest] == ["RWKV/RWKV7-G2a-1.5B-20270301"]


def test_a_model_in_several_files_is_one_entry_with_all_of_them(hub):
    (one,) = hub.entries("RWKV/RWKV7-G2a-1.5B-20270301")
    assert [part.path for part in one.parts] == [
        "model.safetensors.index.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ]
    assert one.bytes == sum(part.bytes for part in one.parts) == 10
    assert one.sha256 == ""
    assert len(one.parts[1].sha256) == 64


def test_what_the_hub_says_now_wins_over_the_catalogue(server, tmp_path):
    known = next(one for one in bundled() if one.sha256 and one.repo == G1)
    server.add(repository(G1, {known.file: b"other bytes"}))
    found = live(Hub(endpoint_at(server.url), cache_dir=tmp_path).listing())
    one = found[known.key]
    assert (one.bytes, one.sha256 != known.sha256, one.context) == (11, True, known.context)


def test_a_young_list_is_not_asked_for_again(server, hub):
    first = hub.listing()
    count = len(server.log)
    assert hub.listing() == first
    assert len(server.log) == count


def test_only_what_changed_is_opened_again(server, hub):
    hub.listing()
    server.log.clear()
    server.put(G1, "rwkv7-g1z-2.9b-20270102-ctx32768.pth", b"more")
    found = live(hub.listing(max_age_s=0))
    assert f"{G1}/rwkv7-g1z-2.9b-20270102-ctx32768.pth" in found
    assert [path for path in asked(server) if "/api/models/" in path] == [
        f"/api/models/{G1}?blobs=true"
    ]


def test_without_a_hub_the_last_list_is_shown_with_its_age(server, hub, tmp_path):
    first = hub.listing()
    server.fail(Fault(status=503), where="api", times=-1)
    again = Hub(endpoint_at(server.url), cache_dir=tmp_path).listing(max_age_s=0)
    assert again.stale
    assert again.entries == first.entries
    assert 0 < again.fetched_at <= first.fetched_at
    assert isinstance(again.failure, HubGarbled)


def test_without_any_hub_the_catalogue_is_there(tmp_path):
    with online():
        listing = Hub(endpoint_at("http://127.0.0.1:1"), cache_dir=tmp_path).listing()
    assert listing.stale
    assert listing.fetched_at == 0
    assert {one.key for one in listing.entries} == {one.key for one in bundled()}
    assert isinstance(listing.failure, HubUnreachable)
    assert "no connection to 127.0.0.1" in one_line(listing.failure)


def test_offline_nobody_is_asked_and_nothing_is_wrong(server, hub, tmp_path):
    hub.listing()
    count = len(server.log)
    quiet = Hub(hub.endpoint, cache_dir=tmp_path, offline=True)
    listing = quiet.listing(max_age_s=0)
    assert (listing.stale, listing.failure) == (True, None)
    assert f"{G1}/{NEW}" in live(listing)
    assert len(server.log) == count
    with pytest.raises(HubUnreachable, match="hub-unreachable"):
        quiet.facts(G1, NEW)


def test_the_tests_own_switch_keeps_everything_offline(server, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    listing = Hub(endpoint_at(server.url), cache_dir=tmp_path).listing()
    assert listing.failure is not None
    assert "HF_HUB_OFFLINE" in one_line(listing.failure)
    assert server.log == []


def test_one_bad_repository_does_not_hide_the_others(server, hub):
    server.fail(Fault(status=403), where="api", file=G1, times=-1)
    listing = hub.listing()
    assert isinstance(listing.failure, HubRefused)
    assert not listing.stale
    assert "RWKV/RWKV7-G2a-1.5B-20270301/model.safetensors.index.json" in live(listing)


def test_search_finds_in_catalogue_and_on_the_whole_hub(hub):
    listing = hub.search("poems")
    assert {one.key for one in listing.entries} == {
        "someone/rwkv7-poems/rwkv7-poems-0.1b.pth",
        "someone/rwkv7-poems/poet-lora.pth",
    }
    assert {one.source for one in hub.search("raven 14b").entries} == {"bundled"}
    assert [one.file for one in hub.search("g1z").entries] == [NEW]
    assert hub.search("no such thing at all").entries == ()


def test_search_without_words_is_the_whole_list(hub):
    assert hub.search("  ").entries == hub.listing().entries


def test_many_pages_are_one_list(tmp_path):
    many = [repository(f"BlinkDL/rwkv-{number}", {"a.pth": b"x"}) for number in range(30)]
    with HubServer(many) as server, online():
        hub = Hub(endpoint_at(server.url), cache_dir=tmp_path)
        assert len(live(hub.listing(["BlinkDL"]))) == 30


def test_readmes_come_once_and_stay(server, hub):
    assert hub.readme(G1) == "# RWKV-7\n"
    server.fail(Fault(status=500), where="hub", times=-1)
    assert hub.readme(G1) == "# RWKV-7\n"
    with pytest.raises(HubGarbled):
        hub.readme("someone/rwkv7-poems")
    server.heal()
    assert hub.readme("someone/rwkv7-poems") == ""


def test_facts_of_a_file_are_asked_for_now(server, hub):
    facts = hub.facts(G1, NEW)
    one = server.repositories[G1]
    assert (facts.bytes, facts.sha256) == (7, one.files[NEW].sha256)
    assert facts.etag == facts.sha256
    assert facts.commit == one.commit
    assert facts.url == f"{server.url}/{G1}/resolve/main/{NEW}"
    assert hub.url(hub.entries(G1)[0], Part(path=NEW)) == facts.url
    small = hub.facts(G1, "README.md")
    assert (small.bytes, small.sha256) == (9, "")


def test_digests_count_in_capitals_too(server, hub, tmp_path):
    digest = server.repositories[G1].files[NEW].sha256
    server.fail(Fault(etag=digest.upper()), where="hub", times=-1)
    assert hub.facts(G1, NEW).sha256 == digest
    entry = Entry(repo=G1, file=NEW, bytes=7, sha256=digest.upper())
    path = Bundle(hub, entry, tmp_path / "models", rate_limit=RateLimit()).run()
    assert path.read_bytes() == b"weights"
    server.put(G1, NEW, b"wrong!!")
    other = Bundle(hub, entry, tmp_path / "others", rate_limit=RateLimit())
    with pytest.raises(WrongHash):
        other.run()


@pytest.mark.parametrize(
    ("fault", "failure", "words"),
    [
        (Fault(status=401), HubRefused, "refuses access"),
        (Fault(status=403, code="GatedRepo"), HubRefused, "terms must be accepted"),
        (Fault(status=404, code="EntryNotFound"), HubMissing, f"no {NEW} in {G1}"),
        (Fault(status=429, retry_after="120"), HubBusy, "seconds to wait: 120"),
        (Fault(status=500), HubGarbled, "error 500"),
        (Fault(status=503), HubGarbled, "error 503"),
    ],
)
def test_each_refusal_has_its_sentence_and_comes_at_once(server, hub, fault, failure, words):
    server.fail(fault, where="hub", times=-1)
    with pytest.raises(failure) as caught:
        hub.facts(G1, NEW)
    assert words in one_line(caught.value)
    assert len(server.requests("hub", "HEAD")) == 1


@pytest.mark.parametrize("repo", ["no/such", "a b/c", "../../etc", "x", "a/b/c"])
def test_a_repository_that_is_not_there_is_missing(hub, repo):
    with pytest.raises(HubMissing) as caught:
        hub.entries(repo)
    assert "token" in one_line(caught.value)


def test_a_silent_hub_is_given_up_in_time(server, tmp_path):
    hub = Hub(endpoint_at(server.url), cache_dir=tmp_path, limit_s=0.5)
    server.fail(Fault(delay=60), where="api", times=-1)
    with pytest.raises(HubUnreachable, match="hub-unreachable") as caught:
        hub.entries(G1)
    assert "did not answer in time" in one_line(caught.value)


def test_a_private_repository_opens_with_the_token_alone(server, tmp_path):
    server.add(repository("me/rwkv-mine", {"rwkv7-mine-0.1b.pth": b"mine"}, private=True))
    server.tokens.add("hf_secret")
    where = endpoint_at(server.url)
    with pytest.raises(HubMissing):
        Hub(where, cache_dir=tmp_path).entries("me/rwkv-mine")
    with pytest.raises(HubMissing):
        Hub(where, "hf_wrong", cache_dir=tmp_path).entries("me/rwkv-mine")
    mine = Hub(where, "hf_secret", cache_dir=tmp_path)
    assert [one.file for one in mine.entries("me/rwkv-mine")] == ["rwkv7-mine-0.1b.pth"]
    assert mine.headers()["authorization"] == "Bearer hf_secret"
    assert "me/rwkv-mine/rwkv7-mine-0.1b.pth" in live(mine.search("rwkv-mine"))
    assert live(Hub(where, cache_dir=tmp_path).search("rwkv-mine")) == {}


def test_a_token_of_the_environment_goes_to_its_own_hub_alone(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_from_environment")
    hub = Hub(endpoint_at(server.url), cache_dir=tmp_path)
    hub.listing()
    hub.readme(G1)
    hub.facts(G1, NEW)
    assert len(server.log) > 5
    assert not any("authorization" in map(str.lower, one.headers) for one in server.log)


def test_requests_go_through_the_proxy_that_was_set(server, tmp_path):
    """The loopback hub stands in for a proxy: it is asked for an address that is not its own."""
    hub = Hub(endpoint_at("http://hub.invalid"), "", server.url, cache_dir=tmp_path)
    with pytest.raises(HubMissing):
        hub.entries("a/rwkv")
    assert [one.path for one in server.log] == ["http://hub.invalid/api/models/a/rwkv?blobs=true"]


def test_a_hub_with_another_proxy_disturbs_none_that_is_asked_already(server, tmp_path):
    server.fail(Fault(delay=0.3), where="api", times=3)
    slow = Hub(endpoint_at(server.url), cache_dir=tmp_path / "a")
    found = []
    thread = threading.Thread(target=lambda: found.append(slow.listing()))
    thread.start()
    for number in range(5):
        other = Hub(endpoint_at("http://x.invalid"), "", server.url, cache_dir=tmp_path / "b")
        with pytest.raises(HubMissing):
            other.entries(f"a/rwkv-{number}")
    thread.join(60)
    assert found[0].failure is None
    assert f"{G1}/{NEW}" in live(found[0])


@pytest.mark.parametrize("proxy", ["no proxy", "gopher://x", "http://127.0.0.1:1"])
def test_a_proxy_that_is_none_is_said_to_be_so(server, tmp_path, proxy):
    hub = Hub(endpoint_at(server.url), "", proxy, cache_dir=tmp_path)
    listing = hub.listing()
    assert isinstance(listing.failure, HubUnreachable)
    assert server.log == []


def test_a_cache_that_cannot_be_written_is_no_failure(server, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    listing = Hub(endpoint_at(server.url), cache_dir=blocked).listing()
    assert listing.failure is None
    assert f"{G1}/{NEW}" in live(listing)


def test_several_threads_may_ask_at_once(server, tmp_path):
    server.add(repository("BlinkDL/rwkv-big", {"big.pth": Virtual(5 << 20)}))
    hub = Hub(endpoint_at(server.url), cache_dir=tmp_path)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(hub.listing(max_age_s=0))) for _ in range(4)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert [one.failure for one in found] == [None] * 4
    assert len({tuple(entry.key for entry in one.entries) for one in found}) == 1


def test_a_hub_that_says_nothing_is_waited_for_once(tmp_path):
    with socket.socket() as listener, online():
        listener.bind(("127.0.0.1", 0))
        listener.listen(10)
        where = endpoint_at(f"http://127.0.0.1:{listener.getsockname()[1]}")
        hub = Hub(where, cache_dir=tmp_path, limit_s=0.5)
        assert isinstance(hub.search("anything").failure, HubUnreachable)
        listener.setblocking(False)
        listener.accept()[0].close()
        with pytest.raises(BlockingIOError):  # all accounts and the search: one connection
            listener.accept()
