"""Where conversations stand in the list: pins, folders, the archive; and copies of them."""

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from app.errors import StoreError
from app.store import trash
from app.store.changes import Change, Changes
from app.store.database import Database
from app.store.records import Conversation, new_id
from app.store.table_rows import WHOLE, text_of

_COPIED = "system, template, think, sampling, token_limit, folder, options"
_OF_ONE = "WHERE conversation = ? AND dropped IS NULL"
_COPY_OF_MESSAGE = f"""INSERT INTO messages
  (id, conversation, parent, role, text, status, writer, reply, created, folded, name)
  SELECT ?, ?, ?, role, CASE status WHEN 'writing' THEN {WHOLE} ELSE text END,
  CASE status WHEN 'writing' THEN 'interrupted' ELSE status END, '', reply, created,
  CASE status WHEN 'writing' THEN fold(CAST({WHOLE} AS BLOB)) ELSE folded END, name
  FROM messages WHERE row = ?"""
_COPY_OF_START = """INSERT INTO conversation_starts (conversation, state, name)
  SELECT ?, state, name FROM conversation_starts WHERE conversation = ?"""
_COPY_OF_TOKENS = """INSERT INTO message_tokens (message, vocabulary, start, ids)
  SELECT ?, vocabulary, start, ids FROM message_tokens JOIN messages
  ON messages.row = message_tokens.message
  WHERE message_tokens.message = ? AND status <> 'writing'"""


class Arranging:
    """Verbs for one conversation or many at once: each is done wholly or not at all.

    Futures carry a StoreError or DiskFull where the file cannot be used.
    """

    def __init__(self, database: Database, changes: Changes, clock: Callable[[], float]) -> None:
        self._database, self._changes, self._clock = database, changes, clock

    def pin(self, conversations: Sequence[str], *, pinned: bool) -> "Future[None]":
        """Keep them at the top of the list, or no longer."""
        return self._set(conversations, "pinned", int(pinned))

    def archive(self, conversations: Sequence[str], *, archived: bool) -> "Future[None]":
        """Put them at the end of the list, folded away, or back among the others."""
        return self._set(conversations, "archived", int(archived))

    def move(self, conversations: Sequence[str], folder: str) -> "Future[None]":
        """Put them into a folder, which is there as long as something lies in it; "" is none."""
        return self._set(conversations, "folder", folder)

    def rename_folder(self, folder: str, name: str) -> "Future[None]":
        """Give a folder another name; one of that name takes what is in it."""
        statement = "UPDATE conversations SET folder = ? WHERE folder = ?"
        return self._write(lambda file: _do(file, statement, (name, folder)))

    def put_back(self, before: Sequence[Conversation]) -> "Future[None]":
        """Pins, folders and archive as they were."""
        statement = "UPDATE conversations SET pinned = ?, folder = ?, archived = ? WHERE id = ?"
        rows = [(int(one.pinned), one.folder, int(one.archived), one.id) for one in before]
        return self._write(lambda file: _do_all(file, statement, rows))

    def set_title(self, conversation: str, title: str) -> "Future[None]":
        """Give a title that no person has chosen; one that a person gave stays."""
        statement = "UPDATE conversations SET title = ? WHERE id = ? AND own_title = 0"
        return self._write(lambda file: _do(file, statement, (title, conversation)))

    def delete(self, conversations: Sequence[str]) -> "Future[None]":
        """Put all of them into the trash."""
        now = self._clock()

        def job(file: sqlite3.Connection) -> None:
            for one in conversations:
                trash.put_in(file, one, now)

        return self._write(job)

    def restore(self, conversations: Sequence[str]) -> "Future[None]":
        """Take all of them out of the trash; those that are gone for good are passed over."""
        statement = "UPDATE conversations SET trashed = NULL WHERE id = ?"
        return self._write(lambda file: _do_all(file, statement, [(one,) for one in conversations]))

    def duplicate(self, conversation: str, title: str) -> "Future[str]":
        """Copy one with all its branches; the id of the copy, which is the newest then.

        A StoreError comes (fact ``why``: "gone") if it is not there.
        """
        copy, now = new_id(), self._clock()

        def job(file: sqlite3.Connection) -> str:
            _copy(file, conversation, copy, title, now)
            return copy

        copied = self._database.write(job)
        self._changes.tell_after(copied, Change("conversations", copy))
        return copied

    def _set(self, conversations: Sequence[str], name: str, value: str | int) -> "Future[None]":
        statement = f"UPDATE conversations SET {name} = ? WHERE id = ?"
        rows = [(value, one) for one in conversations]
        return self._write(lambda file: _do_all(file, statement, rows))

    def _write(self, job: Callable[[sqlite3.Connection], None]) -> "Future[None]":
        written = self._database.write(job)
        self._changes.tell_after(written, Change("conversations"))
        return written


def _do(file: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> None:
    file.execute(statement, values)


def _do_all(file: sqlite3.Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    file.executemany(statement, rows)


def _copy(file: sqlite3.Connection, ident: str, copy: str, title: str, now: float) -> None:
    """A conversation with its start, its messages and their tokens, under other ids."""
    made = file.execute(
        f"INSERT INTO conversations (id, title, created, updated, pinned, own_title, {_COPIED})"
        f" SELECT ?, ?, ?, ?, 0, 1, {_COPIED} FROM conversations WHERE id = ?",
        (copy, title, now, now, ident),
    )
    if not made.rowcount:
        raise StoreError(why="gone")
    file.execute(_COPY_OF_START, (copy, ident))
    asked = f"SELECT row, id, parent FROM messages {_OF_ONE} ORDER BY row"
    names: dict[str, str] = {}
    last: str | None = None
    for row, message, parent in file.execute(asked, (ident,)).fetchall():
        fresh = new_id()
        above = None if parent is None else names.get(text_of(parent), last)
        made = file.execute(_COPY_OF_MESSAGE, (fresh, copy, above, row))
        file.execute(_COPY_OF_TOKENS, (made.lastrowid, row))
        names[text_of(message)] = last = fresh
    (leaf,) = file.execute("SELECT leaf FROM conversations WHERE id = ?", (ident,)).fetchone()
    shown = names.get(text_of(leaf), last)
    file.execute("UPDATE conversations SET leaf = ? WHERE id = ?", (shown, copy))
