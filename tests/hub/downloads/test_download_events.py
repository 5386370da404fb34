"""What the log says of downloads: begun, stopped, refused, whole; and no token."""

import re
import threading

import pytest

from app.errors import HubMissing
from app.hub.catalogue.entries import Entry
from app.hub.downloads.bundle import Bundle
from app.hub.downloads.rate_limit import RateLimit
from app.hub.sources.remote import Hub
from app.system import log
from tests.hub.downloads.test_bundle import FILE, _run, bundle, hub
from tests.hub.downloads.test_transfer import until
from tests.hub.downloads.transfers import QUICK, hub_at
from tests.support.hub_server import Fault

assert hub, "a fixture"
TOKEN = "a-token-of-mine"


def test_a_download_leaves_its_beginning_and_its_end(hub, tmp_path):
    log.begin("downloader", tmp_path)
    hub.fail(Fault(stall_after=20_000), times=-1)
    begun = bundle(hub, tmp_path, "alice/rwkv7")
    thread = threading.Thread(target=_run, args=(begun,))
    thread.start()
    until(lambda: begun.progress.done == 20_000)
    begun.stop()
    thread.join(30)
    hub.heal()
    bundle(hub, tmp_path, "alice/rwkv7").run()
    asked = hub_at(hub.url, tmp_path)
    missing = Bundle(
        Hub(asked.endpoint, TOKEN, cache_dir=tmp_path),
        Entry(repo="alice/rwkv7", file=f"{TOKEN}.pth"),
        tmp_path / "models",
        how=QUICK,
        rate_limit=RateLimit(),
    )
    with pytest.raises(HubMissing):
        missing.run()
    log.end()
    told = (tmp_path / log.NAME).read_text()
    what = re.escape(f"download: alice/rwkv7/{FILE}")
    for event in (
        rf"INFO {what} begins, \d+ bytes from 127\.0\.0\.1",
        rf"INFO {what} was stopped at 20000 bytes",
        rf"INFO {what} is whole after [\d.]+ s",
        r"WARNING download: alice/rwkv7/….pth was refused at 0 bytes: hub-missing \(",
    ):
        assert re.search(event, told), told
    assert TOKEN not in told
