"""What a hub offers, as state and signals: the bundled list at once, the live one behind it."""

import asyncio
import time
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import Failure, HubError
from app.ui.state.hub_access import endpoint_in, open_hub, open_memory, source_name
from app.ui.state.tasks import Tasks

from .entry import Entry, offered

if TYPE_CHECKING:
    from app.hub.catalogue.entries import Entry as Offer
    from app.hub.sources.remote import Hub, Listing
    from app.store.settings import Settings

_FRESH_S = 600.0
_AGAIN_S = 20.0  # after a failure
_SLOW_S = 8.0


class Asking(Enum):
    """Where the live list is."""

    NEVER = "never"
    ASKING = "asking"
    SLOW = "slow"
    DONE = "done"
    FAILED = "failed"


class Catalogue(QObject):
    """``entries`` are what can be downloaded; ``changed`` when they or ``asking`` differ.

    ``fetched_at`` is when the hub last answered, in seconds since 1970, 0 for the bundled list;
    ``failure`` is why it did not answer now.  ``searched`` is the text last searched for on the
    hub, ``searching`` whether an answer is awaited.
    """

    changed = Signal()

    def __init__(
        self,
        settings: "Settings",
        tasks: Tasks,
        cache: Path,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings, self._tasks, self._cache = settings, tasks, cache
        self.entries: tuple[Entry, ...] = ()
        self.asking = Asking.NEVER
        self.fetched_at = 0.0
        self.failure: Failure | None = None
        self.searched, self.searching = "", False
        self._listed: tuple[Offer, ...] = ()
        self._found: dict[str, Offer] = {}
        self._readmes: dict[str, str] = {}
        self._asked_at = -1e9
        self._loading = self._turned = False
        self._task: asyncio.Task[None] | None = None
        self._slow = QTimer(self, singleShot=True, interval=int(_SLOW_S * 1000))
        self._slow.timeout.connect(self._note_slowness)

    @property
    def source(self) -> str:
        """The name of the hub that is asked."""
        return source_name(self._settings.now)

    def page_of(self, repo: str) -> str:
        """The address of a repository's page; "" where the source's own address is none."""
        try:
            return endpoint_in(self._settings.now).page(repo)
        except HubError:
            return ""

    def load(self) -> None:
        """Show the list that is known without asking anyone, if none is shown yet."""
        if not self.entries and not self._loading:
            self._loading = True
            self._tasks.start(self._load(), self._load_ended)

    def switch_hub(self) -> None:
        """The source or the way to it is another: forget what the old one said, and ask."""
        self._found, self._readmes = {}, {}
        self._turned = self._task is not None
        self._asked_at = -1e9
        self.failure = None
        if self.asking is not Asking.NEVER:
            self.refresh(force=True)

    def refresh(self, *, force: bool = False) -> None:
        """Ask the hub beside the window, unless it answered a few minutes ago."""
        waits = _AGAIN_S if self.failure is not None else _FRESH_S
        young = time.monotonic() - self._asked_at < waits
        if self._task is not None or (young and not force):
            self.load()
            return
        self.load()
        self._asked_at = time.monotonic()
        self._enter(Asking.ASKING)
        self._slow.start()
        self._task = self._tasks.start(self._refresh(), self._refresh_ended)

    def search(self, text: str) -> None:
        """Look for ``text`` in everything that the hub has; what is found joins the list."""
        text = " ".join(text.split())
        if text and not (self.searching and text == self.searched):
            self.searched, self.searching = text, True
            self.changed.emit()
            self._tasks.start(self._search(text), lambda: self._search_ended(text))

    async def readme(self, repo: str) -> str:
        """The page of a repository as Markdown; raises a Failure where it cannot be had."""
        if repo not in self._readmes:
            hub = await self._tasks.thread(self._open)
            self._readmes[repo] = await self._tasks.thread(hub.readme, repo)
        return self._readmes[repo]

    async def _load(self) -> None:
        listing = await self._tasks.thread(self._known)
        if not self.entries:
            self.fetched_at = listing.fetched_at
            await self._show(listing.entries)

    def _load_ended(self) -> None:
        self._loading = False

    def _known(self) -> "Listing":
        try:
            return open_memory(self._settings.now, self._cache).search("")
        except HubError:  # an address that is none: the bundled list needs no hub
            from app.hub.catalogue.entries import bundled
            from app.hub.sources.remote import Listing

            return Listing(entries=bundled())

    async def _refresh(self) -> None:
        try:
            hub = await self._tasks.thread(self._open)
            listing = await self._tasks.thread(hub.listing, max_age_s=_FRESH_S / 2)
            self.failure = listing.failure if listing.stale else None
            self.fetched_at = listing.fetched_at
            await self._show(listing.entries)
        except HubError as failure:
            self.failure = failure

    def _refresh_ended(self) -> None:
        self._task = None
        self._slow.stop()
        self._enter(Asking.FAILED if self.failure else Asking.DONE)
        if self._turned:  # what was asked meanwhile is not the source any more
            self._turned = False
            self.refresh(force=True)

    async def _search(self, text: str) -> None:
        hub = await self._tasks.thread(self._open)
        listing = await self._tasks.thread(hub.search, text)
        self._found |= {offer.key: offer for offer in listing.entries}
        await self._show(self._listed)
        if listing.failure is not None:
            raise listing.failure

    def _search_ended(self, text: str) -> None:
        if text == self.searched:
            self.searching = False
        self.changed.emit()

    async def _show(self, listed: "tuple[Offer, ...]") -> None:
        self._listed = listed
        self.entries = await self._tasks.thread(_dressed, listed, tuple(self._found.values()))
        self.changed.emit()

    def _open(self) -> "Hub":
        """Builds the client: loads its libraries at the first time, so only in a thread."""
        return open_hub(self._settings.now, self._cache)

    def _note_slowness(self) -> None:
        if self.asking is Asking.ASKING:
            self._enter(Asking.SLOW)

    def _enter(self, asking: Asking) -> None:
        self.asking = asking
        self.changed.emit()


def _dressed(listed: "tuple[Offer, ...]", found: "tuple[Offer, ...]") -> tuple[Entry, ...]:
    """Both lists as rows; counts bytes, so in a thread."""
    from app.hub.catalogue.entries import merged, newest_like

    offers = merged(listed, found)
    return tuple(
        offered(one, newest_like(one, offers) if one.withdrawn else None) for one in offers
    )
