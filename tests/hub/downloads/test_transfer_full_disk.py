"""A disk that is really full, in a mount namespace of our own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.downloads.test_transfer import DATA, SIZE
from tests.hub.downloads.transfers import FILE, REPO
from tests.support.hub_server import HubServer, repository


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer([repository(REPO, {FILE: DATA})]) as one:
        yield one


_FULL = """
import subprocess
import sys
from pathlib import Path
from app.errors import DiskFull
from app.hub.downloads.part_file import already
from tests.hub.downloads.transfers import FILE, QUICK, REPO, hub_at
from app.hub.downloads.transfer import Order, Transfer
url, folder = sys.argv[1], Path(sys.argv[2])
order = Order(repo=REPO, file=FILE, path=str(folder / FILE))
one = Transfer(hub_at(url, folder), order, how=QUICK, free_bytes=lambda _: 1 << 40)
try:
    one.run()
except DiskFull as failure:
    print(failure.facts["path"] == str(folder / FILE), already(folder / FILE), flush=True)
subprocess.run(["mount", "-o", "remount,size=9m", str(folder)], check=True)
one.run()
print((folder / FILE).stat().st_size, flush=True)
"""


def test_a_disk_that_is_really_full_costs_nothing_but_time(hub: HubServer, tmp_path: Path) -> None:
    inside = f"mount -t tmpfs -o size=1m tmpfs {tmp_path}"
    own = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if not shutil.which("unshare") or subprocess.run([*own, inside], check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    command = f"{inside} && exec {sys.executable} -c '{_FULL}' {hub.url} {tmp_path}"
    done = subprocess.run(
        [*own, command],
        env={**os.environ, "HF_HUB_OFFLINE": "0"},
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    named, kept, size = done.stdout.split()
    assert named == "True"
    assert 500_000 < int(kept) < 1_048_576
    assert int(size) == SIZE
    assert hub.requests("cdn")[-1].headers["Range"] == f"bytes={kept}-{SIZE - 1}"
