"""What was typed and not sent, beside the conversations it belongs to; knows no widget.

Each part of a draft is a row, so that typing a word writes a word and not the pasted book beside
it.  A row belongs to the window that wrote it: two windows never overwrite each other's words,
and what a closed or killed one has left is taken over by whoever asks next.
"""

import sqlite3
import time
from collections.abc import Iterable
from concurrent.futures import Future
from typing import NamedTuple

import msgspec

from app.system.json_file import decode
from app.system.running_programs import runs, this_program

from .database import Database
from .records import new_id
from .table_rows import text_of

NEW = ""
"""Stands for the conversation that has not begun yet."""


class Edit(msgspec.Struct, frozen=True):
    """An earlier message that is being written anew, and its words so far."""

    message: str
    text: str


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """All that was typed in one conversation and not sent.

    ``text`` and the pasted ``cards`` are the next message, ``begun`` the beginning of the reply to
    it, ``queued`` the messages that wait for the end of a reply, ``edit`` is an earlier one under
    way, ``edits`` are those that were left for it, ``title`` is a rename under way, ``system`` the
    system prompt of a conversation that has not begun (None: the usual one).
    """

    text: str = ""
    cards: tuple[str, ...] = ()
    edit: Edit | None = None
    edits: tuple[Edit, ...] = ()
    title: str = ""
    system: str | None = None
    begun: str = ""
    queued: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != Draft()

    def joined(self, older: "Draft") -> "Draft":
        """Both, so that no word is lost; what only one of them has stays as it is."""
        texts = [self.text, older.text]
        edit = self.edit or older.edit
        known = {edit.message: edit.text} if edit else {}
        for other in (*self.edits, *filter(None, (older.edit,)), *older.edits):
            if known.setdefault(other.message, other.text) != other.text:
                texts = [*texts, other.text]
        edits = tuple(Edit(*one) for one in known.items() if not edit or one[0] != edit.message)
        return Draft(
            text="\n\n".join(dict.fromkeys(text for text in texts if text.strip())),
            cards=tuple(dict.fromkeys((*older.cards, *self.cards))),
            edit=edit,
            edits=edits,
            title=self.title or older.title,
            system=older.system if self.system is None else self.system,
            begun=self.begun or older.begun,
            queued=tuple(dict.fromkeys((*older.queued, *self.queued))),
        )


PARTS = Draft.__struct_fields__
_TYPES = {field.name: field.type for field in msgspec.structs.fields(Draft)}


class _Row(NamedTuple):
    conversation: str
    owner: str
    part: str
    content: str


class Drafts:
    """The drafts of one window; futures carry a StoreError or DiskFull."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._name = new_id()

    def take(self) -> "Future[dict[str, Draft]]":
        """What windows that are gone have left, by conversation; it is this one's from now on.

        Words for a conversation that is gone come as those of a new one.
        """

        def job(file: sqlite3.Connection) -> dict[str, Draft]:
            free = self._free(file)
            found = _drafts(_housed(file, free))
            mine = _drafts(_rows(file, "owner = ?", self._owner)) if found else {}
            for row in free:
                file.execute(
                    "DELETE FROM drafts WHERE conversation = ? AND owner = ? AND part = ?", row[:3]
                )
            for conversation, draft in found.items():
                whole = mine.get(conversation, Draft()).joined(draft)
                for part in PARTS:
                    self._write(file, conversation, part, getattr(whole, part))
            return found

        return self._database.write(job)

    def left(self) -> "Future[dict[str, Draft]]":
        """As ``take``, and leaves it where it is: for a disk that takes nothing."""
        return self._database.read(lambda file: _drafts(_housed(file, self._free(file))))

    def keep(self, conversation: str, part: str, value: object) -> "Future[None]":
        """Store one part of a draft; one that is empty goes."""
        return self._database.write(lambda file: self._write(file, conversation, part, value))

    @property
    def open(self) -> bool:
        """Whether anything can be stored."""
        return self._database.open

    def release(self) -> "Future[None]":
        """The window closes: whoever comes next may have its drafts."""

        def job(file: sqlite3.Connection) -> None:
            values = ("/" + self._name, self._owner)
            file.execute("UPDATE drafts SET owner = ? WHERE owner = ?", values)

        return self._database.write(job)

    @property
    def _owner(self) -> str:
        return f"{this_program()}/{self._name}"

    def _free(self, file: sqlite3.Connection) -> list[_Row]:
        """The rows of windows that are gone."""
        rows = _rows(file, "owner <> ?", self._owner)
        gone = {owner for owner in {row.owner for row in rows} if not runs(owner.partition("/")[0])}
        return [row for row in rows if row.owner in gone]

    def _write(self, file: sqlite3.Connection, conversation: str, part: str, value: object) -> None:
        key = (conversation, self._owner, part)
        if value == getattr(_NOTHING, part):
            file.execute(
                "DELETE FROM drafts WHERE conversation = ? AND owner = ? AND part = ?", key
            )
            return
        file.execute(
            "INSERT OR REPLACE INTO drafts (conversation, owner, part, content, changed)"
            " VALUES (?, ?, ?, ?, ?)",
            (*key, _as_json(value), time.time()),
        )


_NOTHING = Draft()


def _rows(file: sqlite3.Connection, where: str, owner: str) -> list[_Row]:
    """The newest first."""
    found = file.execute(
        f"SELECT conversation, owner, part, content FROM drafts WHERE {where}"
        " ORDER BY changed DESC, part",
        (owner,),
    )
    return [_Row(*map(text_of, row)) for row in found]


def _housed(file: sqlite3.Connection, rows: list[_Row]) -> list[_Row]:
    """The same, but those of a conversation that is gone belong to a new one."""
    asked = "SELECT 1 FROM conversations WHERE id = ?"
    there = {
        one for one in {row.conversation for row in rows} if file.execute(asked, (one,)).fetchone()
    }
    return [row if row.conversation in there else row._replace(conversation=NEW) for row in rows]


def _drafts(rows: Iterable[_Row]) -> dict[str, Draft]:
    """Drafts of several windows become one; a row that cannot be read is passed over."""
    parts: dict[tuple[str, str], dict[str, object]] = {}
    for row in rows:
        try:
            value = decode(row.content.encode("utf-8", "replace"), _TYPES[row.part])
        except (ValueError, KeyError):
            continue
        parts.setdefault((row.conversation, row.owner), {})[row.part] = value
    found: dict[str, Draft] = {}
    for (conversation, _), values in parts.items():
        draft = msgspec.structs.replace(_NOTHING, **values)
        found[conversation] = found.get(conversation, _NOTHING).joined(draft)
    return found


def _as_json(value: object) -> str:
    """JSON in ASCII, which takes half a surrogate pair, too, as a field may hold it."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return _as_json(_mended(value))


def _mended(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, Edit):
        return Edit(value.message, str(_mended(value.text)))
    return tuple(map(_mended, value)) if isinstance(value, tuple) else value
