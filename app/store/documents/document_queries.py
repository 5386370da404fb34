"""What the tables of documents are asked, and how a version that grew is made whole."""

import contextlib
import sqlite3

from app.store.folding import fold
from app.store.search import excerpt, terms_of
from app.store.table_rows import text_of, time_of
from app.store.trash import left_s
from app.system.running_programs import runs

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
    document_of,
    joined,
    piece_of,
    version_of,
)

_FOUND_AT_MOST = 200


def all_documents(file: sqlite3.Connection) -> list[Document]:
    """Every one that is not in the trash, the one that was changed last first."""
    asked = f"SELECT {DOCUMENT} FROM documents WHERE trashed IS NULL ORDER BY updated DESC, id DESC"
    return [document_of(row) for row in file.execute(asked)]


def search_documents(file: sqlite3.Connection, words: str) -> list[FoundDocument]:
    """Every word must be in the text that is shown or in the title."""
    terms = terms_of(words)
    if not terms:
        return []
    whole = "folded || char(10) || fold(CAST(title AS BLOB))"
    rows = file.execute(
        f"""SELECT {DOCUMENT}, id FROM documents WHERE trashed IS NULL
            AND {" AND ".join([f"instr({whole}, ?)"] * len(terms))}
            ORDER BY updated DESC, id DESC LIMIT {_FOUND_AT_MOST}""",
        terms,
    ).fetchall()
    found = [document_of(row[:-1]) for row in rows]
    return [FoundDocument(document=one, excerpt=_around(file, one, terms[0])) for one in found]


def opened_document(file: sqlite3.Connection, document: str) -> OpenedDocument | None:
    """One with its versions; None if it is not there."""
    found = file.execute(
        f"SELECT {DOCUMENT}, trashed IS NOT NULL FROM documents WHERE id = ?", (document,)
    ).fetchone()
    if found is None:
        return None
    versions = _versions(file, document)
    return OpenedDocument(document_of(found[:-1]), versions, bool(found[-1]))


def trashed_documents(file: sqlite3.Connection, now: float) -> list[TrashedDocument]:
    """What lies in the trash, the latest first."""
    rows = file.execute(
        f"SELECT {DOCUMENT}, trashed, trash_reading FROM documents"
        " WHERE trashed IS NOT NULL ORDER BY trash_reading DESC, trashed DESC"
    )
    return [
        TrashedDocument(
            document=document_of(row[:-2]),
            since=time_of(row[-2]),
            left_s=left_s(file, row[-1], now),
        )
        for row in rows.fetchall()
    ]


def end_abandoned_versions(file: sqlite3.Connection) -> None:
    """What a killed program was writing ends where it stood; another window's is left alone."""
    asked = "SELECT id, document, writer FROM document_versions WHERE status = 'writing'"
    for ident, document, writer in file.execute(asked).fetchall():
        if not (isinstance(writer, str) and runs(writer)):
            with contextlib.suppress(sqlite3.IntegrityError):
                _fold_growth(file, document)
                end = "UPDATE document_versions SET status = 'interrupted' WHERE id = ?"
                file.execute(end, (ident,))
                _fold_text(file, document)


def _versions(file: sqlite3.Connection, document: str) -> tuple[Version, ...]:
    rows = file.execute(f"SELECT {PIECE} FROM document_pieces WHERE document = ?", (document,))
    pieces = {one.id: one for one in (_grown(file, piece_of(row)) for row in rows.fetchall())}
    asked = f"SELECT {VERSION} FROM document_versions WHERE document = ? ORDER BY row"
    return tuple(version_of(row, pieces) for row in file.execute(asked, (document,)))


def _grown(file: sqlite3.Connection, piece: TextPiece) -> TextPiece:
    """With what was added to it, as while another window writes it."""
    asked = "SELECT text, ids, lengths FROM document_growth WHERE piece = ? ORDER BY row"
    more = file.execute(asked, (piece.id,)).fetchall()
    if not more:
        return piece
    row = _piece_row(file, piece.id)
    texts = "".join(text_of(text) for text, _, _ in more)
    ids, lengths = (joined((row[at + 2], *(one[at] for one in more))) for at in (1, 2))
    return piece_of((row[0], text_of(row[1]) + texts, row[2], ids, lengths, row[5]))


def _piece_row(file: sqlite3.Connection, piece: str) -> tuple[object, ...]:
    asked = f"SELECT {PIECE} FROM document_pieces WHERE id = ?"
    return tuple(file.execute(asked, (piece,)).fetchone())


def _fold_growth(file: sqlite3.Connection, document: str) -> None:
    asked = """SELECT DISTINCT piece FROM document_growth JOIN document_pieces
      ON document_pieces.id = piece WHERE document = ?"""
    for (ident,) in file.execute(asked, (document,)).fetchall():
        row = _piece_row(file, ident)
        whole = _grown(file, piece_of(row))
        more = "SELECT ids, lengths FROM document_growth WHERE piece = ? ORDER BY row"
        rows = file.execute(more, (ident,)).fetchall()
        ids, lengths = (joined((row[at + 3], *(one[at] for one in rows))) for at in (0, 1))
        keep = "UPDATE document_pieces SET text = ?, ids = ?, lengths = ? WHERE id = ?"
        file.execute(keep, (whole.text, ids, lengths, ident))
        file.execute("DELETE FROM document_growth WHERE piece = ?", (ident,))


def _fold_text(file: sqlite3.Connection, document: str) -> None:
    """The text that is shown, as search compares it."""
    text = _shown_text(file, document)
    file.execute("UPDATE documents SET folded = ? WHERE id = ?", (fold(text), document))


def _shown_text(file: sqlite3.Connection, document: str) -> str:
    asked = "SELECT version FROM documents WHERE id = ?"
    row = file.execute(asked, (document,)).fetchone()
    versions = {one.id: one for one in _versions(file, document)}
    shown = versions.get(text_of(row[0])) if row else None
    return shown.text if shown else ""


def _around(file: sqlite3.Connection, one: Document, term: str) -> str:
    text = _shown_text(file, one.id)
    return excerpt(text, term) if term in fold(text) else ""
