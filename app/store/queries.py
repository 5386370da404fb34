"""What the tables of conversations are asked, row by row: a bad one takes no other with it."""

import contextlib
import sqlite3
from collections.abc import Iterable

import msgspec

from app.system.running_programs import runs

from .message_tokens import fold_tokens
from .records import Conversation, Message, Opened
from .table_rows import CONVERSATION, MESSAGE, WHOLE, conversation_of, message_of

_FOLD = f"""UPDATE messages SET status = 'interrupted', text = {WHOLE},
  folded = fold(CAST({WHOLE} AS BLOB)) WHERE row = ?"""
_NAMELESS = "typeof(id) <> 'text' OR id = ''"
_NAMES = (
    *(
        f"""UPDATE {table} SET conversation = (SELECT 'damaged-' || named.rowid
        FROM conversations AS named WHERE named.id IS {table}.conversation)
        WHERE conversation IN (SELECT id FROM conversations WHERE {_NAMELESS})"""
        for table in ("messages", "conversation_starts")
    ),
    f"UPDATE conversations SET id = 'damaged-' || rowid WHERE {_NAMELESS}",
)


def all_conversations(file: sqlite3.Connection) -> list[Conversation]:
    """Every one that is not in the trash, pinned ones first, then the newest first."""
    rows = file.execute(
        f"SELECT {CONVERSATION} FROM conversations WHERE trashed IS NULL"
        " ORDER BY pinned DESC, updated DESC, id DESC"
    )
    return [conversation_of(row) for row in rows]


def all_idents(file: sqlite3.Connection) -> list[str]:
    """The ids of all conversations, in the trash or not."""
    return [row[0] for row in file.execute("SELECT id FROM conversations") if type(row[0]) is str]


def opened(file: sqlite3.Connection, conversation: str) -> Opened | None:
    """One with its messages; None if it is not there."""
    found = file.execute(
        f"SELECT {CONVERSATION}, trashed IS NOT NULL FROM conversations WHERE id = ?",
        (conversation,),
    ).fetchone()
    if found is None:
        return None
    rows = file.execute(
        f"SELECT {MESSAGE} FROM messages WHERE conversation = ? AND dropped IS NULL ORDER BY row",
        (conversation,),
    )
    return Opened(
        conversation=conversation_of(found[:-1]),
        messages=tuple(_in_order(message_of(row) for row in rows)),
        trashed=bool(found[-1]),
    )


def end_abandoned(file: sqlite3.Connection) -> None:
    """Mark what a killed program was writing; another window that still writes is left alone."""
    file.execute("PRAGMA defer_foreign_keys = ON")  # until this transaction ends
    for statement in _NAMES:
        file.execute(statement)
    asked = "SELECT row, id, writer FROM messages WHERE status = 'writing'"
    for row, message, writer in file.execute(asked).fetchall():
        if not (isinstance(writer, str) and runs(writer)):
            with contextlib.suppress(sqlite3.IntegrityError):
                file.execute(_FOLD, (row,))
                fold_tokens(file, row, message)
                file.execute("DELETE FROM pieces WHERE message = ?", (message,))


def _in_order(messages: Iterable[Message]) -> Iterable[Message]:
    """Each after the one that it answers.

    One whose parent is not before it, is itself, or is not there, answers the message before it.
    """
    seen: set[str] = set()
    last: str | None = None
    for message in messages:
        one = message
        if one.id in seen:
            one = msgspec.structs.replace(one, id=f"{one.id}-{len(seen)}")
        if one.parent is not None and one.parent not in seen:
            one = msgspec.structs.replace(one, parent=last)
        seen.add(one.id)
        last = one.id
        yield one
