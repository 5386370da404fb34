"""What the window says of downloads on other pages: the badge, the quiet notice, the farewell."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.messages.translate import tr, tr_n
from app.ui.shell.model_opening import ModelOpening
from app.ui.shell.window import Window
from app.ui.state.notices import DOWNLOAD
from app.ui.state.services import Services
from app.ui.widgets.farewell import Farewell

if TYPE_CHECKING:
    from app.hub.downloads.download_queue import Item

_SEEN_S = 1.2


class FinishedDownloads(QObject):
    """Lives as long as the window; needs no page."""

    def __init__(self, services: Services, window: Window, opening: ModelOpening) -> None:
        super().__init__(window)
        self._services, self._window, self._opening = services, window, opening
        self._queue = services.downloads
        self._greeted = False
        self._parting = Farewell(services.theme, window)
        self._queue.changed.connect(self._count)
        self._queue.finished.connect(self._announce)
        self._queue.stopped.connect(self._tell)
        self._queue.given_up.connect(self._offer_back)
        window.page_changed.connect(self._settle)

    async def farewell(self) -> None:
        """Say that downloads go on at the next start, long enough to be read; asks nothing."""
        if self._queue.running and self._window.isVisible():
            self._parting.open()
            await asyncio.sleep(_SEEN_S)

    def _count(self) -> None:
        count = self._queue.unfinished
        words = tr_n("{} not finished", "{} not finished", count).format(count) if count else ""
        self._window.rail.badge("downloads", count, words)
        if not self._greeted and self._queue.items:
            self._greeted = True
            if self._queue.running and self._queue.resumed:
                said = tr_n(
                    "A download goes on where it stopped.",
                    "{} downloads go on where they stopped.",
                    count,
                )
                self._services.notices.news(said.format(count))

    def _announce(self, item: "Item") -> None:
        self._services.library.refresh()
        if self._window.page == "downloads":
            return  # its card says so
        title = item.entry.title or item.entry.name
        said = tr("{} is here, whole and checked.").format(title)
        if item.entry.is_model:
            self._services.notices.offer(
                said, tr("Chat"), lambda: self._opening.open(Path(item.path))
            )
        else:
            self._services.notices.news(said)
        self._tell(item)  # where something that goes with it has not come

    def _tell(self, item: "Item") -> None:
        if item.failure is not None and self._window.page != "downloads":
            show = tr("Show downloads")
            self._services.notices.failure(item.failure, show, self._go, about=DOWNLOAD)

    def _go(self) -> None:
        self._window.go("downloads")

    def _settle(self, page: str) -> None:
        """The cards of that page say what went wrong."""
        if page == "downloads":
            self._services.notices.settle(DOWNLOAD)

    def _offer_back(self, item: "Item") -> None:
        said = tr("The download of {} was given up.")
        title = item.entry.title or item.entry.name
        self._services.notices.undo(said.format(title), lambda: self._queue.take_back(item.id))
