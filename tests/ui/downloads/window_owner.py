"""A whole window in a process of its own, which downloads one file until somebody kills it.

python -m tests.ui.downloads.window_owner HOME REPOSITORY FILE
"""

import asyncio
import sys

from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from app.hub.catalogue.entries import Entry, Part
from app.store.paths import standard_paths
from app.ui.shell.application import Application


async def _download(application, offer):
    application.open()
    application.window.go("downloads")
    queue = application.services.downloads
    queue.add(offer)
    while True:
        if queue.items:
            print(queue.items[0].done_bytes, flush=True)
        await asyncio.sleep(0.05)


def main(home, repo, file):
    """Print how many bytes are there, again and again."""
    offer = Entry(
        repo=repo, file=file, parts=(Part(path=file, bytes=0),), title=file, format="pth", bytes=0
    )
    application = QApplication([])
    with QEventLoop(application) as loop:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(_download(Application(application, standard_paths(home)), offer))


if __name__ == "__main__":
    main(*sys.argv[1:])
