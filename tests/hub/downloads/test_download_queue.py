"""The queue of downloads: it runs apart from the window, and outlives everything."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import (
    HubMissing,
    QueueElsewhere,
    StoreError,
    UnsafeName,
    WrongHash,
)
from app.hub.catalogue.entries import Entry, Part
from app.hub.downloads.part_file import already
from app.runtime.origin import NOTE
from app.system.digest import digest
from tests.hub.downloads.queues import FILES, SIZE, Queue, right
from tests.hub.downloads.test_transfer import until
from tests.hub.downloads.transfers import REPO
from tests.library.libraries import scan
from tests.support.hub_server import Fault, HubServer, Virtual, repository

SHARDS = {
    "model.safetensors.index.json": b'{"weight_map": {}}',
    "model-00001-of-00002.safetensors": Virtual(700_000, seed=8),
    "model-00002-of-00002.safetensors": Virtual(700_001, seed=9),
}


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")


@pytest.fixture
def hub() -> Iterator[HubServer]:
    others = repository("someone/other", {"one.pth": b"x" * 1000, "../evil.pth": b"x"})
    sharded = repository("someone/sharded", SHARDS)
    with HubServer([repository(REPO, FILES), others, sharded]) as server:
        yield server


@pytest.fixture
def queue(hub: HubServer, tmp_path: Path) -> Iterator["Queue"]:
    one = Queue(hub, tmp_path)
    yield one
    one.downloads.close()


def test_what_is_added_arrives_and_then_nothing_runs(hub: HubServer, queue: Queue) -> None:
    ids = [queue.add(name) for name in FILES]
    for one, name in zip(ids, FILES, strict=True):
        item = queue.wait(one, "done")
        assert item.done_bytes == item.total_bytes == SIZE
        assert item.path == str(queue.folder / "models" / name)
        assert right(queue.folder, name)
    until(lambda: queue.downloads.process_pid is None)
    until(lambda: not [one for one in threading.enumerate() if one.name.startswith("worker-")])


def test_only_so_many_run_at_once_and_in_order(hub: HubServer, queue: Queue) -> None:
    hub.fail(Fault(drip=1_500_000), times=-1)
    queue.downloads.configure(at_once=1)
    first, second, third = (queue.add(name) for name in FILES)
    queue.downloads.move(third, 0)
    assert [item.id for item in queue.downloads.items] == [third, first, second]
    queue.wait(first, "running")
    until(lambda: queue.item(first).done_bytes > 0)
    assert queue.item(third).state == queue.item(second).state == "queued"
    until(lambda: queue.item(first).bytes_per_s > 0)
    assert queue.item(first).seconds_left > 0
    hub.heal()
    queue.wait(first, "done")
    queue.wait(third, "done")
    queue.wait(second, "done")
    order = [one.path.split("?")[0].rsplit("/", 1)[-1] for one in hub.requests("cdn")]
    assert list(dict.fromkeys(order)) == ["one.pth", "three.pth", "two.pth"]


def test_pause_keeps_the_bytes_and_resume_goes_on(hub: HubServer, queue: Queue) -> None:
    hub.fail(Fault(stall_after=2_000_000))
    one = queue.add("one.pth")
    until(lambda: queue.item(one).done_bytes == 2_000_000)
    queue.downloads.pause(one)
    assert queue.item(one).state == "paused"
    until(lambda: queue.downloads.process_pid is None)
    assert already(queue.folder / "models" / "one.pth") == 2_000_000
    assert not [model for model in scan([queue.folder]) if not model.failure_code]
    queue.downloads.resume(one)
    queue.wait(one, "done")
    assert right(queue.folder, "one.pth")
    assert hub.requests("cdn")[-1].headers["Range"] == f"bytes=2000000-{SIZE - 1}"


@pytest.mark.parametrize("when", ["running", "paused"])
def test_cancel_takes_every_byte_away(hub: HubServer, queue: Queue, when: str) -> None:
    hub.fail(Fault(stall_after=1_000_000))
    one = queue.add("one.pth")
    until(lambda: queue.item(one).done_bytes == 1_000_000)
    if when == "paused":
        queue.downloads.pause(one)
        until(lambda: queue.downloads.process_pid is None)
    queue.downloads.cancel(one)
    assert queue.downloads.items == ()
    until(lambda: not list((queue.folder / "models").iterdir()))


def test_a_cancelled_one_can_be_added_again_at_once(hub: HubServer, queue: Queue) -> None:
    hub.fail(Fault(stall_after=1_000_000))
    one = queue.add("one.pth")
    until(lambda: queue.item(one).done_bytes == 1_000_000)
    queue.downloads.cancel(one)
    queue.wait(queue.add("one.pth"), "done")
    assert right(queue.folder, "one.pth")


def test_a_failure_is_told_and_can_be_tried_again(hub: HubServer, queue: Queue) -> None:
    hub.fail(Fault(status=404, code="EntryNotFound"), where="hub", times=1)
    one = queue.add("one.pth")
    until(lambda: queue.item(one).state == "failed")
    assert isinstance(queue.item(one).failure, HubMissing)
    queue.downloads.retry(one)
    queue.wait(one, "done")
    hub.fail(Fault(wrong_at=5), times=-1)
    other = queue.add("two.pth")
    until(lambda: queue.item(other).state == "failed")
    assert isinstance(queue.item(other).failure, WrongHash)
    left = sorted(path.name for path in (queue.folder / "models").iterdir())
    assert left == ["one.pth", "one.pth.origin.json"]


def test_a_busy_hub_is_waited_for_and_the_reason_shown(hub: HubServer, queue: Queue) -> None:
    hub.fail(Fault(status=429, retry_after="2"))
    one = queue.add("one.pth")
    until(lambda: queue.item(one).state == "waiting")
    failure = queue.item(one).failure
    assert failure is not None
    assert failure.code == "hub-busy"
    queue.wait(one, "done")


def test_names_that_climb_are_refused(hub: HubServer, queue: Queue) -> None:
    for name in ("../evil.pth", "/etc/evil.pth", "a/../../evil.pth", "C:\\evil.pth", "con.pth"):
        with pytest.raises(UnsafeName):
            queue.add(name, "someone/other")
    assert queue.downloads.items == ()


def test_two_models_do_not_share_a_place(hub: HubServer, queue: Queue) -> None:
    hub.fail(Fault(stall_after=1_000_000))
    one = queue.add("one.pth")
    assert queue.add("one.pth") == one
    other = queue.add("one.pth", "someone/other")
    arrived = queue.wait(other, "done")
    assert Path(arrived.path) == queue.folder / "models" / "other" / "one.pth"
    assert Path(arrived.path).read_bytes() == b"x" * 1000
    queue.downloads.cancel(other)
    hub.heal()
    queue.downloads.pause(one)
    queue.downloads.resume(one)
    queue.wait(one, "done")
    assert right(queue.folder, "one.pth")


def _sharded() -> Entry:
    parts = tuple(Part(path=name) for name in SHARDS)
    return Entry(repo="someone/sharded", file="model.safetensors.index.json", parts=parts)


def test_a_model_in_several_files_appears_only_when_whole(hub: HubServer, queue: Queue) -> None:
    hub.fail(Fault(stall_after=300_000), file="model-00002-of-00002.safetensors")
    one = queue.downloads.add(_sharded())
    until(lambda: queue.item(one).done_bytes > 1_000_000)
    assert scan([queue.folder]) == []
    queue.downloads.pause(one)
    until(lambda: queue.downloads.process_pid is None)
    first = len([one for one in hub.requests("cdn") if "00001" in one.path])
    queue.downloads.resume(one)
    item = queue.wait(one, "done")
    folder = queue.folder / "models" / "sharded"
    assert item.path == str(folder / "model.safetensors.index.json")
    assert {path.name for path in folder.iterdir()} == {*SHARDS, f"{Path(item.path).name}{NOTE}"}
    assert [path.name for path in folder.parent.iterdir()] == ["sharded"]
    assert len([one for one in hub.requests("cdn") if "00001" in one.path]) == first


def test_a_cancelled_model_in_several_files_leaves_nothing(hub: HubServer, queue: Queue) -> None:
    hub.fail(Fault(stall_after=300_000), file="model-00002-of-00002.safetensors")
    one = queue.downloads.add(_sharded())
    until(lambda: queue.item(one).done_bytes > 1_000_000)
    queue.downloads.cancel(one)
    until(lambda: not list((queue.folder / "models").iterdir()))


def test_the_next_start_goes_on_where_this_one_closed(hub: HubServer, tmp_path: Path) -> None:
    hub.fail(Fault(stall_after=2_000_000), file="one.pth")
    first = Queue(hub, tmp_path)
    running, paused = first.add("one.pth"), first.add("two.pth")
    first.downloads.pause(paused)
    until(lambda: first.item(running).done_bytes == 2_000_000)
    first.downloads.close()
    second = Queue(hub, tmp_path)
    try:
        assert second.item(running).done_bytes == 2_000_000
        assert second.item(paused).state == "paused"
        second.wait(running, "done")
        assert right(tmp_path, "one.pth")
        assert hub.requests("cdn")[-1].headers["Range"] == f"bytes=2000000-{SIZE - 1}"
    finally:
        second.downloads.close()


def test_a_killed_downloader_is_replaced(hub: HubServer, queue: Queue) -> None:
    hub.fail(Fault(stall_after=2_000_000))
    one = queue.add("one.pth")
    until(lambda: queue.item(one).done_bytes == 2_000_000)
    pid = queue.downloads.process_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    queue.wait(one, "done")
    assert right(queue.folder, "one.pth")
    assert hub.requests("cdn")[-1].headers["Range"].startswith("bytes=2000000-")


def test_a_killed_program_has_lost_nothing(hub: HubServer, tmp_path: Path) -> None:
    hub.fail(Fault(stall_after=2_000_000), file="one.pth")
    owner = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.hub.downloads.queue_owner",
            hub.url,
            str(tmp_path),
            "one.pth",
        ],
        stdout=subprocess.PIPE,
    )
    try:
        until(lambda: already(tmp_path / "one.pth") == 2_000_000, 60)
    finally:
        owner.kill()
        owner.communicate()
    again = subprocess.run(
        [sys.executable, "-m", "tests.hub.downloads.queue_owner", hub.url, str(tmp_path)],
        timeout=100,
        check=False,
        capture_output=True,
    )
    assert again.returncode == 0, again

    assert digest(tmp_path / "one.pth") == FILES["one.pth"].sha256
    assert hub.requests("cdn")[-1].headers["Range"].startswith("bytes=2000000-")


def test_a_damaged_journal_is_put_aside_and_said(hub: HubServer, tmp_path: Path) -> None:
    (tmp_path / "journal.json").write_bytes(b'{"layout": 1, "lines": [')
    queue = Queue(hub, tmp_path)
    try:
        assert queue.downloads.items == ()
        assert queue.downloads.trouble is not None
        assert (tmp_path / "journal.json.broken").exists()
    finally:
        queue.downloads.close()


def test_one_program_leads_the_queue_and_the_other_takes_over_when_it_ends(
    hub: HubServer, tmp_path: Path
) -> None:
    hub.fail(Fault(stall_after=2_000_000), file="one.pth")
    first = Queue(hub, tmp_path)
    one = first.add("one.pth")
    until(lambda: first.item(one).done_bytes == 2_000_000)
    second = Queue(hub, tmp_path)
    try:
        assert second.downloads.elsewhere
        assert second.item(one).done_bytes == 2_000_000
        assert (second.item(one).state, second.item(one).elsewhere) == ("running", True)
        for verb in (second.downloads.pause, second.downloads.cancel, second.downloads.resume):
            with pytest.raises(QueueElsewhere):
                verb(one)
        with pytest.raises(QueueElsewhere):
            second.add("two.pth")
        two = first.add("two.pth")
        first.wait(two, "done")
        until(lambda: _seen_again(second, two) == "done")
        assert second.downloads.process_pid is None
        first.downloads.pause(one)
        until(lambda: _seen_again(second, one) == "paused")
        first.downloads.close()
        second.downloads.resume(one)
        second.wait(one, "done")
        assert not second.downloads.elsewhere
        assert right(tmp_path, "one.pth")
        assert hub.requests("cdn")[-1].headers["Range"].startswith("bytes=2000000-")
    finally:
        first.downloads.close()
        second.downloads.close()


def test_what_the_other_program_waits_for_is_seen(hub: HubServer, tmp_path: Path) -> None:
    hub.fail(Fault(status=429, retry_after="2"))
    first = Queue(hub, tmp_path)
    one = first.add("one.pth")
    second = Queue(hub, tmp_path)
    try:
        until(lambda: _seen_again(second, one) == "waiting")
        item = second.item(one)
        assert item.elsewhere
        assert item.failure is not None
        assert item.failure.code == "hub-busy"
        first.wait(one, "done")
        until(lambda: _seen_again(second, one) == "done")
    finally:
        first.downloads.close()
        second.downloads.close()


def _seen_again(queue: Queue, wanted: str) -> str:
    queue.downloads.look_again()
    return next((item.state for item in queue.downloads.items if item.id == wanted), "")


def test_a_program_that_only_reads_leaves_a_damaged_journal_alone(
    hub: HubServer, queue: Queue
) -> None:
    journal = queue.folder / "journal.json"
    journal.write_bytes(b"{")
    other = Queue(hub, queue.folder)
    try:
        assert other.downloads.items == ()
        assert journal.read_bytes() == b"{"
    finally:
        other.downloads.close()


@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
def test_a_folder_whose_name_is_no_text_is_refused_and_the_queue_goes_on(
    queue: Queue, tmp_path: Path
) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    with pytest.raises(StoreError):
        queue.downloads.add(Entry(repo=REPO, file="one.pth"), odd)
    wanted = queue.add("one.pth")
    queue.wait(wanted, "done")
    assert len(queue.downloads.items) == 1
