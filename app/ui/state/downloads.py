"""The downloads as state and signals; the transfers themselves run in a process of their own."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.ui.state.hub_access import open_hub
from app.ui.state.tasks import Tasks

if TYPE_CHECKING:
    from app.hub.catalogue.entries import Entry as Offer
    from app.hub.downloads.download_queue import DownloadQueue, Item
    from app.hub.sources.remote import Hub
    from app.store.paths import Paths
    from app.store.settings import Settings
    from app.ui.state.models.entry import Entry

_EACH_MS = 120  # at most eight times a second
_LOOK_MS = 2000  # at what another window is downloading
_GRACE_MS = 16_000  # a little longer than the notice that offers the way back
AT_REST = ("done", "paused", "failed")
"""States that nothing leaves by itself."""


class DownloadList(QObject):
    """``items`` are all downloads, the first to run first; ``changed`` a few times a second.

    ``finished`` and ``stopped`` carry the Item that has become complete, or has failed
    or been paused by a full disk; ``given_up`` one that can still be taken back for ``grace_ms``.
    They are kept in ``paths.downloads``: what it holds goes on at the next start, and
    ``resumed`` tells that there was something.  While another window has them, ``elsewhere`` is
    True: they are shown, and every verb ends in a QueueElsewhere.  The network's libraries are
    loaded at the first download, beside the window.
    """

    changed = Signal()
    finished = Signal(object)
    stopped = Signal(object)
    given_up = Signal(object)
    _told = Signal()

    def __init__(
        self,
        settings: "Settings",
        tasks: Tasks,
        paths: "Paths",
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings, self._tasks = settings, tasks
        self._paths = paths
        self.items: tuple[Item, ...] = ()
        self.resumed = self.elsewhere = False
        self.grace_ms = _GRACE_MS
        self._leaving: dict[str, bool] = {}  # given up, and whether they were going on
        self._downloads: DownloadQueue | None = None
        self._opening = asyncio.Lock()
        self._closed = False
        self._due = QTimer(self, singleShot=True, interval=_EACH_MS)
        self._due.timeout.connect(self._take)
        self._look = QTimer(self, interval=_LOOK_MS)
        self._look.timeout.connect(self._look_again)
        self._told.connect(self._wait, Qt.ConnectionType.QueuedConnection)

    @property
    def begun(self) -> "DownloadQueue | None":
        """What does the work, once anything was downloaded."""
        return self._downloads

    @property
    def folder(self) -> Path:
        """Where models are put."""
        chosen = self._settings.now.download_folder
        return Path(chosen) if chosen else self._paths.models

    @property
    def unfinished(self) -> int:
        """How many are on their way or wait for something."""
        return sum(item.state != "done" for item in self.items)

    @property
    def running(self) -> int:
        """How many go on by themselves, as long as this window lives."""
        return 0 if self.elsewhere else sum(item.state not in AT_REST for item in self.items)

    def item_of(self, key: str) -> "Item | None":
        """The download of an offer."""
        return next((item for item in self.items if item.entry.key == key), None)

    def done_of(self, entry: "Entry") -> int:
        """How many bytes of it an unfinished download has."""
        item = self.item_of(entry.offer.key) if entry.offer else None
        return item.done_bytes if item else 0

    def resume_last(self) -> None:
        """Go on with what the last run of the program left; nothing is loaded if there is none."""
        if self._paths.downloads.exists():
            self.resumed = True
            self._tasks.start(self._opened())

    def add(self, offer: "Offer", folder: Path | None = None) -> None:
        """Download ``offer`` into ``folder``, usually that of models, or go on with it."""
        for item in self._downloads.items if self._downloads else ():
            if item.id in self._leaving and item.entry.key == offer.key:
                self._leaving[item.id] = True
                self.take_back(item.id)
                return
        self._do(lambda downloads: downloads.add(offer, folder or self.folder))

    def pause(self, ident: str) -> None:
        """Stop it for now; what is here stays."""
        self._do(lambda downloads: downloads.pause(ident))

    def resume(self, ident: str) -> None:
        """Go on with one that was paused or has failed."""
        self._do(lambda downloads: downloads.resume(ident))

    def give_up(self, ident: str) -> None:
        """Take it from the list, and remove what has come when nobody has wanted it back."""
        item = next((one for one in self.items if one.id == ident), None)
        if item is None or item.state == "done" or not item.done_bytes or self.elsewhere:
            self.cancel(ident)
            return
        going = item.state not in AT_REST
        if going:
            self.pause(ident)
        self._leaving[ident] = going
        self._take()
        QTimer.singleShot(self.grace_ms, self, lambda: self._leave(ident))
        self.given_up.emit(item)

    def take_back(self, ident: str) -> None:
        """Undo ``give_up``: what has come is still there."""
        going = self._leaving.pop(ident, None)
        if going:
            self.resume(ident)
        self._take()

    def cancel(self, ident: str) -> None:
        """Give it up and remove what has come; one that is complete only leaves the list."""
        self._do(lambda downloads: downloads.cancel(ident))

    def move(self, ident: str, position: int) -> None:
        """Put it at another place of the queue, 0 the first."""
        self._do(lambda downloads: downloads.move(ident, position))

    def pause_all(self) -> None:
        """Stop everything that runs or waits its turn."""
        for item in self.items:
            if item.state not in AT_REST:
                self.pause(item.id)

    def resume_all(self) -> None:
        """Go on with everything that was paused."""
        for item in self.items:
            if item.state == "paused":
                self.resume(item.id)

    def switch_hub(self) -> None:
        """The hub, or the way to it, is another one: downloads that begin from now on go there."""
        if self._downloads is not None:
            self._tasks.start(self._turn())

    def apply_limits(self) -> None:
        """The limits are others."""
        now = self._settings.now
        if self._downloads is not None:
            self._downloads.configure(
                at_once=now.downloads_at_once,
                limit=now.download_limit,
                connections=now.download_connections,
            )

    async def close(self) -> None:
        """End the transfers; what has come is kept for the next start."""
        self._closed = True
        async with self._opening:
            if self._downloads is not None:
                for ident in self._leaving:
                    self._downloads.cancel(ident)
                await asyncio.to_thread(self._downloads.close)
        self._due.stop()
        self._look.stop()

    def _do(self, verb: "Callable[[DownloadQueue], object]") -> None:
        async def done() -> None:
            downloads = await self._opened()
            verb(downloads)
            self._take()

        self._tasks.start(done())

    async def _turn(self) -> None:
        hub = await self._tasks.thread(self._open_hub)
        if self._downloads is not None:
            self._downloads.configure(hub=hub)

    async def _opened(self) -> "DownloadQueue":
        async with self._opening:
            if self._downloads is None:
                self._downloads = await self._tasks.thread(self._open)
        self._take()
        return self._downloads

    def _open(self) -> "DownloadQueue":
        from app.hub.downloads.download_queue import DownloadQueue

        chosen = self._settings.now
        return DownloadQueue(
            self.folder,
            self._paths.downloads,
            self._open_hub(),
            self._told.emit,
            at_once=chosen.downloads_at_once,
            limit=chosen.download_limit,
            connections=chosen.download_connections,
        )

    def _open_hub(self) -> "Hub":
        return open_hub(self._settings.now, self._paths.hub_cache)

    def _leave(self, ident: str) -> None:
        if self._leaving.pop(ident, None) is not None and not self._closed:
            self.cancel(ident)

    def _look_again(self) -> None:
        if self._downloads is not None and not self._closed and not self._tasks.ended:
            self._tasks.start(self._tasks.thread(self._downloads.look_again))

    def _wait(self) -> None:
        if not self._due.isActive() and not self._closed and not self._tasks.ended:
            self._due.start()

    def _take(self) -> None:
        """See what has changed, and tell of what ended."""
        if self._downloads is None:
            return
        before = {item.id: item.state for item in self.items}
        items = tuple(one for one in self._downloads.items if one.id not in self._leaving)
        elsewhere = self._downloads.elsewhere
        if (items, elsewhere) == (self.items, self.elsewhere):
            return
        self.items, self.elsewhere = items, elsewhere
        if elsewhere != self._look.isActive():
            self._look.start() if elsewhere else self._look.stop()
        self.changed.emit()
        for item in items:
            if before.get(item.id, item.state) == item.state:
                continue
            if item.state == "done":
                self.finished.emit(item)
            elif item.state == "failed" or (item.state == "paused" and item.failure is not None):
                self.stopped.emit(item)
