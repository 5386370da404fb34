"""Two who download at once never get one place, and nobody takes what is another's."""

import threading
from pathlib import Path

import pytest

from app.hub.catalogue.entries import Entry
from app.hub.downloads.bundle import Bundle, discard
from app.hub.downloads.rate_limit import RateLimit
from app.hub.downloads.transfer import StoppedError
from app.hub.downloads.verified_files import Verified
from app.runtime.origin import origin_of
from tests.hub.downloads.test_transfer import until
from tests.hub.downloads.transfers import QUICK, hub_at
from tests.support.hub_server import Fault, HubServer, online, repository

REPOS = {"alice/rwkv7": b"a" * 50_000, "bob/rwkv7": b"b" * 50_000, "carol/rwkv7": b"c" * 50_000}
FILE = "model.safetensors"


@pytest.fixture
def hub():
    served = [repository(repo, {FILE: content}) for repo, content in REPOS.items()]
    with HubServer(served) as server, online():
        yield server


def bundle(hub: HubServer, folder: Path, repo: str) -> Bundle:
    return Bundle(
        hub_at(hub.url, folder),
        Entry(repo=repo, file=FILE),
        folder / "models",
        how=QUICK,
        rate_limit=RateLimit(),
        verified=Verified(folder / "verified.json"),
    )


def _run(begun: Bundle) -> None:
    with pytest.raises(StoppedError):
        begun.run()


def test_several_that_begin_at_the_same_moment_get_places_of_their_own(hub, tmp_path):
    for _ in range(3):
        bundles = {repo: bundle(hub, tmp_path, repo) for repo in REPOS}
        places, together = {}, threading.Barrier(len(REPOS))

        def fetch(repo, bundles=bundles, places=places, together=together):
            together.wait()
            places[repo] = bundles[repo].run()

        threads = [threading.Thread(target=fetch, args=(repo,)) for repo in REPOS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert {repo: places[repo].read_bytes() for repo in REPOS} == REPOS
        assert {repo: origin_of(places[repo]).repo for repo in REPOS} == {r: r for r in REPOS}
        for place in places.values():
            place.unlink()


def test_giving_one_up_takes_nothing_of_another(hub, tmp_path):
    hub.fail(Fault(stall_after=20_000), times=-1)
    for repo in ("alice/rwkv7", "bob/rwkv7"):
        begun = bundle(hub, tmp_path, repo)
        thread = threading.Thread(target=_run, args=(begun,))
        thread.start()
        until(lambda begun=begun: begun.progress.done == 20_000)
        begun.stop()
        thread.join(30)
    models = tmp_path / "models"
    parts = sorted(str(path.relative_to(models)) for path in models.rglob("*.part"))
    assert parts == ["bob-rwkv7/model.safetensors.part", "rwkv7/model.safetensors.part"]
    discard(Entry(repo="carol/rwkv7", file=FILE), models)
    discard(Entry(repo="bob/rwkv7", file=FILE), models)
    assert [path.name for path in models.iterdir()] == ["rwkv7"]
    hub.heal()
    assert bundle(hub, tmp_path, "alice/rwkv7").run() == models / "rwkv7" / FILE
    assert (models / "rwkv7" / FILE).read_bytes() == REPOS["alice/rwkv7"]


def test_a_name_of_our_own_records_is_refused(tmp_path):
    from app.errors import UnsafeName
    from app.hub.safe_paths import safe

    for name in ("x.pth.part", "x.pth.part.json", "x.pth.PART.live", "x.pth.origin.json"):
        with pytest.raises(UnsafeName):
            safe(name)
