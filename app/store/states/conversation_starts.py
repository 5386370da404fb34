"""Which named state a conversation begins from; knows no state and no model.

The file of the state is named, and what it was called: it may be gone when it is asked for.
"""

import os
import sqlite3
from concurrent.futures import Future
from pathlib import Path

import msgspec

from app.runtime.protocol.states import StartState
from app.store.database import Database
from app.store.table_rows import text_of

_PUT = "INSERT OR REPLACE INTO conversation_starts (conversation, state, name) VALUES (?, ?, ?)"
_DELETE = "DELETE FROM conversation_starts WHERE conversation = ?"
_OF = "SELECT state, name FROM conversation_starts WHERE conversation = ?"


class ConversationStart(msgspec.Struct, frozen=True):
    """The path of a state's file, and what the state was called."""

    path: str
    name: str

    @property
    def state(self) -> StartState:
        """As it is asked of a model; one made in another format serves, and that is told."""
        return StartState(os.fsencode(Path(self.path)), other_format=True)


class ConversationStarts:
    """What cannot be stored is known here all the same, as long as the program runs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._here: dict[str, ConversationStart | None] = {}

    def put(self, conversation: str, start: ConversationStart | None) -> "Future[None]":
        """The conversation begins from there, or (None) as usual.  A StoreError may come."""
        self.note(conversation, start)

        def job(file: sqlite3.Connection) -> None:
            if start is None:
                file.execute(_DELETE, (conversation,))
            else:
                file.execute(_PUT, (conversation, start.path, start.name))

        return self._database.write(job)

    def note(self, conversation: str, start: ConversationStart | None) -> None:
        """The same for one that is not stored yet: it is known here, and ``put`` follows."""
        self._here[conversation] = start

    def of(self, conversation: str) -> "Future[ConversationStart | None]":
        """Where a conversation begins; None for the model's own beginning."""

        def job(file: sqlite3.Connection) -> ConversationStart | None:
            if conversation in self._here:
                return self._here[conversation]
            row = file.execute(_OF, (conversation,)).fetchone()
            return ConversationStart(text_of(row[0]), text_of(row[1])) if row else None

        return self._database.read(job)

    def known(self, conversation: str) -> ConversationStart | None:
        """What was put here in this run."""
        return self._here.get(conversation)
