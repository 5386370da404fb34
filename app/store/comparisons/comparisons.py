"""Comparisons in the database of the conversations; knows no model and no widget.

Ids are made by the caller, so nothing has to be waited for.  Each answer is stored when it is
whole, so a program that is killed loses those that were being written, and no other.
"""

import sqlite3
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

import msgspec

from app.store import trash
from app.store.changes import Change, Changes
from app.store.database import Database
from app.store.table_rows import as_json, text_of, time_of
from app.system.json_file import decode

from .comparison_records import (
    Answer,
    Comparison,
    Divergence,
    Grid,
    OpenedComparison,
    Place,
)

T = TypeVar("T")

_COLUMNS = "id, title, created, updated, grid"
_LISTED_AT_MOST = 500
_SAVE = f"""INSERT INTO comparisons ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET title = excluded.title, updated = excluded.updated,
  grid = excluded.grid, trashed = NULL"""
_ANSWER = """INSERT INTO comparison_answers (comparison, line, way, answer)
  SELECT id, ?, ?, ? FROM comparisons WHERE id = ?
  ON CONFLICT (comparison, line, way) DO UPDATE SET answer = excluded.answer"""
_DIVERGENCE = """INSERT INTO comparison_divergences (comparison, places, divergence)
  SELECT id, ?, ? FROM comparisons WHERE id = ?
  ON CONFLICT (comparison, places) DO UPDATE SET divergence = excluded.divergence"""


class Comparisons:
    """All comparisons; futures carry a StoreError or DiskFull where the file cannot be used.

    What is deleted stays in the trash for 30 days.
    """

    def __init__(
        self, database: Database, changes: Changes, clock: Callable[[], float] = time.time
    ) -> None:
        self._database, self._changes, self._clock = database, changes, clock
        self.remove_old()

    def all(self) -> "Future[list[Comparison]]":
        """Every comparison that is not in the trash, the newest first; 500 of them at most."""
        asked = (
            f"SELECT {_COLUMNS} FROM comparisons WHERE trashed IS NULL"
            f" ORDER BY updated DESC, id DESC LIMIT {_LISTED_AT_MOST}"
        )
        return self._database.read(lambda file: [_comparison(row) for row in file.execute(asked)])

    def open(self, comparison: str) -> "Future[OpenedComparison | None]":
        """One with its answers; None if it is not there."""
        return self._database.read(lambda file: _opened(file, comparison))

    def save(self, one: Comparison) -> "Future[None]":
        """Store a comparison, new or known; one that lies in the trash comes back."""
        values = (one.id, one.title, one.created, one.updated, as_json(one.grid))
        return self._write(lambda file: _do(file, _SAVE, values), one.id)

    def put_answers(self, comparison: str, answers: Mapping[Place, Answer]) -> "Future[None]":
        """Store answers in place of those that were in their cells."""
        rows = [(*place, as_json(answer), comparison) for place, answer in answers.items()]

        def job(file: sqlite3.Connection) -> None:
            file.executemany(_ANSWER, rows)

        return self._write(job, comparison)

    def put_divergence(self, comparison: str, one: Divergence) -> "Future[None]":
        """Store how two ways differ, in place of what was known of the same cells."""
        values = (as_json((one.first, one.second)), as_json(one), comparison)
        return self._write(lambda file: _do(file, _DIVERGENCE, values), comparison)

    def delete(self, comparison: str) -> "Future[None]":
        """Put one into the trash: it is in no list any more."""
        now = self._clock()
        return self._write(
            lambda file: trash.put_in(file, comparison, now, "comparisons"), comparison
        )

    def restore(self, comparison: str) -> "Future[None]":
        """Take one out of the trash; a StoreError comes if it is gone for good."""
        return self._write(lambda file: trash.take_out(file, comparison, "comparisons"), comparison)

    def trash(self) -> "Future[list[Comparison]]":
        """What lies in the trash, the latest first."""
        asked = (
            f"SELECT {_COLUMNS} FROM comparisons WHERE trashed IS NOT NULL"
            f" ORDER BY trash_reading DESC, trashed DESC LIMIT {_LISTED_AT_MOST}"
        )
        return self._database.read(lambda file: [_comparison(row) for row in file.execute(asked)])

    def remove_old(self) -> "Future[int]":
        """Remove for good what has been in the trash for 30 days; how many that were."""
        now = self._clock()
        return self._database.write(lambda file: trash.remove_old(file, now, "comparisons"))

    def _write(self, job: Callable[[sqlite3.Connection], None], comparison: str) -> "Future[None]":
        written = self._database.write(job)

        def tell(done: "Future[None]") -> None:
            if not done.cancelled() and done.exception() is None:
                self._changes.tell(Change("comparisons", comparison))

        written.add_done_callback(tell)
        return written


def _opened(file: sqlite3.Connection, comparison: str) -> OpenedComparison | None:
    asked = f"SELECT {_COLUMNS}, trashed IS NOT NULL FROM comparisons WHERE id = ?"
    found = file.execute(asked, (comparison,)).fetchone()
    if found is None:
        return None
    rows = file.execute(
        "SELECT line, way, answer FROM comparison_answers WHERE comparison = ?", (comparison,)
    )
    answers = {
        Place(line, way): answer
        for line, way, stored in rows
        if type(line) is int and type(way) is int and (answer := _read(stored, Answer)) is not None
    }
    told = file.execute(
        "SELECT divergence FROM comparison_divergences WHERE comparison = ? ORDER BY rowid",
        (comparison,),
    )
    read = (_read(stored, Divergence) for (stored,) in told)
    divergences = tuple(one for one in read if one is not None)
    return OpenedComparison(_comparison(found[:-1]), answers, divergences, bool(found[-1]))


def _comparison(row: tuple[Any, ...]) -> Comparison:
    """A row may hold anything: what can be read of it is used."""
    ident, title, created, updated, stored = row
    grid = _read(stored, Grid)
    return Comparison(
        id=text_of(ident),
        title=text_of(title),
        created=time_of(created),
        updated=time_of(updated),
        grid=grid or Grid(),
        damaged=grid is None,
    )


def _read(stored: object, kind: type[T]) -> T | None:
    """None where it cannot be read."""
    if not isinstance(stored, str):
        return None
    try:
        return decode(stored.encode("utf-8", "replace"), kind)
    except (ValueError, msgspec.MsgspecError):
        return None


def _do(file: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> None:
    file.execute(statement, values)
