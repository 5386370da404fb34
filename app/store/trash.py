"""The trash: conversations, documents and comparisons are put in, taken out and removed for good.

All lie in it for 30 days, told by a clock of the trash's own: see ``_read_clock``.
"""

import sqlite3
from collections.abc import Sequence
from typing import Literal, NamedTuple

from app.errors import StoreError

from .records import Trashed
from .table_rows import CONVERSATION, conversation_of, number_of, time_of

DAY_S = 86_400.0
KEPT_S = 30 * DAY_S
AT_ONCE = 50
_WEEK_S = 7 * DAY_S


Table = Literal["conversations", "documents", "comparisons"]


def put_in(
    file: sqlite3.Connection, ident: str, now: float, table: Table = "conversations"
) -> None:
    """Put one into the trash; what lies there already stays as it is."""
    file.execute(
        f"UPDATE {table} SET trashed = ?, trash_reading = ? WHERE id = ? AND trashed IS NULL",
        (now, _wind_clock(file, now), ident),
    )


def take_out(file: sqlite3.Connection, ident: str, table: Table = "conversations") -> None:
    """Bring one back; raises a StoreError (``why`` "gone") if it is no longer there."""
    done = file.execute(f"UPDATE {table} SET trashed = NULL WHERE id = ?", (ident,))
    if not done.rowcount:
        raise StoreError(why="gone")


def listed(file: sqlite3.Connection, now: float) -> list[Trashed]:
    """What lies in the trash, the latest first."""
    rows = file.execute(
        f"SELECT {CONVERSATION}, trashed, trash_reading,"
        " (SELECT count(*) FROM messages WHERE conversation = conversations.id"
        " AND dropped IS NULL)"
        " FROM conversations WHERE trashed IS NOT NULL ORDER BY trash_reading DESC, trashed DESC"
    )
    return [
        Trashed(
            conversation=conversation_of(row[:-3]),
            since=time_of(row[-3]),
            messages=row[-1],
            left_s=left_s(file, row[-2], now),
        )
        for row in rows
    ]


def left_s(file: sqlite3.Connection, reading: object, now: float) -> float:
    """How long one still stays that was put in when the trash's clock had this ``reading``."""
    passed = _read_clock(file, now).passed
    return min(max(KEPT_S - (passed - number_of(reading)), 0.0), KEPT_S)


def count(file: sqlite3.Connection, table: Table = "conversations") -> int:
    """How many lie in the trash."""
    row = file.execute(f"SELECT count(*) FROM {table} WHERE trashed IS NOT NULL").fetchone()
    return int(row[0])


def remove(file: sqlite3.Connection, idents: Sequence[str], table: Table = "conversations") -> None:
    """Remove these for good; one that was brought back meanwhile stays."""
    file.executemany(
        f"DELETE FROM {table} WHERE id = ? AND trashed IS NOT NULL",
        [(one,) for one in idents],
    )


def remove_old(file: sqlite3.Connection, now: float, table: Table = "conversations") -> int:
    """Remove for good what has been in the trash for 30 days, AT_ONCE at most; how many that were.

    More of them would keep other readers and windows waiting.
    """
    return file.execute(
        f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table}"
        " WHERE trashed IS NOT NULL AND trash_reading <= ? LIMIT ?)",
        (_wind_clock(file, now) - KEPT_S, AT_ONCE),
    ).rowcount


class _Clock(NamedTuple):
    """``passed`` is the trash's own time; the rest are readings of the computer's clock."""

    passed: float
    latest: float
    seen: float
    behind: float


def _read_clock(file: sqlite3.Connection, now: float) -> _Clock:
    """The trash's clock, put forward to ``now`` (seconds since 1970).

    It runs only while the computer's clock is later than ever before, and by a week at most at
    each look: a clock that goes back, is put right after a wrong start or leaps ahead ages nothing
    by more than that, and where Rookery is seldom started things stay longer.  A clock that was
    ahead once and has run behind for a week since is believed again.
    """
    row = file.execute("SELECT passed, latest, seen, behind FROM trash_clock").fetchone()
    if row is None:
        return _Clock(0.0, now, now, 0.0)
    passed, latest, seen, behind = map(number_of, row)
    if now < latest:
        behind += min(max(now - seen, 0.0), DAY_S)
    if now >= latest or behind >= _WEEK_S:
        passed += min(max(now - latest, 0.0), _WEEK_S)
        latest, behind = now, 0.0
    return _Clock(passed, latest, now, behind)


def _wind_clock(file: sqlite3.Connection, now: float) -> float:
    """Keep the clock as it reads now; the trash's own time."""
    clock = _read_clock(file, now)
    file.execute("DELETE FROM trash_clock")
    file.execute("INSERT INTO trash_clock VALUES (?, ?, ?, ?)", clock)
    return clock.passed
