"""A bug in the process that downloads ends it, so that the window sees that and why."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.hub.catalogue.entries import Entry
from app.hub.downloads import download_protocol
from app.hub.sources.endpoints import endpoint_at

_BROKEN = """
from app.hub.downloads import download_process as downloader
def broken(*_):
    raise RuntimeError("a bug")
setattr(downloader.{place}, "{name}", broken)
downloader.main()
"""


@pytest.mark.parametrize(("place", "name"), [("_Job", "moved"), ("Bundle", "run")])
def test_a_bug_ends_the_process_and_is_told(tmp_path: Path, place: str, name: str) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _BROKEN.format(place=place, name=name)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdin is not None
    try:
        fetch = download_protocol.encode(
            download_protocol.Fetch(
                id="1",
                entry=Entry(repo="a/b", file="c.pth"),
                folder=str(tmp_path),
                origin=download_protocol.Origin(endpoint_at("http://127.0.0.1:9")),
            )
        )
        child.stdin.write(len(fetch).to_bytes(4, "little") + fetch)
        child.stdin.flush()
        assert child.wait(60) == 1
    finally:
        child.kill()
        said = child.communicate()[1].decode()
    assert said.strip().endswith("RuntimeError: a bug")
