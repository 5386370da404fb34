"""Where downloads go: files of one name side by side, and nothing that is there is touched."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.hub.catalogue.entries import Entry
from app.hub.downloads.part_file import Identity, Record
from app.runtime.checkpoint.describe import describe
from app.runtime.origin import Origin, OriginFile, note_of, origin_of, write_origin
from app.system.digest import digest
from tests.hub.downloads.queues import FILES, SIZE, Queue, right
from tests.hub.downloads.test_transfer import until
from tests.hub.downloads.transfers import REPO, hub_at
from tests.support.hub_server import Fault, HubServer, Virtual, online, repository


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer([repository(REPO, FILES)]) as server:
        yield server


@pytest.fixture
def queue(hub: HubServer, tmp_path: Path) -> Iterator[Queue]:
    one = Queue(hub, tmp_path)
    yield one
    one.downloads.close()


USUAL = {
    "alice/rwkv7-a": {"model.safetensors": b"a" * 1000},
    "bob/rwkv7-b": {"model.safetensors": b"b" * 1000},
    "carol/rwkv7-b": {"model.safetensors": b"c" * 1000, "pytorch_model.bin": b"d" * 900},
    "dora/rwkv7-d": {"a/model.pth": b"e" * 1000, "b/model.pth": b"f" * 1000},
    "emil/rwkv7-e": {"rwkv-final.pth": b"g" * 1000},
    "finn/rwkv7-f": {"rwkv7-one.pth": b"h" * 1000},
    "gina/rwkv7-g": {"rwkv7-one.pth": b"i" * 1000},
}
WHERE = {
    "alice/rwkv7-a/model.safetensors": "rwkv7-a/model.safetensors",
    "bob/rwkv7-b/model.safetensors": "rwkv7-b/model.safetensors",
    "carol/rwkv7-b/model.safetensors": "carol-rwkv7-b/model.safetensors",
    "carol/rwkv7-b/pytorch_model.bin": "carol-rwkv7-b/pytorch_model.bin",
    "dora/rwkv7-d/a/model.pth": "rwkv7-d-a/model.pth",
    "dora/rwkv7-d/b/model.pth": "rwkv7-d-b/model.pth",
    "emil/rwkv7-e/rwkv-final.pth": "rwkv7-e/rwkv-final.pth",
    "finn/rwkv7-f/rwkv7-one.pth": "rwkv7-one.pth",
    "gina/rwkv7-g/rwkv7-one.pth": "rwkv7-g/rwkv7-one.pth",
}


def test_files_of_one_name_live_side_by_side(tmp_path: Path) -> None:
    served = [repository(repo, files) for repo, files in USUAL.items()]
    with HubServer(served) as hub:
        queue = Queue(hub, tmp_path, at_once=4)
        try:
            wanted = [(repo, file) for repo, files in USUAL.items() for file in files]
            found = {f"{repo}/{file}": queue.add(file, repo) for repo, file in wanted}
            places = {key: Path(queue.wait(one, "done").path) for key, one in found.items()}
        finally:
            queue.downloads.close()
    models = tmp_path / "models"
    assert {key: str(path.relative_to(models)) for key, path in places.items()} == WHERE
    for repo, files in USUAL.items():
        for file, content in files.items():
            path = places[f"{repo}/{file}"]
            assert path.read_bytes() == content
            origin = origin_of(path)
            assert origin is not None
            assert (origin.repo, origin.file) == (repo, file)
            assert origin.files[0].sha256 == hashlib.sha256(content).hexdigest()
            assert queue.verified.sha256_of(path) == origin.files[0].sha256
    assert describe(places["bob/rwkv7-b/model.safetensors"]).name == "rwkv7-b"


def test_a_file_that_an_earlier_version_brought_is_recognised_by_its_bytes(
    hub: HubServer, queue: Queue
) -> None:
    models = queue.folder / "models"
    queue.wait(queue.add("one.pth"), "done")
    note_of(models / "one.pth").unlink()
    queue.verified_file.unlink()
    asked = len(hub.requests("cdn"))
    entry = Entry(repo=REPO, file="one.pth", bytes=SIZE, sha256=FILES["one.pth"].sha256)
    again = queue.wait(queue.downloads.add(entry), "done")
    assert Path(again.path) == models / "one.pth"
    assert len(hub.requests("cdn")) == asked
    assert queue.verified.sha256_of(models / "one.pth") == entry.sha256


def test_other_bytes_of_the_same_name_and_size_are_left_alone_and_in_nobody_s_way(
    hub: HubServer, queue: Queue
) -> None:
    (queue.folder / "models").mkdir()
    there = queue.folder / "models" / "one.pth"
    there.write_bytes(bytes(SIZE))
    entry = Entry(repo=REPO, file="one.pth", bytes=SIZE, sha256=FILES["one.pth"].sha256)
    item = queue.wait(queue.downloads.add(entry), "done")
    assert Path(item.path) == queue.folder / "models" / "some" / "one.pth"
    assert right(queue.folder, "some/one.pth", "one.pth")
    queue.downloads.close()
    again = Queue(hub, queue.folder)
    assert [one.path for one in again.downloads.items] == [item.path]
    again.downloads.close()
    assert there.read_bytes() == bytes(SIZE)


def test_a_planted_record_makes_no_wrong_bytes_right(hub: HubServer, queue: Queue) -> None:
    there = queue.folder / "models" / "one.pth"
    there.parent.mkdir()
    there.write_bytes(bytes(SIZE))
    with online():
        told = hub_at(hub.url, queue.folder).facts(REPO, "one.pth")
    identity = Identity(etag=told.etag, bytes=SIZE, sha256=told.sha256)
    record = Record(identity=identity, url=told.url, done=True, ranges=((0, SIZE),))
    there.with_name("one.pth.part.json").write_bytes(msgspec.json.encode(record))
    file = OriginFile(name="one.pth", file="one.pth", bytes=SIZE, sha256=told.sha256)
    write_origin(there, Origin(repo=REPO, file="one.pth", files=(file,)))
    item = queue.wait(queue.add("one.pth"), "done")
    assert Path(item.path) != there
    assert right(queue.folder, str(Path(item.path).relative_to(there.parent)), "one.pth")
    assert there.read_bytes() == bytes(SIZE)


def test_a_paused_download_of_an_earlier_version_goes_on_where_it_lies(tmp_path: Path) -> None:
    content = Virtual(SIZE, seed=3)
    with HubServer([repository("bob/rwkv7-b", {"model.safetensors": content})]) as hub:
        hub.fail(Fault(stall_after=2_000_000))
        first = Queue(hub, tmp_path)
        one = first.downloads.add(Entry(repo="bob/rwkv7-b", file="model.safetensors"))
        until(lambda: first.item(one).done_bytes == 2_000_000)
        first.downloads.close()
        models = tmp_path / "models"
        for ending in (".part", ".part.json", ".part.live"):
            name = f"model.safetensors{ending}"
            (models / "rwkv7-b" / name).rename(models / name)
        shutil.rmtree(models / "rwkv7-b")
        journal = json.loads((tmp_path / "journal.json").read_text())
        del journal["lines"][0]["into"]
        (tmp_path / "journal.json").write_text(json.dumps(journal))
        second = Queue(hub, tmp_path)
        item = second.wait(one, "done")
        second.downloads.close()
        assert Path(item.path) == models / "model.safetensors"
        assert hub.requests("cdn")[-1].headers["Range"] == f"bytes=2000000-{SIZE - 1}"
        assert digest(models / "model.safetensors") == content.sha256
