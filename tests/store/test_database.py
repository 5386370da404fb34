"""The file and its thread: order, transactions, layouts, and everything that goes wrong."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from app.errors import DiskFull, StoreError, StoreTooNew
from app.store.database import Database, set_aside

STEPS = ("CREATE TABLE birds (name TEXT PRIMARY KEY);",)


def names(database: Database) -> list[str]:
    rows = database.read(lambda file: file.execute("SELECT name FROM birds").fetchall())
    return [row[0] for row in rows.result(10)]


def add(database: Database, name: str):
    return database.write(lambda file: file.execute("INSERT INTO birds VALUES (?)", (name,)))


@pytest.fixture
def database(tmp_path: Path):
    database = Database(tmp_path / "new folder" / "birds.sqlite3", STEPS)
    yield database
    database.close()


def test_a_read_sees_every_write_asked_for_before_it(database: Database):
    for number in range(50):
        add(database, f"rook {number}")
    assert len(names(database)) == 50


def test_it_is_a_wal_file_with_foreign_keys(database: Database):
    def pragmas(file: sqlite3.Connection):
        return [
            file.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "foreign_keys")
        ]

    assert database.read(pragmas).result(10) == ["wal", 1]


def test_a_write_that_fails_halfway_leaves_nothing(database: Database):
    def job(file: sqlite3.Connection) -> None:
        file.execute("INSERT INTO birds VALUES ('rook')")
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        database.write(job).result(10)
    assert names(database) == []
    add(database, "crow").result(10)
    assert names(database) == ["crow"]


def test_a_bug_in_a_statement_stays_a_bug(database: Database):
    with pytest.raises(sqlite3.OperationalError):
        database.read(lambda file: file.execute("SELECT nothing")).result(10)


def test_an_older_layout_is_brought_up_to_date_and_keeps_its_rows(tmp_path: Path):
    path = tmp_path / "birds.sqlite3"
    old = Database(path, STEPS)
    add(old, "rook").result(10)
    old.close()
    more = (*STEPS, "ALTER TABLE birds ADD COLUMN nests INTEGER NOT NULL DEFAULT 3;")
    new = Database(path, more)
    rows = new.read(lambda file: file.execute("SELECT name, nests FROM birds").fetchall())
    assert rows.result(10) == [("rook", 3)]
    new.close()


def test_a_layout_step_that_fails_changes_nothing(tmp_path: Path):
    path = tmp_path / "birds.sqlite3"
    Database(path, STEPS).close()
    broken = (*STEPS, "CREATE TABLE eggs (a);\nCREATE TABLE birds (b);")
    with pytest.raises(sqlite3.OperationalError):
        Database(path, broken)
    same = Database(path, STEPS)
    tables = same.read(lambda file: file.execute("SELECT name FROM sqlite_master").fetchall())
    assert ("eggs",) not in tables.result(10)
    same.close()


def test_a_file_of_a_newer_program_is_refused_and_not_touched(tmp_path: Path):
    path = tmp_path / "birds.sqlite3"
    Database(path, (*STEPS, "CREATE TABLE eggs (a);")).close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew) as caught:
        Database(path, STEPS)
    assert (caught.value.facts["found"], caught.value.facts["known"]) == (2, 1)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"this is not a database " * 400, b"SQLite format 3\0" * 500])
def test_a_file_that_is_no_database_is_damaged(tmp_path: Path, content: bytes):
    path = tmp_path / "birds.sqlite3"
    path.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        Database(path, STEPS)
    assert caught.value.facts["why"] == "damaged"
    kept = set_aside(path)
    assert kept.read_bytes() == content
    Database(path, STEPS).close()


@pytest.mark.parametrize("stuck", ["-shm", "-wal", ""])
def test_a_damaged_file_is_put_aside_with_its_journals_or_stays_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stuck: str
):
    path = tmp_path / "birds.sqlite3"
    parts = [path.with_name(path.name + tail) for tail in ("", "-wal", "-shm")]
    for part in parts:
        part.write_text(part.name)
    rename = Path.rename

    def refused(part: Path, target: Path) -> Path:
        if part == path.with_name(path.name + stuck):
            raise PermissionError(13, "Permission denied")
        return rename(part, target)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(PermissionError):
        set_aside(path)
    assert sorted(tmp_path.iterdir()) == sorted(parts)
    monkeypatch.setattr(Path, "rename", rename)
    kept = set_aside(path)
    for tail in ("", "-wal", "-shm"):
        assert kept.with_name(kept.name + tail).read_text() == path.name + tail
    assert not path.exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError) as caught:
        Database(tmp_path / "file" / "birds.sqlite3", STEPS)
    assert caught.value.facts["why"] == "refused"


def test_a_full_disk_is_said_and_the_next_read_still_works(database: Database):
    add(database, "rook").result(10)
    database.write(lambda file: file.execute("PRAGMA max_page_count = 3")).result(10)
    with pytest.raises(DiskFull):
        add(database, "x" * 100_000).result(10)
    assert names(database) == ["rook"]


def test_two_programs_that_write_at_once_lose_nothing(tmp_path: Path):
    path = tmp_path / "birds.sqlite3"
    one, two = Database(path, STEPS), Database(path, STEPS)
    waiting = []
    for number in range(100):
        waiting += [add(one, f"rook {number}"), add(two, f"crow {number}")]
    for future in waiting:
        future.result(10)
    assert len(names(one)) == len(names(two)) == 200
    one.close()
    two.close()


@pytest.mark.skipif(os.name == "nt", reason="there are no such modes")
def test_other_accounts_can_read_none_of_it(tmp_path: Path):
    path = tmp_path / "data" / "birds.sqlite3"
    database = Database(path, STEPS)
    add(database, "rook").result(10)
    files = list(path.parent.iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    database.close()


def test_what_another_program_wrote_is_noticed_once(tmp_path: Path):
    path = tmp_path / "birds.sqlite3"
    one, two = Database(path, STEPS), Database(path, STEPS)
    assert not one.written_elsewhere().result(10)
    add(one, "rook").result(10)
    assert not one.written_elsewhere().result(10), "its own writing is no news"
    add(two, "crow").result(10)
    assert one.written_elsewhere().result(10)
    assert not one.written_elsewhere().result(10)
    one.close()
    two.close()


def test_closing_twice_is_harmless(tmp_path: Path):
    database = Database(None, STEPS)
    database.close()
    database.close()
