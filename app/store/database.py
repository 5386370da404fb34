"""One SQLite file and the one thread that touches it; knows no conversation.

Every job runs in that thread, in the order given, so that a reader sees all that was written
before it and the window never waits.  A write is one short transaction.
"""

import contextlib
import errno
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from app.errors import DiskFull, StoreError, StoreTooNew

from .folding import fold
from .read_only import text_or_bytes

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

_WAIT_FOR_OTHERS_S = 5.0
_NO_TEXT = "Could not decode to UTF-8"
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_REFUSED = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_IOERR,
}


class Database:
    """An open file; ``path`` is None for one that lives in memory only.

    The constructor waits until the file is open and of the newest layout; it raises StoreTooNew,
    DiskFull or StoreError (fact ``why``: "damaged", "refused" or "busy").
    """

    def __init__(self, path: Path | None, migrations: Sequence[str]) -> None:
        self.path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        try:
            self._connection = self._thread.submit(_opened, path, migrations).result()
        except BaseException:
            self._thread.shutdown()
            raise
        self.open = True
        self._version = 0

    def read(self, job: Job[T]) -> "Future[T]":
        """Run ``job``, which only asks; the future may carry a StoreError."""
        return self._thread.submit(self._run, job)

    def write(self, job: Job[T]) -> "Future[T]":
        """Run ``job`` as one transaction: wholly done, or (with any error) not at all."""
        return self._thread.submit(self._transact, job)

    def written_elsewhere(self) -> "Future[bool]":
        """Whether another program has written into the file since this was asked last."""

        def job(file: sqlite3.Connection) -> bool:
            before, (self._version,) = self._version, file.execute("PRAGMA data_version").fetchone()
            return before not in (0, self._version)

        return self.read(job)

    def close(self) -> None:
        """Finish all jobs and close the file."""
        if self.open:
            self.open = False
            self._thread.submit(self._connection.close).result()
            self._thread.shutdown()

    def _run(self, job: Job[T]) -> T:
        try:
            return self._taking_bytes(job)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise _marked(_failure(error, self.path), self.path) from error

    def _taking_bytes(self, job: Job[T]) -> T:
        """Do it once more where a text in the file is none: from then on such come as bytes."""
        try:
            return job(self._connection)
        except sqlite3.OperationalError as error:
            tolerant = self._connection.text_factory is text_or_bytes
            if tolerant or not str(error).startswith(_NO_TEXT):
                raise
        self._connection.text_factory = text_or_bytes
        return job(self._connection)

    def _transact(self, job: Job[T]) -> T:
        try:
            return self._taking_bytes(lambda _file: self._in_transaction(job))
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise _marked(_failure(error, self.path), self.path) from error

    def _in_transaction(self, job: Job[T]) -> T:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            done = job(self._connection)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return done


def set_aside(path: Path) -> Path:
    """Rename a file that cannot be used (and its journals) to ``….broken-<time>``; the new path.

    Raises OSError with all of them in their places: a new file must not find an old journal, and
    the file itself goes last.
    """
    mark = time.strftime(".broken-%Y%m%d-%H%M%S")
    moved: list[tuple[Path, Path]] = []
    for tail in ("-shm", "-wal", ""):
        part, kept = path.with_name(path.name + tail), path.with_name(path.name + mark + tail)
        try:
            if part.exists():
                part.rename(kept)
                moved.append((part, kept))
        except OSError:
            for before, now in moved:
                with contextlib.suppress(OSError):
                    now.rename(before)
            raise
    return kept


def _opened(path: Path | None, migrations: Sequence[str]) -> sqlite3.Connection:
    try:
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                path.touch(mode=0o600)  # its WAL gets the same: other accounts read nothing
        connection = sqlite3.connect(
            path or ":memory:", timeout=_WAIT_FOR_OTHERS_S, isolation_level=None
        )
        try:
            connection.create_function("fold", 1, fold, deterministic=True)
            connection.execute("PRAGMA foreign_keys = ON")
            if path is not None:
                _check_marked(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            _migrate(connection, path, migrations)
            _check_layout(connection, path, migrations)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise _failure(error, path) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(str(error), path=str(path)) from error
        raise StoreError(str(error), path=str(path), why="refused") from error
    return connection


def _marked(failure: Exception, path: Path | None) -> Exception:
    """Damage that an open file shows is looked for at the next start: a look takes its time."""
    if (
        path is not None
        and isinstance(failure, StoreError)
        and failure.facts.get("why") == "damaged"
    ):
        with contextlib.suppress(OSError):
            _mark_of(path).touch(mode=0o600)
            failure.facts["later"] = 1
    return failure


def _check_marked(connection: sqlite3.Connection, path: Path) -> None:
    """Raises StoreError where the file was marked, and is damaged indeed."""
    mark = _mark_of(path)
    if not mark.exists():
        return
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    with contextlib.suppress(OSError):
        mark.unlink()
    if found != "ok":
        raise StoreError(str(found), path=str(path), why="damaged")


def _mark_of(path: Path) -> Path:
    return path.with_name(path.name + ".check")


def _migrate(connection: sqlite3.Connection, path: Path | None, steps: Sequence[str]) -> None:
    """Bring the layout up to date, one transaction for all steps; two programs may race.

    A file that has rows already is copied first, as it is.
    """
    if _version(connection) == len(steps):
        return
    connection.execute("BEGIN IMMEDIATE")
    kept: Path | None = None
    try:
        found = _version(connection)
        if found < 0:
            raise StoreError("layout-without-number", path=str(path), why="damaged")
        if found > len(steps):
            raise StoreTooNew(path=str(path), found=found, known=len(steps))
        if path is not None and 0 < found < len(steps):
            kept = _copied(path, found)
        for step in steps[found:]:
            for statement in _statements(step):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if kept is not None:  # the file itself is still what the copy is
            kept.unlink(missing_ok=True)
        raise


def _check_layout(connection: sqlite3.Connection, path: Path | None, steps: Sequence[str]) -> None:
    """Raises a StoreError where a table, column, index or trigger is not there."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        model.create_function("fold", 1, fold, deterministic=True)
        for step in steps:
            for statement in _statements(step):
                model.execute(statement)
        missing = _layout(model) - _layout(connection)
    if missing:
        names = ", ".join(sorted(f"{one}.{column}" if column else one for one, column in missing))
        raise StoreError(path=str(path or ""), why="damaged", missing=names)


def _layout(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Every table, index and trigger, and every column."""
    found = {(str(row[0]), "") for row in connection.execute("SELECT name FROM sqlite_master")}
    tables = [name for name, _ in found]
    for table in tables:
        rows = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
        found |= {(table, str(row[0])) for row in rows}
    return found


def _copied(path: Path, version: int) -> Path:
    """A whole copy beside the file, ``….layout-<version>-<time>``, for programs of that layout."""
    mark = time.strftime(f".layout-{version}-%Y%m%d-%H%M%S")
    copy = path.with_name(path.name + mark)
    copy.touch(mode=0o600)
    try:
        with (
            contextlib.closing(sqlite3.connect(path)) as whole,
            contextlib.closing(sqlite3.connect(copy)) as into,
        ):
            whole.backup(into)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    return copy


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> list[str]:
    """The statements of a script; a trigger's inner semicolons do not end it."""
    statements, pending = [], ""
    for line in script.splitlines():
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            statements.append(pending.strip())
            pending = ""
    return statements


def _failure(error: sqlite3.Error | UnicodeDecodeError, path: Path | None) -> Exception:
    """The failure that SQLite's primary result code stands for; a bug of ours stays what it is."""
    if isinstance(error, UnicodeDecodeError):  # a name in the file's own table of tables
        return StoreError(str(error), path=str(path or ""), why="damaged")
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    where = str(path or "")
    if code == sqlite3.SQLITE_FULL:
        return DiskFull(str(error), path=where)
    if code in _DAMAGED:
        return StoreError(str(error), path=where, why="damaged")
    if code in _BUSY:
        return StoreError(str(error), path=where, why="busy")
    if code in _REFUSED:
        return StoreError(str(error), path=where, why="refused")
    return error
