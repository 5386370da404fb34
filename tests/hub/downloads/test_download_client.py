"""The client of the download process, with real processes that break the protocol."""

import queue
import sys
from pathlib import Path

import pytest

from app.errors import DownloadError
from app.hub.downloads import download_client, download_protocol
from app.hub.downloads.download_client import DownloadClient
from app.hub.downloads.download_protocol import Limit, Moved
from app.hub.downloads.journal import SerialExecutor
from tests.hub.downloads.queues import Queue
from tests.support import misbehaving
from tests.support.hub_server import HubServer

BROKEN = misbehaving.GARBLED | misbehaving.ENDING | misbehaving.CLOSING


class Watched:
    """A client whose process runs ``script``, what it replied, and what was said of its death."""

    def __init__(self, script: str) -> None:
        self.replies: queue.Queue[download_protocol.Reply] = queue.Queue()
        self.deaths: queue.Queue[DownloadError] = queue.Queue()
        self.client = DownloadClient(
            SerialExecutor(), self.replies.put, self.deaths.put, misbehaving.command(script)
        )
        self.client.send(Limit(0), start=True)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_process_that_breaks_the_protocol_is_ended_and_told_once(kind: str) -> None:
    watched = Watched(BROKEN[kind])
    said = watched.deaths.get(timeout=20)
    if kind in misbehaving.GARBLED:
        assert said.facts == {"why": "process-garbled"}
    assert watched.client.wait(20)
    assert watched.client.pid is None
    assert watched.deaths.empty()


def test_a_state_that_no_download_has_is_no_message() -> None:
    moved = Moved(id="1", state="running", done=1, total=2)
    frame = download_protocol.encode(moved).replace(b"running", b"dancing")
    watched = Watched(f"send({frame!r}); time.sleep(60)")
    assert watched.deaths.get(timeout=20).facts["why"] == "process-garbled"
    assert watched.replies.empty()


@pytest.mark.skipif(sys.platform == "win32", reason="a program that ends at once")
def test_a_process_that_ends_before_it_is_known_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(download_client.Process):
        """Its start returns only when it has ended."""

        def __init__(self, command, on_frame, on_end):  # type: ignore[no-untyped-def]
            ended: queue.Queue[None] = queue.Queue()
            super().__init__(command, on_frame, lambda end: (on_end(end), ended.put(None)))
            ended.get(timeout=20)

    monkeypatch.setattr(download_client, "Process", Slow)
    assert Watched("sys.exit(5)").deaths.get(timeout=20).facts == {
        "why": "process-ended",
        "exit_code": "5",
    }


@pytest.mark.parametrize("path", ["/elsewhere/one.pth", "relative.pth"])
def test_a_download_that_is_said_to_be_elsewhere_fails_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    script = f"""
from app.hub.downloads import download_protocol
from app.system.frames import read_frame
while True:
    request = download_protocol.request(read_frame(sys.stdin.buffer))
    if isinstance(request, download_protocol.Fetch):
        send(download_protocol.encode(download_protocol.Ended(id=request.id, path={path!r})))
"""
    monkeypatch.setattr(download_client, "downloader_command", lambda: misbehaving.command(script))
    with HubServer() as hub:
        downloads = Queue(hub, tmp_path)
        try:
            item = downloads.wait(downloads.add("one.pth"), "failed")
            assert item.failure is not None
            assert item.failure.facts["why"] == "process-garbled"
        finally:
            downloads.downloads.close()
