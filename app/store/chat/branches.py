"""The branches of a conversation: their names, and taking one away so that it can come back."""

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from app.store.changes import Change, Changes
from app.store.database import Database
from app.store.trash import KEPT_S

_OLD = "DELETE FROM messages WHERE dropped IS NOT NULL AND dropped <= ?"
_SHOW = """UPDATE conversations
  SET leaf = coalesce((SELECT id FROM messages WHERE id = ? AND dropped IS NULL), ?, leaf)
  WHERE id = ?"""


class Branches:
    """Futures carry a StoreError or DiskFull where the file cannot be used."""

    def __init__(self, database: Database, changes: Changes, clock: Callable[[], float]) -> None:
        self._database, self._changes, self._clock = database, changes, clock

    def name(self, conversation: str, message: str, name: str) -> "Future[None]":
        """Call the branch that a message begins so; "" is no name."""

        def job(file: sqlite3.Connection) -> None:
            file.execute("UPDATE messages SET name = ? WHERE id = ?", (name, message))

        written = self._database.write(job)
        self._changes.tell_after(written, Change("messages", conversation))
        return written

    def drop(self, conversation: str, messages: Sequence[str], leaf: str | None) -> "Future[None]":
        """Take messages away, each with all that follows it, and show the branch of ``leaf``.

        They are in no list and found by no search, and can come back for 30 days.
        """
        now = self._clock()
        statement = "UPDATE messages SET dropped = ? WHERE id = ? AND dropped IS NULL"
        rows = [(now, one) for one in messages]

        def job(file: sqlite3.Connection) -> None:
            file.execute(_OLD, (now - KEPT_S,))
            file.executemany(statement, rows)
            file.execute("UPDATE conversations SET leaf = ? WHERE id = ?", (leaf, conversation))

        written = self._database.write(job)
        self._changes.tell_after(written, Change("messages", conversation))
        return written

    def take_back(
        self, conversation: str, messages: Sequence[str], leaf: str | None
    ) -> "Future[None]":
        """Bring messages back that were taken away, and show the branch of ``leaf`` again.

        Where that is not there, the last of ``messages`` is shown.
        """
        rows = [(one,) for one in messages]
        last = messages[-1] if messages else None

        def job(file: sqlite3.Connection) -> None:
            file.executemany("UPDATE messages SET dropped = NULL WHERE id = ?", rows)
            file.execute(_SHOW, (leaf, last, conversation))

        written = self._database.write(job)
        self._changes.tell_after(written, Change("messages", conversation))
        return written
