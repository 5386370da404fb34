"""A file arrives whole or not at all, whatever the network does."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.errors import (
    AlreadyThere,
    ChangedOnHub,
    DownloadBusy,
    HubBusy,
    HubGarbled,
    HubMissing,
    HubRefused,
    HubUnreachable,
    NoRoom,
    WrongHash,
)
from app.hub.downloads.connection_pool import FetchOptions
from app.hub.downloads.part_file import PartFile, already
from app.hub.downloads.transfer import Order, StoppedError, Transfer
from tests.hub.downloads.transfers import FILE, QUICK, REPO, hub_at, transfer
from tests.support.hub_server import Fault, HubServer, Virtual, online, repository

SIZE = 1_500_007
DATA = b"".join(bytes(piece) for piece in Virtual(SIZE, seed=3).pieces(0, SIZE))
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with online(), HubServer([repository(REPO, {FILE: DATA, "config.json": b'{"a": 1}'})]) as one:
        yield one


def arrived(folder: Path) -> bool:
    """Whole, and nothing left beside it."""
    names = {path.name for path in folder.iterdir()} - {"cache"}
    return names == {FILE} and (folder / FILE).read_bytes() == DATA


def until(condition: Callable[[], bool], limit_s: float = 30.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def test_a_file_arrives_whole_and_alone(hub: HubServer, tmp_path: Path) -> None:
    one = transfer(hub, tmp_path, bytes=SIZE, sha256=DIGEST)
    one.run()
    assert arrived(tmp_path)
    assert one.progress.done == one.progress.total == one.progress.checked == SIZE


@pytest.mark.parametrize(
    "fault",
    [
        Fault(cut_after=0),
        Fault(cut_after=1),
        Fault(cut_after=777_777),
        Fault(cut_after=SIZE - 1),
        Fault(stall_after=0),
        Fault(stall_after=600_001),
        Fault(status=500),
        Fault(status=503, retry_after="0"),
        Fault(status=429, retry_after="0"),
        Fault(status=503, retry_after="Mon, 01 Jan 99999999999999999999 00:00:00 GMT"),
        Fault(status=416),
        Fault(status=403),
        Fault(status=404),
        Fault(expired=True),
        Fault(longer=5),
        Fault(longer=-5),
        Fault(drip=20_000_000),
        Fault(no_ranges=True),
        Fault(delay=0.2),
    ],
    ids=repr,
)
def test_one_fault_on_the_way_is_got_over(hub: HubServer, tmp_path: Path, fault: Fault) -> None:
    hub.fail(fault)
    transfer(hub, tmp_path).run()
    assert arrived(tmp_path)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_hub_in_trouble_is_asked_again(hub: HubServer, tmp_path: Path, status: int) -> None:
    hub.fail(Fault(status=status), where="hub", times=2)
    transfer(hub, tmp_path).run()
    assert arrived(tmp_path)


@pytest.mark.parametrize(
    ("fault", "where", "failure"),
    [
        (Fault(status=404, code="EntryNotFound"), "hub", HubMissing),
        (Fault(status=403), "hub", HubRefused),
        (Fault(status=403), "cdn", HubRefused),
        (Fault(status=429), "hub", HubBusy),
        (Fault(status=500), "cdn", HubGarbled),
        (Fault(stall_after=0), "cdn", HubUnreachable),
    ],
)
def test_what_stays_wrong_is_a_clear_refusal(
    hub: HubServer, tmp_path: Path, fault: Fault, where: str, failure: type[Exception]
) -> None:
    hub.fail(fault, where=where, times=-1)
    with pytest.raises(failure):
        transfer(hub, tmp_path, how=changed(QUICK, stall_s=0.1, tries=3)).run()
    assert not (tmp_path / FILE).exists()


def changed(how: FetchOptions, **changes: float) -> FetchOptions:
    from dataclasses import replace

    return replace(how, **changes)  # type: ignore[arg-type]


def test_no_bytes_are_asked_for_twice_after_a_cut(hub: HubServer, tmp_path: Path) -> None:
    hub.fail(Fault(cut_after=700_000))
    transfer(hub, tmp_path).run()
    ranges = [one.headers["Range"] for one in hub.requests("cdn")]
    assert ranges[0] == f"bytes=0-{SIZE - 1}"
    assert ranges[1].startswith("bytes=7")
    assert [one.headers.get("If-Range") for one in hub.requests("cdn")] == [None, f'"{DIGEST}"']


def test_a_later_run_goes_on_where_an_earlier_one_stopped(hub: HubServer, tmp_path: Path) -> None:
    hub.fail(Fault(stall_after=900_000))
    first = transfer(hub, tmp_path, how=changed(QUICK, stall_s=60))
    thread, ended = _in_thread(first)
    until(lambda: first.progress.done == 900_000)
    first.stop()
    thread.join(30)
    assert isinstance(ended[0], StoppedError)
    assert already(tmp_path / FILE) == 900_000
    transfer(hub, tmp_path).run()
    assert arrived(tmp_path)
    assert hub.requests("cdn")[-1].headers["Range"] == f"bytes=900000-{SIZE - 1}"


def _in_thread(one: Transfer) -> tuple[threading.Thread, list[BaseException | None]]:
    ended: list[BaseException | None] = []

    def run() -> None:
        try:
            one.run()
            ended.append(None)
        except Exception as failure:  # noqa: BLE001 - the test looks at it
            ended.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, ended


def _half(hub: HubServer, folder: Path) -> None:
    """Leave a part of a million bytes behind."""
    hub.fail(Fault(cut_after=1_000_000))
    hub.fail(Fault(status=500), times=-1)
    with pytest.raises(HubGarbled):
        transfer(hub, folder, how=changed(QUICK, tries=2)).run()
    hub.heal()
    assert already(folder / FILE) == 1_000_000


def test_the_hash_is_of_the_bytes_whatever_a_record_says(hub: HubServer, tmp_path: Path) -> None:
    """Earlier versions kept the state of a hash there; a forged one made wrong bytes right."""
    _half(hub, tmp_path)
    path = tmp_path / f"{FILE}.part.json"
    record = json.loads(path.read_bytes())
    path.write_text(json.dumps(record | {"hashed": 999_936, "words": "0" * 64, "done": True}))
    one = transfer(hub, tmp_path)
    one.run()
    assert arrived(tmp_path)
    assert one.found == hashlib.sha256(DATA).hexdigest()
    assert hub.requests("cdn")[-1].headers["Range"] == f"bytes=1000000-{SIZE - 1}"


def test_another_file_on_the_hub_means_to_begin_anew(hub: HubServer, tmp_path: Path) -> None:
    _half(hub, tmp_path)
    other = DATA[::-1]
    hub.put(REPO, FILE, other)
    transfer(hub, tmp_path).run()
    assert (tmp_path / FILE).read_bytes() == other
    assert hub.requests("cdn")[-1].headers["Range"] == f"bytes=0-{SIZE - 1}"


def test_an_etag_that_changes_half_way_means_to_begin_anew(hub: HubServer, tmp_path: Path) -> None:
    hub.fail(Fault(cut_after=500_000))
    hub.fail(Fault(etag="another"), times=2)
    transfer(hub, tmp_path).run()
    assert arrived(tmp_path)


def test_a_host_without_ranges_sends_all_of_it_again(tmp_path: Path) -> None:
    one = repository(REPO, {FILE: DATA})
    with online(), HubServer([one], ranges=False) as hub:
        hub.fail(Fault(cut_after=400_000))
        transfer(hub, tmp_path).run()
    assert arrived(tmp_path)


def test_wrong_bytes_are_never_a_model(hub: HubServer, tmp_path: Path) -> None:
    hub.fail(Fault(wrong_at=1_234_567), times=-1)
    with pytest.raises(WrongHash):
        transfer(hub, tmp_path).run()
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}


def test_a_part_that_went_bad_is_fetched_once_more(hub: HubServer, tmp_path: Path) -> None:
    _half(hub, tmp_path)
    with (tmp_path / f"{FILE}.part").open("r+b") as file:
        file.seek(12_345)
        file.write(b"rotten")
    transfer(hub, tmp_path).run()
    assert arrived(tmp_path)


@pytest.mark.parametrize("damage", ["record", "live", "short", "empty", "gone"])
def test_whatever_befalls_the_sidecars_the_file_arrives(
    hub: HubServer, tmp_path: Path, damage: str
) -> None:
    _half(hub, tmp_path)
    part = tmp_path / f"{FILE}.part"
    if damage == "record":
        part.with_name(part.name + ".json").write_bytes(b'{"identity":')
    elif damage == "live":
        part.with_name(part.name + ".live").write_bytes(b"00000000 {}\n")
    elif damage == "gone":
        part.unlink()
    else:
        os.truncate(part, 300_000 if damage == "short" else 0)
    transfer(hub, tmp_path).run()
    assert arrived(tmp_path)


def test_the_list_and_the_hub_must_agree(hub: HubServer, tmp_path: Path) -> None:
    with pytest.raises(ChangedOnHub):
        transfer(hub, tmp_path, sha256="0" * 64).run()
    with pytest.raises(ChangedOnHub):
        transfer(hub, tmp_path, bytes=SIZE + 1).run()
    assert not hub.requests("cdn")


def test_the_same_file_in_its_place_is_enough(hub: HubServer, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(DATA)
    transfer(hub, tmp_path).run()
    assert arrived(tmp_path)
    assert not hub.requests("cdn")


@pytest.mark.parametrize("other", [b"another", DATA[::-1]])
def test_another_file_in_its_place_is_left_alone(
    hub: HubServer, tmp_path: Path, other: bytes
) -> None:
    (tmp_path / FILE).write_bytes(other)
    with pytest.raises(AlreadyThere):
        transfer(hub, tmp_path).run()
    assert (tmp_path / FILE).read_bytes() == other


def test_a_file_that_comes_meanwhile_is_left_alone(hub: HubServer, tmp_path: Path) -> None:
    _half(hub, tmp_path)
    hub.fail(Fault(delay=0.3))
    thread, ended = _in_thread(transfer(hub, tmp_path))
    seen = len(hub.requests("hub"))
    until(lambda: len(hub.requests("hub")) > seen)
    (tmp_path / FILE).write_bytes(b"mine")
    thread.join(30)
    assert isinstance(ended[0], AlreadyThere)
    assert (tmp_path / FILE).read_bytes() == b"mine"


def test_links_are_not_followed(hub: HubServer, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / f"{FILE}.part").symlink_to(outside)
    with pytest.raises(AlreadyThere):
        transfer(hub, inside).run()
    assert outside.read_bytes() == b"precious"


def test_two_do_not_write_the_same_file(hub: HubServer, tmp_path: Path) -> None:
    with PartFile(tmp_path / FILE), pytest.raises(DownloadBusy):
        PartFile(tmp_path / FILE, patience_s=0.1)


def test_a_full_disk_keeps_what_is_there(hub: HubServer, tmp_path: Path) -> None:
    _half(hub, tmp_path)
    order = Order(repo=REPO, file=FILE, path=str(tmp_path / FILE))
    full = Transfer(hub_at(hub.url, tmp_path), order, how=QUICK, free_bytes=lambda _: 1000)
    with pytest.raises(NoRoom) as failure:
        full.run()
    assert failure.value.facts["needed_bytes"] == SIZE - 1_000_000
    assert already(tmp_path / FILE) == 1_000_000
    transfer(hub, tmp_path).run()
    assert arrived(tmp_path)


def test_several_connections_bring_the_same_file(hub: HubServer, tmp_path: Path) -> None:
    from app.hub.downloads import connection_pool as crews
    from app.hub.downloads.http_range import RangeClient
    from app.hub.downloads.part_file import Identity
    from app.hub.downloads.rate_limit import RateLimit

    how = changed(QUICK, segment=100_000)
    hub.fail(Fault(drip=4_000_000), times=-1)
    url = f"{hub.url}/{REPO}/resolve/main/{FILE}"
    with PartFile(tmp_path / FILE) as part:
        part.adopt(Identity(etag=DIGEST, bytes=SIZE, sha256=DIGEST), url)
        client = RangeClient(url, {}, proxy="", stall_s=5.0)
        pool = crews.ConnectionPool(part, client, how, RateLimit())
        until(lambda: part.total > 0)
        pool.add()
        pool.add()
        assert pool.wait(30)
        pool.close()
        client.close()
        assert pool.failure is None
        part.finish()
    assert (tmp_path / FILE).read_bytes() == DATA
    assert len(hub.requests("cdn")) > 10


def test_a_token_goes_to_the_hub_and_to_nobody_else(tmp_path: Path) -> None:
    secret = repository(REPO, {FILE: DATA}, private=True)
    with online(), HubServer([secret]) as hub:
        hub.tokens.add("hf_known")
        order = Order(repo=REPO, file=FILE, path=str(tmp_path / FILE))
        with pytest.raises(HubMissing):
            Transfer(hub_at(hub.url, tmp_path), order, how=QUICK).run()
        Transfer(hub_at(hub.url, tmp_path, "hf_known"), order, how=QUICK).run()
        assert not any("Authorization" in one.headers for one in hub.requests("cdn"))
    assert arrived(tmp_path)


def test_a_small_file_is_checked_by_its_name_in_git(hub: HubServer, tmp_path: Path) -> None:
    order = Order(repo=REPO, file="config.json", path=str(tmp_path / "config.json"))
    Transfer(hub_at(hub.url, tmp_path), order, how=QUICK).run()
    assert (tmp_path / "config.json").read_bytes() == b'{"a": 1}'
    (tmp_path / "config.json").unlink()
    hub.fail(Fault(wrong_at=3), where="hub", method="GET", times=-1)
    with pytest.raises(WrongHash):
        Transfer(hub_at(hub.url, tmp_path), order, how=QUICK).run()


def test_a_limit_is_kept(hub: HubServer, tmp_path: Path) -> None:
    from app.hub.downloads.rate_limit import RateLimit

    order = Order(repo=REPO, file=FILE, path=str(tmp_path / FILE))
    begun = time.monotonic()
    Transfer(hub_at(hub.url, tmp_path), order, how=QUICK, rate_limit=RateLimit(3_000_000)).run()
    assert time.monotonic() - begun > 0.2
    assert arrived(tmp_path)
