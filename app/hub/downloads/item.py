"""One download in the queue, and its line in the journal."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from app.errors import AlreadyThere, Failure, UnsafeName, WrongHash
from app.hub.catalogue.entries import Entry

from . import download_protocol
from .bundle import already_of
from .destination import Destination
from .journal import Line
from .placing import leading, parts_of, place_of

State = Literal["queued", "running", "paused", "waiting", "checking", "done", "failed"]

BUSY = ("running", "waiting", "checking")
"""States of what the downloading process works at."""
_TIMES_WRONG = 2


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One download; ``into`` as in ``Destination``.  ``path`` opens the model once it is "done".

    "waiting" is for the network, the hub or the disk, because of ``failure``; "paused" has one
    where the disk is full.  ``seconds_left`` is -1 where it cannot be told.  ``elsewhere``: another
    program has it, and what is told of it was seen from here.  ``wrong_hashes``: so often other
    bytes came than were promised; ``hub_changed``: since it failed, it would go another way.
    """

    id: str
    entry: Entry
    folder: str
    path: str
    into: str | None = None
    state: State = "queued"
    done_bytes: int = 0
    total_bytes: int = 0
    bytes_per_s: float = 0.0
    seconds_left: float = -1.0
    failure: Failure | None = None
    wrong_hashes: int = 0
    hub_changed: bool = False
    elsewhere: bool = False

    @property
    def retryable(self) -> bool:
        """Whether to ask once more may bring it: after a failure that does not stand for good.

        Bytes that were wrong twice will be so again; another hub, or another way to it, may do
        better in any case.
        """
        if self.failure is None or self.hub_changed:
            return True
        if isinstance(self.failure, WrongHash):
            return self.wrong_hashes < _TIMES_WRONG
        return self.failure.retryable


def line_of(item: Item) -> Line:
    """The line of the journal for an item.

    The bytes that have arrived are recorded beside the file.
    """
    state = "queued" if item.state in BUSY else item.state
    resting = item.state in ("done", "failed")
    return Line(
        id=item.id,
        entry=item.entry,
        folder=item.folder,
        into=item.into,
        state=state,  # type: ignore[arg-type]
        work=item.state if item.state in BUSY else "",  # type: ignore[arg-type]
        done_bytes=item.done_bytes if resting else 0,
        wrong_hashes=item.wrong_hashes,
        **download_protocol.failure_to_fields(item.failure if item.state != "queued" else None),
    )


def items_of(lines: tuple[Line, ...]) -> Iterator[Item]:
    """The items of a journal; lines with an unsafe name or without a place are skipped."""
    for line in lines:
        with contextlib.suppress(UnsafeName, AlreadyThere):
            yield _item(line)


def _settled(line: Line) -> Destination:
    """The path of a complete model, whatever lies there now; earlier versions did not record it."""
    files = [part.path for part in parts_of(line.entry)]
    repo, earlier = line.entry.repo, "" if len(files) == 1 else line.entry.repo.rsplit("/", 1)[-1]
    return Destination(Path(line.folder), repo, files, earlier if line.into is None else line.into)


def _item(line: Line) -> Item:
    folder = Path(line.folder)
    places = _settled(line) if line.state == "done" else place_of(line.entry, folder, line.into)
    done = line.done_bytes if line.state == "done" else already_of(line.entry, folder, line.into)
    return Item(
        id=line.id,
        entry=line.entry,
        folder=line.folder,
        path=str(places.opened(leading(line.entry))),
        into=places.into,
        state=line.state,
        done_bytes=done,
        total_bytes=max(line.entry.bytes, done if line.state == "done" else 0),
        failure=download_protocol.failure_from_fields(line.code, line.facts)
        if line.state != "queued"
        else None,
        wrong_hashes=line.wrong_hashes,
    )
