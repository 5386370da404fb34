"""The queue of downloads: waiting, running and finished ones. Another process does the work.

So a download at full speed costs the window's process a few messages a second, and without
downloads there is neither a process nor a thread.  Items run in the order of the list.
"""

import threading
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from app.errors import (
    DiskFull,
    DownloadError,
    Failure,
    QueueElsewhere,
    StoreError,
    WrongHash,
)
from app.hub.catalogue.entries import Entry
from app.hub.catalogue.vocabulary_files import download_bytes
from app.hub.sources.endpoints import stand_ins
from app.hub.sources.remote import Hub
from app.system.frames import GarbledError
from app.system.log import logger
from app.system.log_lines import failure_line

from . import download_protocol
from .bundle import already_of, discard
from .download_client import DownloadClient
from .download_protocol import Ended, Fetch, Halt, Limit, Moved, Origin
from .item import BUSY, Item, State, items_of, line_of
from .journal import Journal, Line, SerialExecutor
from .observed_queue import ObservedQueue
from .placing import leading, place_of
from .verified_files import NAME as VERIFIED
from .verified_files import Verified

__all__ = ["DownloadQueue", "Item"]

_DEATHS = 3
_CLOSING_S = 3.0


class DownloadQueue:
    """The queue; continues with what its journal holds.

    ``on_change`` is called without arguments, from any thread, when ``items`` has changed.  Methods
    return at once; their effect is seen in ``items``.  ``folder`` is where models go that are added
    without a folder.

    Only one program at a time owns the journal.  While another one does, ``elsewhere`` is True,
    ``items`` are as they were at the last ``look_again``, and methods that change something raise
    QueueElsewhere.
    """

    def __init__(
        self,
        folder: Path,
        journal_path: Path,
        hub: Hub,
        on_change: Callable[[], None] = lambda: None,
        *,
        at_once: int = 2,
        limit: int = 0,
        connections: int = 4,
    ) -> None:
        self._folder, self._on_change = folder, on_change
        self._hub, self._at_once = hub, at_once
        self._connections = connections
        self._lock = threading.RLock()
        self._chores = SerialExecutor()
        self._journal = Journal(journal_path)
        self._verified = journal_path.with_name(VERIFIED)
        self._downloader = DownloadClient(self._chores, self._hear, self._lose)
        self._downloader.limit = limit
        self._at_work: dict[str, str] = {}
        self._deaths = 0
        self._closed = False
        self._written: tuple[Line, ...] = ()
        self._observed = ObservedQueue()
        self._items: list[Item] = []
        self._look()
        self._begin_what_may()

    @property
    def items(self) -> tuple[Item, ...]:
        """All items in their order."""
        with self._lock:
            return tuple(self._items)

    @property
    def process_pid(self) -> int | None:
        """The process id of the download process; None while there is none."""
        return self._downloader.pid

    @property
    def trouble(self) -> Failure | None:
        """Why the journal cannot be written; None if it can."""
        return self._journal.trouble

    def look_again(self) -> None:
        """If another program owns the journal, read it again, and take it over once it is free."""
        with self._lock:
            if not self.elsewhere or self._closed:
                return
            self._look()
        self._go_on()

    def configure(
        self,
        *,
        hub: Hub | None = None,
        folder: Path | None = None,
        at_once: int | None = None,
        limit: int | None = None,
        connections: int | None = None,
    ) -> None:
        """Change how downloads run from now on; ``limit`` in bytes a second, 0 for none."""
        with self._lock:
            self._hub, self._folder = hub or self._hub, folder or self._folder
            for item in [one for one in self._items if hub and one.state == "failed"]:
                self._change(item.id, hub_changed=True, wrong_hashes=0)
            self._at_once = self._at_once if at_once is None else at_once
            self._connections = self._connections if connections is None else connections
            if limit is not None and limit != self._downloader.limit:
                self._downloader.limit = limit
                self._downloader.send(Limit(limit))
        self._go_on()

    def add(self, entry: Entry, folder: Path | None = None) -> str:
        """Add a download of ``entry`` into ``folder``; returns the id of its item.

        An entry that is in the queue already is not added again, but resumed.  Raises UnsafeName,
        StoreError if the folder's name cannot be stored, and AlreadyThere if no place is free for
        it.
        """
        self._lead()
        where = folder or self._folder
        _refuse_bytes(where)
        with self._lock:
            item = self._queued(entry, where) or self._place(entry, where)
        self.resume(item.id)
        self._go_on()
        return item.id

    def pause(self, id: str) -> None:  # noqa: A002
        """Stop the download and keep what was downloaded."""
        self._lead()
        with self._lock:
            item = self._find(id)
            if item and item.state in ("queued", *BUSY):
                self._change(id, state="paused", bytes_per_s=0.0, seconds_left=-1.0, failure=None)
                self._halt(id, discards=False)
        self._go_on()

    def resume(self, id: str) -> None:  # noqa: A002
        """Continue a download that is paused, has failed, or is done but lacks its vocabulary."""
        self._lead()
        with self._lock:
            item = self._find(id)
            if item and (item.state in ("paused", "failed") or _lacks(item)):
                self._change(id, state="queued", failure=None, hub_changed=False)
                self._deaths = 0
        self._go_on()

    retry = resume

    def cancel(self, id: str) -> None:  # noqa: A002
        """Remove the item, and delete its files unless it is done."""
        self._lead()
        with self._lock:
            item = self._find(id)
            if item is None:
                return
            self._items.remove(item)
            if not self._halt(id, discards=True) and item.state != "done":
                self._chores.add(partial(self._discard, item))
        self._go_on()

    def move(self, id: str, position: int) -> None:  # noqa: A002
        """Move the item to this position in the list."""
        self._lead()
        with self._lock:
            item = self._find(id)
            if item:
                self._items.remove(item)
                self._items.insert(max(0, position), item)
        self._go_on()

    def close(self) -> None:
        """Stop all downloads, keep their files and end all threads; may be called again."""
        with self._lock:
            self._closed = True
        self._downloader.close()
        self._chores.finish()
        self._downloader.wait(_CLOSING_S)
        self._journal.release()

    def _look(self) -> None:
        self.elsewhere = not self._journal.claim()
        lines = self._journal.read()
        self._items = self._observed.items(lines) if self.elsewhere else list(items_of(lines))

    def _lead(self) -> None:
        self.look_again()
        if self.elsewhere:
            raise QueueElsewhere

    def _queued(self, entry: Entry, folder: Path) -> Item | None:
        waiting = (item for item in self._items if item.state != "done")
        same = (entry.key, entry.sha256, str(folder))
        return next((one for one in waiting if _sort(one) == same), None)

    def _place(self, entry: Entry, folder: Path) -> Item:
        taken = {item.path: item.entry.repo for item in self._items if item.state != "done"}
        sha256_of = Verified(self._verified).sha256_of
        places = place_of(entry, folder, taken=taken, sha256_of=sha256_of)
        item = Item(
            id=uuid.uuid4().hex[:12],
            entry=entry,
            folder=str(folder),
            path=str(places.opened(leading(entry))),
            into=places.into,
            total_bytes=download_bytes(entry),
            done_bytes=already_of(entry, folder, places.into),
        )
        self._items = [one for one in self._items if one.path != item.path] + [item]
        return item

    def _find(self, id: str) -> Item | None:  # noqa: A002
        return next((item for item in self._items if item.id == id), None)

    def _change(self, id: str, **values: object) -> None:  # noqa: A002
        self._items = [
            msgspec.structs.replace(item, **values) if item.id == id else item
            for item in self._items
        ]

    def _go_on(self) -> None:
        self._begin_what_may()
        self._on_change()

    def _begin_what_may(self) -> None:
        """Start waiting downloads and write the journal; end the process if it is idle."""
        with self._lock:
            if self.elsewhere:
                return
            running = sum(item.state in BUSY for item in self._items)
            for item in list(self._items):
                free = running < self._at_once and item.path not in self._at_work.values()
                if item.state == "queued" and free and not self._closed:
                    self._begin(item)
                    running += 1
            if not self._at_work:
                self._downloader.dismiss(unless=lambda: bool(self._at_work))
            self._write()

    def _begin(self, item: Item) -> None:
        self._change(item.id, state="running", failure=None)
        self._at_work[item.id] = item.path
        hub = self._hub
        fetch = Fetch(
            id=item.id,
            entry=item.entry,
            folder=item.folder,
            origin=Origin(hub.endpoint, hub.token, hub.proxy),
            connections=self._connections,
            into=item.into,
            verified=str(self._verified),
            others=tuple(Origin(one, "", hub.proxy) for one in stand_ins(hub.endpoint)),
        )
        self._downloader.send(fetch, start=True)

    def _halt(self, id: str, *, discards: bool) -> bool:  # noqa: A002
        """Tell the process to stop the item; False if it is not being downloaded."""
        if id in self._at_work:
            self._downloader.send(Halt(id=id, discard=discards))
        return id in self._at_work

    def _hear(self, reply: download_protocol.Reply) -> None:
        """Take in a reply. Called from the client's thread.

        Raises GarbledError for a path that lies outside of the item's folder.
        """
        with self._lock:
            _check_path(reply, self._find(reply.id))
            if isinstance(reply, Moved):
                self._note(reply)
            else:
                self._end(reply)
        if isinstance(reply, Ended):
            self._go_on()
        else:
            self._on_change()

    def _note(self, moved: Moved) -> None:
        item = self._find(moved.id)
        if item and item.state in BUSY:
            self._change(
                moved.id,
                state=moved.state,
                done_bytes=moved.done,
                total_bytes=moved.total,
                bytes_per_s=moved.bytes_per_s,
                seconds_left=moved.seconds_left,
                failure=download_protocol.failure_from_fields(moved.code, moved.facts),
            )
            if moved.state != item.state and not self._closed:
                self._write()  # for who looks on

    def _end(self, ended: Ended) -> None:
        self._at_work.pop(ended.id, None)
        item = self._find(ended.id)
        if item is None:
            return
        failure = download_protocol.failure_from_fields(ended.code, ended.facts)
        state: State = item.state
        if ended.path:
            state, self._deaths = "done", 0
        elif failure:
            state = "paused" if isinstance(failure, DiskFull) else "failed"
        elif item.state in BUSY:
            state = "queued"
        done = ended.done or (0 if failure else item.done_bytes)
        total = ended.done if ended.path else item.total_bytes
        self._change(
            ended.id,
            state=state,
            done_bytes=done,
            total_bytes=total,
            path=ended.path or item.path,
            into=_into(ended.path, item) if ended.path else item.into,
            bytes_per_s=0.0,
            seconds_left=-1.0,
            failure=failure,
            wrong_hashes=item.wrong_hashes + isinstance(failure, WrongHash),
        )

    def _lose(self, end: DownloadError) -> None:
        """The process has died: start another one, unless it dies again and again."""
        logger("download").error("the process that downloads has ended: %s", failure_line(end))
        with self._lock:
            lost = list(self._at_work)
            self._at_work.clear()
            self._deaths += 1
            for item in [one for one in self._items if one.id in lost and one.state in BUSY]:
                failure = DownloadError(**{**end.facts, "file": item.entry.file})
                gives_up = self._deaths >= _DEATHS
                self._change(
                    item.id,
                    state="failed" if gives_up else "queued",
                    bytes_per_s=0.0,
                    seconds_left=-1.0,
                    failure=failure if gives_up else None,
                )
        self._go_on()

    def _discard(self, item: Item) -> None:
        try:
            discard(item.entry, Path(item.folder), item.into)
        except Failure as failure:
            self._journal.trouble = self._journal.trouble or failure  # type: ignore[assignment]

    def _write(self) -> None:
        lines = tuple(map(line_of, self._items))
        if lines != self._written:
            self._written = lines
            self._chores.add(lambda: self._journal.write(lines))


def _lacks(item: Item) -> bool:
    return item.state == "done" and item.failure is not None


def _check_path(reply: download_protocol.Reply, item: Item | None) -> None:
    path = reply.path if isinstance(reply, Ended) else ""
    if path and item and not Path(path).is_relative_to(item.folder):
        raise GarbledError(f"{path} is not in {item.folder}")


def _into(path: str, item: Item) -> str:
    """The name of the folder that the model was put into in the end."""
    below = Path(path).relative_to(item.folder).parts
    return below[0] if len(below) > 1 else ""


def _sort(item: Item) -> tuple[str, str, str]:
    return item.entry.key, item.entry.sha256, item.folder


def _refuse_bytes(folder: Path) -> None:
    """Raises StoreError for a folder whose name is not valid Unicode, as JSON cannot hold it."""
    try:
        str(folder).encode()
    except UnicodeEncodeError as error:
        raise StoreError(path=ascii(str(folder)), why="folder-no-text") from error
