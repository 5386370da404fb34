"""The documents of the playground, in the database of the conversations; knows no widget.

Ids are made by the caller, so nothing has to be waited for.  What is stored is stored whole and as
often as one likes: a write that failed is simply made again.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future

import msgspec

from app.runtime.protocol.token_spans import pack
from app.store import trash
from app.store.changes import Change, Changes
from app.store.database import Database
from app.store.folding import fold
from app.system.running_programs import this_program

from .document_queries import (
    all_documents,
    end_abandoned_versions,
    opened_document,
    search_documents,
    trashed_documents,
)
from .document_records import (
    Document,
    FoundDocument,
    OpenedDocument,
    TextPiece,
    TrashedDocument,
    Version,
)
from .document_rows import (
    DOCUMENT,
    PIECE,
    VERSION,
    document_values,
    piece_values,
    version_values,
)

_DROP = """DELETE FROM document_pieces WHERE id = ?1 AND document = ?2 AND NOT EXISTS
  (SELECT 1 FROM document_versions WHERE document = ?2 AND instr(content, ?1))"""
_SET = {"title": "title", "version": "version", "settings": "settings"}


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be stored of a document at once.

    ``text`` is what is shown, for the search.  ``pieces`` are those that the ``versions`` are made
    of and that are not stored yet, ``gone`` the ids of some that these have no more: they go unless
    another version has them, also one of another window.  ``dropped`` are versions without a word.
    """

    document: Document
    text: str
    versions: tuple[Version, ...] = ()
    pieces: tuple[TextPiece, ...] = ()
    gone: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


class Documents:
    """All documents; futures carry a StoreError or DiskFull where the file cannot be used.

    What is deleted stays in the trash for 30 days.  A version whose program was killed is
    "interrupted", with all that was stored of it, when the database is opened next.
    """

    def __init__(
        self, database: Database, changes: Changes, clock: Callable[[], float] = time.time
    ) -> None:
        self._database, self._clock = database, clock
        self.changes = changes
        database.write(end_abandoned_versions).result()

    @property
    def open_for_writes(self) -> bool:
        """Whether anything can be stored."""
        return self._database.open

    def all(self) -> "Future[list[Document]]":
        """Every document, the one that was changed last first."""
        return self._database.read(all_documents)

    def search(self, words: str) -> "Future[list[FoundDocument]]":
        """The documents whose title or text holds ``words``, the newest first."""
        return self._database.read(lambda file: search_documents(file, words))

    def open(self, document: str) -> "Future[OpenedDocument | None]":
        """One document with all its versions; None if it is not there."""
        return self._database.read(lambda file: opened_document(file, document))

    def save(self, saved: Saved) -> "Future[None]":
        """Store a document, new or known, with what is new of it.

        One that lies in the trash comes back; of what another window has stored nothing goes.
        """

        def job(file: sqlite3.Connection) -> None:
            one = saved.document
            _put(file, "documents", DOCUMENT, document_values(one), keeps=("created",))
            now = (fold(saved.text), one.id)
            file.execute("UPDATE documents SET trashed = NULL, folded = ? WHERE id = ?", now)
            for piece in saved.pieces:
                _put_piece(file, one.id, piece)
            for version in saved.versions:
                _put_version(file, version)
            drop = "DELETE FROM document_versions WHERE id = ? AND document = ?"
            file.executemany(drop, [(each, one.id) for each in saved.dropped])
            file.executemany(_DROP, [(each, one.id) for each in saved.gone])

        return self._write(job, saved.document.id)

    def grow(self, piece: TextPiece, text: str, ids: Iterable[int], lengths: Iterable[int]) -> None:
        """Add to a piece that is being written; cheap, tells nobody, and may fail.

        Nothing is lost where it does: the whole piece is stored in the end.
        """
        statement = """INSERT INTO document_growth (piece, text, ids, lengths)
          SELECT id, ?, ?, ? FROM document_pieces WHERE id = ?"""
        values = (text, pack(ids), pack(lengths), piece.id)

        def job(file: sqlite3.Connection) -> None:
            file.execute(statement, values)

        self._database.write(job)

    def configure(self, document: Document, *names: str) -> "Future[None]":
        """Store the fields ``names``: title, version, settings."""
        columns = DOCUMENT.split(", ")
        values = dict(zip(columns, document_values(document), strict=True))
        sets = ", ".join(f"{_SET[name]} = ?" for name in names)
        statement = f"UPDATE documents SET {sets} WHERE id = ?"
        chosen = (*(values[_SET[name]] for name in names), document.id)
        return self._write(lambda file: _do(file, statement, chosen), document.id)

    # the trash

    def delete(self, document: str) -> "Future[None]":
        """Put a document into the trash: it is in no other list and found by no search."""
        now = self._clock()
        return self._write(lambda file: trash.put_in(file, document, now, "documents"), document)

    def restore(self, document: str) -> "Future[None]":
        """Take a document out of the trash; a StoreError comes if it is gone for good."""
        return self._write(lambda file: trash.take_out(file, document, "documents"), document)

    def trash(self) -> "Future[list[TrashedDocument]]":
        """What lies in the trash, the latest first."""
        now = self._clock()
        return self._database.read(lambda file: trashed_documents(file, now))

    def trash_count(self) -> "Future[int]":
        """How many documents lie in the trash."""
        return self._database.read(lambda file: trash.count(file, "documents"))

    def remove(self, documents: Sequence[str]) -> "Future[None]":
        """Remove these for good; one that was taken out of the trash meanwhile stays."""
        return self._write(lambda file: trash.remove(file, documents, "documents"), "")

    def remove_old(self) -> "Future[int]":
        """Remove for good what has been in the trash for 30 days; how many that were."""
        now = self._clock()
        return self._database.write(lambda file: trash.remove_old(file, now, "documents"))

    def _write(self, job: Callable[[sqlite3.Connection], None], document: str) -> "Future[None]":
        written = self._database.write(job)
        told = Change("documents", document)

        def tell(done: "Future[None]") -> None:
            if not done.cancelled() and done.exception() is None:
                self.changes.tell(told)

        written.add_done_callback(tell)
        return written


def _put_piece(file: sqlite3.Connection, document: str, piece: TextPiece) -> None:
    """The whole piece, in place of what it may have grown by."""
    values = (*piece_values(piece), document)
    _put(file, "document_pieces", f"{PIECE}, document", values)
    file.execute("DELETE FROM document_growth WHERE piece = ?", (piece.id,))


def _put_version(file: sqlite3.Connection, version: Version) -> None:
    writer = this_program() if version.status == "writing" else ""
    values = (*version_values(version), writer)
    _put(file, "document_versions", f"{VERSION}, writer", values, keeps=("created",))


def _put(
    file: sqlite3.Connection,
    table: str,
    names: str,
    values: tuple[object, ...],
    keeps: tuple[str, ...] = (),
) -> None:
    """A new row, or its new values but for those that it ``keeps``."""
    columns = names.split(", ")
    marks = ", ".join("?" * len(columns))
    sets = ", ".join(f"{one} = excluded.{one}" for one in columns[1:] if one not in keeps)
    _do(
        file,
        f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {sets}",
        values,
    )


def _do(file: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> None:
    file.execute(statement, values)
