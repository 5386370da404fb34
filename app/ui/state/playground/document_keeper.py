"""Brings a document to the store as it changes, and again what the store could not take."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import Failure
from app.messages.translate import tr
from app.store.documents.document_records import Document, TextPiece, Version
from app.store.documents.documents import Documents, Saved
from app.ui.state.services import Services

_SOON_MS, _AGAIN_MS = 400, 5000


class Changed:
    """What of one document is not stored yet; ``document`` is asked when it is about to be.

    ``growing`` are the pieces that a model is writing: they are stored anew when it has ended.
    """

    def __init__(self, document: Callable[[], tuple[Document, str]]) -> None:
        self.document = document
        self.versions: dict[str, Version] = {}
        self.stored: set[str] = set()
        self.growing: set[str] = set()
        self.loose: set[str] = set()
        self.dropped: list[str] = []

    def note_stored(self, version: Version) -> None:
        """A version comes from the store."""
        self.stored |= {one.piece.id for one in version.content}

    def put(self, version: Version, before: Version | None = None) -> None:
        """A version is new or another one now; pieces that only ``before`` it had may go."""
        self.versions[version.id] = version
        if version.status != "writing":
            self.growing -= {one.piece.id for one in version.content}
        if before is not None:
            left = {one.piece.id for one in before.content}
            self.loose |= left - {one.piece.id for one in version.content}

    def drop(self, version: str) -> None:
        """A version is not wanted any more."""
        self.versions.pop(version, None)
        self.dropped.append(version)

    def saved(self) -> Saved:
        """All of it, to be stored."""
        document, text = self.document()
        pieces: dict[str, TextPiece] = {}
        kept: set[str] = set()
        for version in self.versions.values():
            for one in version.content:
                kept.add(one.piece.id)
                if one.piece.id not in self.stored:
                    pieces[one.piece.id] = one.piece
        gone = tuple((self.loose & self.stored) - kept)
        versions = tuple(self.versions.values())
        return Saved(
            document=document,
            text=text,
            versions=versions,
            pieces=tuple(pieces.values()),
            gone=gone,
            dropped=tuple(self.dropped),
        )


class DocumentKeeper(QObject):
    """``soon`` stores what has changed after a while, ``now`` at once.

    One failure is told, not its consequences; what failed is stored as soon as there is room again.
    """

    _done = Signal(object, object, object)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store: Documents = services.conversations.documents
        self._notices = services.notices
        self._waiting: list[Changed] = []
        self._told = False
        self._soon = QTimer(self, singleShot=True, interval=_SOON_MS)
        self._soon.timeout.connect(self.now)
        self.again = QTimer(self, singleShot=True, interval=_AGAIN_MS)
        self.again.timeout.connect(self.now)
        self._done.connect(self._note)

    def soon(self, changed: Changed) -> None:
        """Store it when the person pauses, or half a second from the first change at most."""
        if changed not in self._waiting:
            self._waiting.append(changed)
        if not self._soon.isActive():
            self._soon.start()

    def now(self, changed: Changed | None = None) -> None:
        """Store all that waits, and this."""
        if changed is not None and changed not in self._waiting:
            self._waiting.append(changed)
        self._soon.stop()
        if not self._store.open_for_writes:
            return
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            saved = one.saved()
            one.versions.clear()
            one.stored |= {piece.id for piece in saved.pieces} - one.growing
            one.stored -= set(saved.gone)
            one.loose.clear()
            one.dropped.clear()
            kept = self._store.save(saved)
            kept.add_done_callback(partial(self._look, one, saved))

    def _look(self, changed: Changed, saved: Saved, done: "Future[None]") -> None:
        """From the store's thread."""
        error = None if done.cancelled() else done.exception()
        self._done.emit(changed, saved, error if isinstance(error, Failure) else None)

    def _note(self, changed: Changed, saved: Saved, failure: Failure | None) -> None:
        if failure is None:
            if self._told and not self._waiting:
                self._told = False
                self._notices.news(tr("There is room again: everything is stored."))
            return
        changed.stored -= {piece.id for piece in saved.pieces}
        changed.stored |= set(saved.gone)
        changed.loose |= set(saved.gone)
        changed.dropped += saved.dropped
        for version in saved.versions:
            changed.versions.setdefault(version.id, version)
        if changed not in self._waiting:
            self._waiting.append(changed)
        self.again.start()
        if not self._told:
            self._told = True
            self._notices.failure(failure)
