"""The queue of downloads as the tests drive it."""

from pathlib import Path

from app.hub.catalogue.entries import Entry
from app.hub.downloads.download_queue import DownloadQueue, Item
from app.hub.downloads.verified_files import Verified
from app.system.digest import digest
from tests.hub.downloads.test_transfer import until
from tests.hub.downloads.transfers import REPO, hub_at
from tests.support.hub_server import HubServer, Virtual

SIZE = 3_000_017
FILES = {f"{name}.pth": Virtual(SIZE, seed=at) for at, name in enumerate(("one", "two", "three"))}


class Queue:
    """A download queue with a journal in ``folder``, and words to wait for them."""

    def __init__(self, hub: HubServer, folder: Path, **options: int) -> None:
        self.folder, self.changes = folder, 0
        self.verified_file = folder / "verified.json"
        self.verified = Verified(self.verified_file)
        self.downloads = DownloadQueue(
            folder / "models",
            folder / "journal.json",
            hub_at(hub.url, folder),
            self._note,
            **options,
        )

    def _note(self) -> None:
        self.changes += 1

    def add(self, file: str, repo: str = REPO) -> str:
        return self.downloads.add(Entry(repo=repo, file=file))

    def item(self, wanted: str) -> Item:
        return next(item for item in self.downloads.items if item.id == wanted)

    def wait(self, wanted: str, *states: str) -> Item:
        until(lambda: self.item(wanted).state in (*states, "failed"), 60)
        assert self.item(wanted).state in states, self.item(wanted).failure
        return self.item(wanted)


def right(folder: Path, place: str, name: str = "") -> bool:
    return digest(folder / "models" / place) == FILES[name or place].sha256
