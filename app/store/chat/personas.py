"""Personas: who the model shall be and how it answers, under a name, for many conversations."""

import sqlite3
from concurrent.futures import Future
from typing import Any

import msgspec

from app.store.changes import Change, Changes
from app.store.chat_defaults import ChatDefaults
from app.store.database import Database
from app.store.table_rows import as_json, text_of, time_of
from app.system.json_file import decode


class Persona(msgspec.Struct, frozen=True, kw_only=True):
    """Settings under a name; ``created`` is in seconds since 1970."""

    id: str
    name: str
    created: float = 0.0
    settings: ChatDefaults = ChatDefaults()


class Personas:
    """All personas; futures carry a StoreError or DiskFull where the file cannot be used."""

    def __init__(self, database: Database, changes: Changes) -> None:
        self._database, self._changes = database, changes

    def all(self) -> "Future[list[Persona]]":
        """Every one, by name."""
        return self._database.read(_all)

    def keep(self, persona: Persona) -> "Future[None]":
        """Store a persona, in place of what has its id."""
        row = (persona.id, persona.name, persona.created, as_json(persona.settings))
        statement = "INSERT OR REPLACE INTO personas VALUES (?, ?, ?, ?)"
        return self._write(statement, row, persona.id)

    def remove(self, persona: str) -> "Future[None]":
        """Forget a persona; the conversations that began with it stay as they are."""
        return self._write("DELETE FROM personas WHERE id = ?", (persona,), persona)

    def _write(self, statement: str, row: tuple[object, ...], ident: str) -> "Future[None]":
        def job(file: sqlite3.Connection) -> None:
            file.execute(statement, row)

        written = self._database.write(job)
        self._changes.tell_after(written, Change("personas", ident))
        return written


def _all(file: sqlite3.Connection) -> list[Persona]:
    rows = file.execute("SELECT id, name, created, settings FROM personas")
    found = [_persona(row) for row in rows]
    return sorted(found, key=lambda one: (one.name.casefold(), one.created))


def _persona(row: tuple[Any, ...]) -> Persona:
    """What can be read of a row."""
    ident, name, created, stored = row
    try:
        settings = decode(text_of(stored).encode("utf-8", "replace"), ChatDefaults)
    except ValueError:
        settings = ChatDefaults()
    return Persona(
        id=text_of(ident), name=text_of(name), created=time_of(created), settings=settings
    )
