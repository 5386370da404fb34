"""Downloads the vocabulary of a model from another repository, once for all models of a folder."""

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app.errors import (
    ChangedOnHub,
    DiskFull,
    DownloadBusy,
    DownloadError,
    Failure,
    HubError,
    HubMissing,
    HubRefused,
    VocabularyMissing,
    WrongHash,
)
from app.hub.catalogue.entries import Entry, Part
from app.hub.catalogue.vocabulary_files import SOURCES, vocabulary_of
from app.hub.sources.remote import Hub

from .connection_pool import FetchOptions
from .rate_limit import RateLimit
from .transfer import Order, StoppedError, Transfer
from .verified_files import Verified

_TRIES = 3
_LOOK_S, _LOOKS = 0.5, 120


class VocabularyFile:
    """The vocabulary that ``entry`` needs. ``begin`` is called with each Transfer before it runs.

    Nothing is downloaded if a file of that name is there: it may be the person's own.
    """

    def __init__(
        self,
        hub: Hub,
        entry: Entry,
        *,
        how: FetchOptions,
        rate_limit: RateLimit,
        verified: Verified,
        begin: Callable[[Transfer], None],
    ) -> None:
        self._hub, self._part = hub, vocabulary_of(entry)
        self._how = replace(how, tries=min(how.tries or _TRIES, _TRIES))
        self._rate_limit, self._verified, self._begin = rate_limit, verified, begin

    def bytes_missing(self, folder: Path) -> int:
        """How many bytes are still to be downloaded into the folder of the model."""
        part = self._part
        return part.bytes if part and not os.path.lexists(folder / part.path) else 0

    def bring(self, folder: Path, stopped: threading.Event) -> None:
        """Download it. Raises VocabularyMissing, and StoppedError."""
        part = self._part
        if part is None:
            return
        why: Failure | None = None
        for repo, file in SOURCES:
            if not self.bytes_missing(folder):
                return
            try:
                self._bring_from(repo, file, folder / part.path, part, stopped)
            except (HubError, DownloadError) as failure:
                why = why or failure
            except Failure as failure:  # the disk: another source does not help
                raise _missing(part, failure) from failure
            else:
                return
        raise _missing(part, why) from why

    def _bring_from(
        self, repo: str, file: str, path: Path, part: Part, stopped: threading.Event
    ) -> None:
        order = Order(repo=repo, file=file, path=str(path), bytes=part.bytes, sha256=part.sha256)
        for _ in range(_LOOKS):
            if stopped.is_set():
                raise StoppedError
            transfer = Transfer(
                self._hub,
                order,
                how=self._how,
                rate_limit=self._rate_limit,
                verified=self._verified,
            )
            self._begin(transfer)
            try:
                transfer.run()
            except DownloadBusy:  # with another model of the same folder
                stopped.wait(_LOOK_S)
            else:
                return
        raise DownloadBusy(path=str(path))


def _missing(part: Part, cause: Failure | None) -> VocabularyMissing:
    why = next((reason for kind, reason in _REASONS if isinstance(cause, kind)), "")
    if why or cause is None:
        return VocabularyMissing(file=part.path, why=why)
    return VocabularyMissing(**{**cause.facts, "file": part.path})


_REASONS: tuple[tuple[type[Failure], str], ...] = (
    (HubMissing, "vocabulary-not-there"),
    (HubRefused, "vocabulary-refused"),
    (ChangedOnHub, "vocabulary-changed"),
    (WrongHash, "vocabulary-changed"),
    (DiskFull, "vocabulary-no-room"),
    (DownloadBusy, "vocabulary-busy"),
)
