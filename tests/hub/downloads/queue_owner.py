"""A program with a queue of downloads, for tests that kill it.

``python -m tests.hub.downloads.queue_owner URL FOLDER [FILE...]`` goes on from the journal,
adds the files, and ends when nothing is left to do; it prints the process that downloads for it.
"""

import sys
import threading
from pathlib import Path

from app.hub.catalogue.entries import Entry
from app.hub.downloads.download_queue import DownloadQueue
from tests.hub.downloads.transfers import REPO, hub_at


def main() -> int:
    """Exit code 0 where every item is done."""
    url, folder, files = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    changed = threading.Event()
    downloads = DownloadQueue(folder, folder / "journal.json", hub_at(url, folder), changed.set)
    for file in files:
        downloads.add(Entry(repo=REPO, file=file))
    told = None
    while any(item.state not in ("done", "failed", "paused") for item in downloads.items):
        if downloads.process_pid and downloads.process_pid != told:
            told = downloads.process_pid
            print(told, flush=True)
        changed.wait(0.2)
        changed.clear()
    downloads.close()
    for item in downloads.items:
        print(item.state, item.failure.code if item.failure else "", flush=True)
    return int(any(item.state != "done" for item in downloads.items))


if __name__ == "__main__":
    sys.exit(main())
