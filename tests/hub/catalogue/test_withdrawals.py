"""A listing as recorded: main keeps the newest letters only, and one that nobody knew is there.

The catalogue's rows that are gone say so, none is invented, and their bytes are found elsewhere.
"""

import hashlib

import msgspec
import pytest

from app.errors import HubMissing, HubWithdrawn
from app.hub.catalogue.entries import bundled, newest_like
from app.hub.downloads.bundle import Bundle
from app.hub.downloads.rate_limit import RateLimit
from app.hub.sources.endpoints import Endpoint, endpoint_at, stand_ins
from app.hub.sources.remote import Hub
from app.messages.failures import one_line
from tests.support.hub_server import HubServer, Virtual, online, repository

G1 = "BlinkDL/rwkv7-g1"
KEPT = (
    "rwkv7-g1d-0.1b-20260129-ctx8192.pth",
    "rwkv7-g1d-0.4b-20260210-ctx8192.pth",
    "rwkv7a-g1d-0.1b-20260212-ctx8192.pth",
    "rwkv7b-g1b-0.1b-20250822-ctx4096.pth",
    "rwkv7-g1k-1.5b-20260930-ctx25600.pth",
    "rwkv7-g1k-2.9b-20260930-ctx25600.pth",
    "rwkv7-g1k-7.2b-20260930-ctx25600.pth",
    "rwkv7-g1k-13.3b-20260930-ctx25600.pth",
)
NEW = tuple(f"rwkv7-g1l-{size}-20261101-ctx25600.pth" for size in ("1.5b", "2.9b", "7.2b", "13.3b"))
GGUF = "shoumenchougou/RWKV7-G1l-1.5B-GGUF"
SIZES = {one.file: one.bytes for one in bundled() if one.repo == G1}
NEW_SIZES = (3055444605, 5896273469, 14400007869, 26540868485)


def listed():
    """The names and sizes of such a listing; sizes alone make the answers, no byte is stored."""
    sizes = {name: SIZES[name] or 1000 for name in KEPT} | dict(zip(NEW, NEW_SIZES, strict=True))
    files = {name: told(size, name) for name, size in sizes.items()}
    gguf = told(1693647008, "q8")
    return [
        repository(G1, files, tags=["license:apache-2.0"]),
        repository(GGUF, {"rwkv7-g1l-1.5b-Q8_0.gguf": gguf}),
    ]


def told(size, name):
    file = Virtual(size)
    file.sha256 = hashlib.sha256(name.encode()).hexdigest()
    return file


@pytest.fixture
def server():
    with HubServer(listed()) as one, online():
        yield one


@pytest.fixture
def entries(server, tmp_path):
    return Hub(endpoint_at(server.url), cache_dir=tmp_path).listing().entries


def of_g1(entries):
    return [one for one in entries if one.repo == G1]


def test_rows_that_the_hub_lists_no_more_say_so_and_none_is_invented(entries):
    gone = {one.file for one in of_g1(entries) if one.withdrawn}
    assert gone == set(SIZES) - set(KEPT)
    assert len(gone) > 40
    assert {one.file for one in of_g1(entries)} == set(SIZES) | set(NEW)
    others = [one for one in entries if one.repo not in (G1, GGUF)]
    assert not any(one.withdrawn for one in others)  # nobody has listed those


def test_the_letter_that_nobody_knew_is_there_and_is_the_one_to_take(entries):
    chosen = {one.file for one in entries if one.standing == "recommended"}
    assert set(NEW) <= chosen
    assert not any(one.withdrawn or one.unknown for one in entries if one.file in chosen)
    (gguf,) = [one for one in entries if one.repo == GGUF]
    assert (gguf.title, gguf.bytes) == ("G1l 1.5B, reasoning, Q8_0", 1693647008)
    assert not gguf.unknown


@pytest.mark.parametrize(
    ("gone", "newest"),
    [
        ("rwkv7-g1d-1.5b-20260212-ctx8192.pth", NEW[0]),
        ("rwkv7-g1c-2.9b-20251231-ctx8192.pth", NEW[1]),
        ("rwkv7-g0b-7.2b-20251220-ctx8192.pth", NEW[2]),
        ("rwkv7-g1d-13.3b-20260131-ctx8192.pth", NEW[3]),
    ],
)
def test_a_row_that_is_gone_offers_the_newest_of_its_size(entries, gone, newest):
    (row,) = [one for one in entries if one.file == gone]
    assert row.withdrawn
    found = newest_like(row, entries)
    assert found is not None
    assert found.file == newest


def test_a_repository_that_is_gone_as_a_whole_is_not_judged(server, tmp_path):
    server.repositories.pop(G1)
    entries = Hub(endpoint_at(server.url), cache_dir=tmp_path).listing().entries
    assert not any(one.withdrawn for one in entries)


OLD = next(one for one in of_g1(bundled()) if one.sha256 and one.file not in KEPT)


def small(server, **changed):
    """The catalogue's entry of a file that this hub has withdrawn, as small as its bytes here."""
    data = b"weights that are gone " * 1000
    sha256 = hashlib.sha256(data).hexdigest()
    part = msgspec.structs.replace(OLD.parts[0], bytes=len(data), sha256=sha256)
    told = {"parts": (part,), "bytes": len(data), "sha256": sha256, "withdrawn": True} | changed
    return data, msgspec.structs.replace(OLD, **told)


def fetched(server, entry, folder, others=()):
    hub = Hub(endpoint_at(server.url), cache_dir=folder / "cache")
    return Bundle(hub, entry, folder / "models", rate_limit=RateLimit(), others=others).run()


def test_a_withdrawn_file_comes_from_the_revision_that_had_it(server, tmp_path):
    data, entry = small(server)
    now = server.repositories[G1]
    server.add(repository(G1, {entry.file: data}))
    hub = Hub(endpoint_at(server.url), cache_dir=tmp_path)
    hub.listing()
    server.add(now)
    (seen,) = [one for one in hub.listing(max_age_s=0).entries if one.key == entry.key]
    assert seen.withdrawn
    assert len(seen.revision) == 40
    entry = msgspec.structs.replace(entry, revision=seen.revision)
    assert fetched(server, entry, tmp_path).read_bytes() == data


@pytest.mark.parametrize("kind", ["mirror", "modelscope"])
def test_a_withdrawn_file_comes_from_another_source(server, tmp_path, kind):
    data, entry = small(server)
    there = G1 if kind == "mirror" else "Blink_DL/rwkv7-g1"
    with HubServer([repository(there, {entry.file: data})]) as other:
        hubs = [
            Hub(endpoint_at("http://127.0.0.1:1"), cache_dir=tmp_path),  # nobody is there
            Hub(Endpoint(kind, other.url), cache_dir=tmp_path),
        ]
        assert fetched(server, entry, tmp_path, hubs).read_bytes() == data


def test_another_source_with_other_bytes_is_not_taken(server, tmp_path):
    data, entry = small(server)
    with HubServer([repository(G1, {entry.file: b"x" * len(data)})]) as other:
        hubs = [Hub(endpoint_at(other.url), cache_dir=tmp_path)]
        with pytest.raises(HubWithdrawn) as caught:
            fetched(server, entry, tmp_path, hubs)
    assert "no longer in BlinkDL/rwkv7-g1" in one_line(caught.value)
    assert not list((tmp_path / "models").iterdir())


@pytest.mark.parametrize("changed", [{"source": "live"}, {"sha256": ""}])
def test_nobody_else_is_asked_for_what_the_catalogue_does_not_vouch_for(server, tmp_path, changed):
    data, entry = small(server, withdrawn=False, **changed)
    if "sha256" in changed:
        part = msgspec.structs.replace(entry.parts[0], sha256="")
        entry = msgspec.structs.replace(entry, parts=(part,))
    with HubServer([repository(G1, {entry.file: data})]) as other:
        hubs = [Hub(endpoint_at(other.url), cache_dir=tmp_path)]
        with pytest.raises(HubMissing):
            fetched(server, entry, tmp_path, hubs)
        assert not other.log


def test_who_named_a_hub_of_their_own_asked_for_that_one_alone():
    assert stand_ins(endpoint_at("https://models.example.org")) == ()
    hosts = [one.host for one in stand_ins(endpoint_at("https://huggingface.co"))]
    assert hosts == ["hf-mirror.com", "modelscope.cn"]
