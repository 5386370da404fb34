"""Conversations with their trees of messages, in a database; knows no model and no widget.

Ids are made by the caller, so nothing has to be waited for: a write returns at once with a
future, and whatever is asked later sees it.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from app.errors import Failure, StoreError, StoreTooNew
from app.runtime.protocol.token_spans import TokenSpan
from app.system.bug_hook import SurvivingBugs
from app.system.running_programs import this_program

from . import trash
from .changes import Change, Changes
from .chat.arranging import Arranging
from .chat.branches import Branches
from .chat.personas import Personas
from .comparisons.comparisons import Comparisons
from .database import Database, set_aside
from .documents.documents import Documents
from .drafts import Drafts
from .folding import fold
from .message_tokens import put_tokens, tokens_of
from .migrations import MIGRATIONS
from .queries import all_conversations, all_idents, end_abandoned, opened
from .records import Conversation, Found, Message, Opened, Trashed
from .salvage import salvaged
from .search import search
from .states.conversation_starts import ConversationStarts
from .table_rows import CONVERSATION, FIELDS, as_json, row_of

T = TypeVar("T")

_STORED = "id, conversation, parent, role, text, status, writer, reply, created, folded, name"
_SETTINGS = ("system", "template", "think", "sampling", "limit", "options")
_OF_THE_LIST = ("id", "pinned", "folder", "archived")


class Conversations:
    """All conversations; futures carry a StoreError or DiskFull where the file cannot be used.

    What is deleted stays in the trash for 30 days.  A reply whose program was killed is
    "interrupted" when the database is opened next.  The constructor raises a StoreError where
    the file turns out to be damaged.  ``clock`` gives seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        changes: Changes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._clock = clock
        self.changes = changes or Changes()
        self.drafts, self.starts = Drafts(database), ConversationStarts(database)
        self.documents = Documents(database, self.changes, clock)
        self.comparisons = Comparisons(database, self.changes, clock)
        self.arranging = Arranging(database, self.changes, clock)
        self.branches = Branches(database, self.changes, clock)
        self.personas = Personas(database, self.changes)
        self._write(end_abandoned).result()
        self.all().result()
        self.remove_old()

    @property
    def lasting(self) -> bool:
        """Whether anything is left of them after this run."""
        return self._database.path is not None

    # what there is

    def all(self) -> "Future[list[Conversation]]":
        """Every conversation, pinned ones first, then the newest first."""
        return self._database.read(all_conversations)

    def search(self, words: str) -> "Future[list[Found]]":
        """The conversations whose title or messages hold ``words``, the newest first."""
        return self._database.read(lambda file: search(file, words))

    def open(self, conversation: str) -> "Future[Opened | None]":
        """One conversation with all its messages; None if it is not there."""
        return self._database.read(lambda file: opened(file, conversation))

    def tokens(self, conversation: str) -> "Future[dict[str, TokenSpan]]":
        """The token ids of its replies as far as they are known, by the ids of the messages."""
        return self._database.read(lambda file: tokens_of(file, conversation))

    def look_again(self) -> "Future[bool]":
        """Whether another window has stored something since this was asked last; told as a Change.

        The first time nothing is known of before.
        """
        asked = self._database.written_elsewhere()

        def tell(done: "Future[bool]") -> None:
            if _went_well(done) and done.result():
                self.changes.tell(Change("messages"))

        asked.add_done_callback(tell)
        return asked

    def idents(self) -> "Future[list[str]]":
        """The ids of all conversations, those in the trash as well."""
        return self._database.read(all_idents)

    # conversations

    def add(self, conversation: Conversation) -> "Future[None]":
        """Keep a new conversation; its first messages follow."""
        row = row_of(conversation)
        statement = f"INSERT INTO conversations ({CONVERSATION}) VALUES ({_marks(row)})"
        return self._write(
            lambda file: _do(file, statement, row),
            Change("conversations", conversation.id),
        )

    def configure(self, conversation: Conversation, *names: str) -> "Future[None]":
        """Store how its replies are made: the fields ``names``, or without any all of them.

        What another window has stored of the others stays.
        """
        row = dict(zip(FIELDS, row_of(conversation), strict=True))
        columns = dict(zip(FIELDS, CONVERSATION.split(", "), strict=True))
        chosen = names or _SETTINGS
        sets = ", ".join(f"{columns[name]} = ?" for name in chosen)
        return self._write(
            lambda file: _do(
                file,
                f"UPDATE conversations SET {sets} WHERE id = ?",
                (*(row[name] for name in chosen), conversation.id),
            ),
            Change("conversations", conversation.id),
        )

    def rename(self, conversation: str, title: str) -> "Future[None]":
        """Give a conversation the title that a person wants."""
        statement = "UPDATE conversations SET title = ?, own_title = 1 WHERE id = ?"
        change = Change("conversations", conversation)
        return self._write(lambda file: _do(file, statement, (title, conversation)), change)

    def pin(self, conversation: str, *, pinned: bool) -> "Future[None]":
        """Keep a conversation at the top of the list, or no longer."""
        return self._set(conversation, "pinned", int(pinned))

    def choose(self, conversation: str, leaf: str | None) -> "Future[None]":
        """Show the branch that ends with ``leaf``."""
        return self._set(conversation, "leaf", leaf)

    # the trash

    def delete(self, conversation: str) -> "Future[None]":
        """Put a conversation into the trash: it is in no other list and found by no search."""
        change, now = Change("conversations", conversation), self._clock()
        return self._write(lambda file: trash.put_in(file, conversation, now), change)

    def restore(self, conversation: str) -> "Future[None]":
        """Take a conversation out of the trash; a StoreError comes if it is gone for good."""
        change = Change("conversations", conversation)
        return self._write(lambda file: trash.take_out(file, conversation), change)

    def trash(self) -> "Future[list[Trashed]]":
        """What lies in the trash, the latest first."""
        now = self._clock()
        return self._database.read(lambda file: trash.listed(file, now))

    def trash_count(self) -> "Future[int]":
        """How many conversations lie in the trash."""
        return self._database.read(trash.count)

    def remove(self, conversations: Sequence[str]) -> "Future[None]":
        """Remove these for good; one that was taken out of the trash meanwhile stays.

        Others wait until it is done: hand in many by and by, ``trash.AT_ONCE`` each time.
        """
        return self._write(lambda file: trash.remove(file, conversations), Change("conversations"))

    def remove_old(self) -> "Future[int]":
        """Remove for good what has been in the trash for 30 days; how many that were.

        Where that is ``trash.AT_ONCE`` there may be more.
        """
        now = self._clock()
        removed = self._database.write(lambda file: trash.remove_old(file, now))

        def tell(done: "Future[int]") -> None:
            if _went_well(done) and done.result():
                self.changes.tell(Change("conversations"))

        removed.add_done_callback(tell)
        return removed

    # messages

    def append(self, message: Message) -> "Future[None]":
        """Keep a new message; it becomes the end of the branch that is shown.

        A conversation in the trash comes back; if it is gone for good the future carries a
        StoreError (fact ``why``: "gone").
        """

        def job(file: sqlite3.Connection) -> None:
            touched = file.execute(
                "UPDATE conversations SET leaf = ?, updated = ?, trashed = NULL WHERE id = ?",
                (message.id, message.created, message.conversation),
            )
            if not touched.rowcount:
                raise StoreError(why="gone")
            row = _message_row(message)
            file.execute(f"INSERT INTO messages ({_STORED}) VALUES ({_marks(row)})", row)

        return self._write(job, Change("messages", message.conversation))

    def grow(self, message: str, more: str, ids: bytes | None = None) -> "Future[None]":
        """Add words to a message that is being written; cheap, and tells nobody.

        ``ids`` are the tokens, packed, that came with them.  One that was deleted meanwhile gains
        nothing.
        """
        piece = "INSERT INTO pieces (message, text, ids) SELECT id, ?, ? FROM messages WHERE id = ?"
        return self._write(lambda file: _do(file, piece, (more, ids, message)))

    def begin_tokens(self, message: str, span: TokenSpan) -> "Future[None]":
        """Note as which tokens a message that is being written begins; it grows on from them."""
        return self._write(lambda file: put_tokens(file, message, span))

    def keep_whole(
        self,
        conversation: Conversation,
        messages: Sequence[Message],
        tokens: Mapping[str, TokenSpan] | None = None,
    ) -> "Future[None]":
        """Store a conversation with messages that have ended, whatever of it is there already.

        ``tokens`` are what is known here, by message; of others those that are there stay.
        """

        def job(file: sqlite3.Connection) -> None:
            names = [name for name in CONVERSATION.split(", ") if name not in _OF_THE_LIST]
            sets = ", ".join(f"{name} = excluded.{name}" for name in names)
            row = row_of(conversation)
            file.execute(
                f"INSERT INTO conversations ({CONVERSATION}) VALUES ({_marks(row)})"
                f" ON CONFLICT (id) DO UPDATE SET {sets}, trashed = NULL",
                row,
            )
            for message in messages:
                row = _message_row(message)
                file.execute(
                    f"INSERT INTO messages ({_STORED}) VALUES ({_marks(row)}) ON CONFLICT (id)"
                    " DO UPDATE SET text = excluded.text, status = excluded.status,"
                    " reply = excluded.reply, folded = excluded.folded",
                    row,
                )
                file.execute("DELETE FROM pieces WHERE message = ?", (message.id,))
                if tokens and message.id in tokens:
                    put_tokens(file, message.id, tokens[message.id])

        return self._write(job, Change("messages", conversation.id))

    def resume(self, message: str) -> "Future[None]":
        """A message that had ended is being written again: it grows on from its words."""
        return self._write(
            lambda file: _do(
                file,
                "UPDATE messages SET status = 'writing', writer = ? WHERE id = ?",
                (this_program(), message),
            )
        )

    def finish(self, message: Message, tokens: TokenSpan | None = None) -> "Future[None]":
        """Store a message that was being written as it ended: all its words, status and reply.

        ``tokens`` are all of it, in place of any that were known (None: these stay).  What it grew
        by is not needed for that: nothing is lost where one of those writes failed.
        """

        def job(file: sqlite3.Connection) -> None:
            file.execute(
                "UPDATE messages SET text = ?, status = ?, reply = ?, folded = ? WHERE id = ?",
                (*_ended_values(message), message.id),
            )
            if tokens is not None:
                put_tokens(file, message.id, tokens)
            file.execute("DELETE FROM pieces WHERE message = ?", (message.id,))

        return self._write(job, Change("messages", message.conversation))

    def close(self) -> None:
        """Finish what is under way and close the file."""
        if self._database.open:
            self.drafts.release()
            self._database.close()

    def _set(self, conversation: str, name: str, value: str | float | None) -> "Future[None]":
        return self._write(
            lambda file: _do(
                file, f"UPDATE conversations SET {name} = ? WHERE id = ?", (value, conversation)
            ),
            Change("conversations", conversation),
        )

    def _write(
        self, job: Callable[[sqlite3.Connection], None], change: Change | None = None
    ) -> "Future[None]":
        written = self._database.write(job)
        if change is not None:
            self.changes.tell_after(written, change)
        return written


def open_conversations(
    path: Path, changes: Changes | None = None
) -> tuple[Conversations, Failure | None]:
    """The conversations of ``path``, and what was wrong with it.

    A damaged file is kept aside (fact ``kept``) and a new one begun with what could be read of it
    (fact ``saved``: how many).  One that cannot be used for another reason, or not be put aside, is
    left alone: the conversations then last as long as the program runs (fact ``unkept``), with what
    could be read in the beginning, as they do where no new one can be begun (both facts).
    """
    try:
        return _in_file(path, changes), None
    except StoreError as failure:
        trouble = failure
    place = path
    if trouble.facts.get("why") == "damaged":
        with contextlib.suppress(OSError, StoreError):
            place = set_aside(path)
            trouble.facts["kept"] = str(place)
            return _with_what_was(place, path, changes, trouble), trouble
    trouble.facts["unkept"] = 1
    return _with_what_was(place, None, changes, trouble), trouble


def _with_what_was(
    old: Path, path: Path | None, changes: Changes | None, trouble: Failure
) -> Conversations:
    """New ones at ``path``, with what can be read of ``old``."""
    database = Database(path, MIGRATIONS)
    with SurvivingBugs():
        saved = 0
        if not isinstance(trouble, StoreTooNew) and os.path.isfile(old):
            saved = database.read(lambda file: salvaged(old, file)).result()
        if saved:
            trouble.facts["saved"] = saved
    return _begun(database, changes)


def _in_file(path: Path | None, changes: Changes | None) -> Conversations:
    """Whatever goes wrong with a file of another layout than ours is a damage of that file."""
    try:
        return _begun(Database(path, MIGRATIONS), changes)
    except sqlite3.Error as error:
        raise StoreError(str(error), path=str(path or ""), why="damaged") from error


def _begun(database: Database, changes: Changes | None) -> Conversations:
    try:
        return Conversations(database, changes)
    except (StoreError, sqlite3.Error):
        database.close()
        raise


def _went_well(done: "Future[T]") -> bool:
    return not done.cancelled() and done.exception() is None


def _message_row(message: Message) -> tuple[object, ...]:
    """The values of the columns ``_STORED``."""
    writer = this_program() if message.status == "writing" else ""
    text, status, reply, folded = _ended_values(message)
    return (
        *(message.id, message.conversation, message.parent, message.role, text),
        *(status, writer, reply, message.created, folded, message.name),
    )


def _ended_values(message: Message) -> tuple[str, str, str, str]:
    """Text, status, reply and, once it is written, what search compares."""
    folded = "" if message.status == "writing" else fold(message.text)
    return message.text, message.status, as_json(message.reply), folded


def _marks(row: tuple[object, ...]) -> str:
    return ", ".join("?" * len(row))


def _do(file: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> None:
    file.execute(statement, values)
