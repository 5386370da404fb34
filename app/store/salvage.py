"""Saving what can be read of a damaged file of conversations into a new one, row by row."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .folding import fold
from .read_only import read_only

_TABLES = (
    *("conversations", "messages", "pieces", "message_tokens", "drafts", "trash_clock"),
    *("conversation_starts", "personas"),
    *("documents", "document_versions", "document_pieces", "document_growth"),
    *("comparisons", "comparison_answers", "comparison_divergences"),
)
_WITH_ID = ("conversations", "messages", "documents", "comparisons", "personas")
_USUAL: dict[str, object] = {
    "think": "off",
    "status": "done",
    "role": "assistant",
    "reply": "{}",
    "token_limit": 2048,
    "settings": "{}",
    "options": "{}",
    "content": "[]",
    "grid": "{}",
    "kind": "typed",
}
_EMPTY: dict[str, object] = {"TEXT": "", "REAL": 0.0, "INTEGER": 0, "BLOB": b""}
_HOMELESS = """INSERT OR IGNORE INTO conversations
  (id, title, created, updated, system, template, think, token_limit, pinned)
  SELECT conversation, '', min(created), max(created), '', '', 'off', 2048, 0 FROM messages
  WHERE conversation NOT IN (SELECT id FROM conversations WHERE id IS NOT NULL)
  GROUP BY conversation"""
_HOMELESS_VERSIONS = """INSERT OR IGNORE INTO documents (id, title, created, updated, settings)
  SELECT document, '', min(created), max(created), '{}' FROM document_versions
  WHERE document NOT IN (SELECT id FROM documents) GROUP BY document"""
_LOST = (
    "DELETE FROM conversation_starts WHERE conversation NOT IN (SELECT id FROM conversations)",
    "DELETE FROM document_pieces WHERE document NOT IN (SELECT id FROM documents)",
    "DELETE FROM document_growth WHERE piece NOT IN (SELECT id FROM document_pieces)",
    "DELETE FROM comparison_answers WHERE comparison NOT IN (SELECT id FROM comparisons)",
    "DELETE FROM comparison_divergences WHERE comparison NOT IN (SELECT id FROM comparisons)",
    "DELETE FROM pieces WHERE message NOT IN (SELECT id FROM messages)",
    "DELETE FROM message_tokens WHERE message NOT IN (SELECT row FROM messages)",
)


def salvaged(path: Path, into: sqlite3.Connection) -> int:
    """How many conversations of ``path`` could be brought over, and the documents with them.

    ``into`` has the newest layout and is in no transaction.  Messages whose conversation cannot be
    read get an empty one.
    """
    with contextlib.suppress(sqlite3.Error, UnicodeDecodeError), read_only(path) as found:
        into.execute("PRAGMA foreign_keys = OFF")
        try:
            into.execute("BEGIN IMMEDIATE")
            for table in _TABLES:
                _copy(found, into, table)
            into.execute(_HOMELESS)
            into.execute(_HOMELESS_VERSIONS)
            for statement in _LOST:
                into.execute(statement)
            into.execute("COMMIT")
        finally:
            if into.in_transaction:
                into.execute("ROLLBACK")
            into.execute("PRAGMA foreign_keys = ON")
    return int(into.execute("SELECT count(*) FROM conversations").fetchone()[0])


def _copy(found: sqlite3.Connection, into: sqlite3.Connection, table: str) -> None:
    layout = {name: (kind, needed) for name, kind, needed in _columns(into, table)}
    shared = [name for name, *_ in _columns(found, table) if name in layout]
    if not shared:
        return
    names = list(
        dict.fromkeys([*shared, *(name for name, (_, needed) in layout.items() if needed)])
    )
    marks = ", ".join("?" * len(names))
    insert = f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({marks})"
    for number, row in enumerate(_rows(found, table, shared)):
        values = dict(zip(shared, row, strict=True))
        if table in _WITH_ID and not isinstance(values.get("id"), str):
            values["id"] = f"saved-{table}-{number}"
        if table == "messages":
            writing = values.get("status") == "writing"
            values["folded"] = "" if writing else fold(values.get("text"))
        whole = [_filled(name, values.get(name), *layout[name]) for name in names]
        with contextlib.suppress(sqlite3.IntegrityError):
            into.execute(insert, whole)


def _filled(name: str, value: object, kind: str, needed: int) -> object:
    if value is None and needed:
        return _USUAL.get(name, _EMPTY.get(kind, ""))
    return value


def _columns(file: sqlite3.Connection, table: str) -> list[tuple[str, str, int]]:
    """Name, type and whether it must hold something; [] where there is no such table."""
    with contextlib.suppress(sqlite3.Error, UnicodeDecodeError):
        rows = file.execute(f"PRAGMA table_info({table})").fetchall()
        return [(str(row[1]), str(row[2]), int(row[3])) for row in rows]
    return []


def _rows(file: sqlite3.Connection, table: str, names: list[str]) -> Iterator[tuple[Any, ...]]:
    """From the first on; past a damaged place from the last one back to it."""
    asked = f"SELECT {', '.join(names)} FROM {table} NOT INDEXED ORDER BY "
    row = "rowid" if table != "messages" or "row" not in names else "row"
    for order in ("", " DESC"):
        try:
            yield from file.execute(f"{asked}{row}{order}")
        except (sqlite3.Error, UnicodeDecodeError):
            continue
        return
