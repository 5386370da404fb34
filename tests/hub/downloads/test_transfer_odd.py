"""Hubs that say what makes no sense, and disks that go: a refusal, and nothing falls."""

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import HubGarbled, HubUnreachable, StoreError
from app.hub.downloads.http_range import RangeClient, TroubleError
from tests.hub.downloads.test_transfer import DATA, arrived, changed, until
from tests.hub.downloads.transfers import FILE, QUICK, REPO, transfer
from tests.support.hub_server import Fault, HubServer, online, repository
from tests.support.strange_hub import StrangeHub


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with online(), HubServer([repository(REPO, {FILE: DATA})]) as one:
        yield one


def test_an_etag_that_no_request_can_carry_is_not_sent(hub: HubServer, tmp_path: Path) -> None:
    hub.fail(Fault(etag="\xe9", cut_after=700_000), times=2)
    transfer(hub, tmp_path).run()
    assert arrived(tmp_path)
    assert "If-Range" not in hub.requests("cdn")[1].headers


@pytest.mark.parametrize("size", ["-5", "0", str(10**30)])
def test_sizes_that_no_file_has_are_not_believed(tmp_path: Path, size: str) -> None:
    with online(), StrangeHub() as strange:
        strange.headers = {"ETag": '"x"', "X-Linked-Size": size, "X-Repo-Commit": "a" * 40}
        with pytest.raises(HubGarbled):
            transfer(strange, tmp_path, how=changed(QUICK, tries=2)).run()  # type: ignore[arg-type]
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}


def test_a_disk_that_is_taken_away_is_said(hub: HubServer, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    hub.fail(Fault(stall_after=900_000))
    running = transfer(hub, folder, how=changed(QUICK, stall_s=60))
    failed: list[StoreError] = []

    def work() -> None:
        try:
            running.run()
        except StoreError as failure:
            failed.append(failure)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        until(lambda: running.progress.done == 900_000)
        shutil.rmtree(folder)
        thread.join(30)
        assert [Path(str(one.facts["path"])).parent for one in failed] == [folder]
    finally:
        running.stop()
        thread.join(30)


def test_a_host_whose_answer_never_begins_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, and the head of the answer has no end."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            one, _ = listener.accept()
            with one:
                one.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not ended.wait(0.02):
                    try:
                        one.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/a"
        monkeypatch.setattr("app.hub.downloads.http_range.CONNECT_S", 0.3)
        client = RangeClient(url, {}, proxy="", stall_s=0.2)
        with pytest.raises(TroubleError) as caught, client.asked((0, 10), 10, ""):
            pass
        assert isinstance(caught.value.failure, HubUnreachable)
        ended.set()
        thread.join()
        client.close()
