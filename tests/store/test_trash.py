"""The trash in a real file: 30 days by a clock that is not deceived, two windows, old layouts."""

import os
import sqlite3
import stat
import time
from pathlib import Path

import pytest

from app.errors import DiskFull, StoreError, StoreTooNew
from app.store.conversations import Conversations, open_conversations
from app.store.database import Database
from app.store.migrations import MIGRATIONS
from app.store.records import Conversation, new_id, new_message
from app.store.trash import AT_ONCE, DAY_S, KEPT_S

NOW = 1_800_000_000.0
YEARS = 366 * DAY_S


class Clock:
    """The computer's clock, as a test wants it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.sqlite3"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(path: Path, clock: Clock):
    store = opened(path, clock)
    yield store
    store.close()


def opened(path: Path, clock: Clock) -> Conversations:
    return Conversations(Database(path, MIGRATIONS), clock=clock)


def begin(store: Conversations, title: str, *texts: str) -> str:
    one = Conversation(id=new_id(), title=title, created=NOW, updated=NOW)
    store.add(one)
    parent = None
    for text in texts:
        message = new_message(one.id, parent, "user", text)
        store.append(message)
        parent = message.id
    return one.id


def listed(store: Conversations) -> list[str]:
    return sorted(one.title for one in store.all().result(10))


def in_trash(store: Conversations) -> list[str]:
    assert store.trash_count().result(10) == len(store.trash().result(10))
    return [one.conversation.title for one in store.trash().result(10)]


def pass_days(store: Conversations, clock: Clock, days: int) -> None:
    """The computer is used every day."""
    for _ in range(days):
        clock.now += DAY_S
        store.remove_old()


def test_what_is_deleted_is_in_the_trash_alone_and_comes_back_whole(store, path, clock):
    rooks, crows = begin(store, "rooks", "caw"), begin(store, "crows", "caw caw")
    store.delete(rooks)
    clock.now += 60
    store.delete(crows)
    assert listed(store) == []
    assert store.search("caw").result(10) == []
    assert in_trash(store) == ["crows", "rooks"], "the latest first"
    store.close()
    again = opened(path, clock)
    assert in_trash(again) == ["crows", "rooks"], "a restart empties nothing"
    again.restore(rooks)
    assert listed(again) == ["rooks"]
    assert in_trash(again) == ["crows"]
    assert [one.text for one in again.open(rooks).result(10).messages] == ["caw"]
    assert len(again.search("caw").result(10)) == 1
    again.close()


def test_the_trash_says_since_when_how_much_and_how_long(store, clock):
    rooks = begin(store, "rooks", "one", "two")
    store.delete(rooks).result(10)
    clock.now += 3 * DAY_S
    store.delete(rooks)  # a second time changes nothing
    (one,) = store.trash().result(10)
    assert (one.since, one.messages, one.left_s) == (NOW, 2, 27 * DAY_S)


def test_after_thirty_days_it_is_removed_and_not_a_day_earlier(store, clock):
    begin(store, "kept", "caw")
    store.delete(begin(store, "old", "caw"))
    pass_days(store, clock, 2)
    store.delete(begin(store, "newer", "caw"))
    pass_days(store, clock, 27)
    assert in_trash(store) == ["newer", "old"]
    pass_days(store, clock, 1)
    assert in_trash(store) == ["newer"]
    pass_days(store, clock, 2)
    assert in_trash(store) == []
    assert listed(store) == ["kept"]


@pytest.mark.parametrize(
    "leaps",
    [
        [10 * YEARS],
        [10 * YEARS, -10 * YEARS, DAY_S],
        [-40 * YEARS, DAY_S, 40 * YEARS],
        [40 * DAY_S],
        [step for _ in range(10) for step in (-12 * YEARS, 12 * YEARS + DAY_S)],
    ],
    ids=["ahead", "ahead and back", "back and put right", "away", "wrong at every start"],
)
def test_a_clock_that_leaps_removes_nothing_early(store, clock, leaps):
    store.delete(begin(store, "rooks", "caw"))
    for leap in leaps:
        clock.now += leap
        store.remove_old()
    assert in_trash(store) == ["rooks"]
    pass_days(store, clock, 40)
    assert in_trash(store) == [], "and yet it does not stay for ever"


def test_what_is_deleted_while_the_clock_is_wrong_has_its_thirty_days(store, clock):
    store.remove_old().result(10)
    clock.now = 0.0
    store.delete(begin(store, "rooks", "caw")).result(10)
    clock.now = NOW + 60
    pass_days(store, clock, 29)
    assert in_trash(store) == ["rooks"]
    pass_days(store, clock, 1)
    assert in_trash(store) == []


def test_very_many_are_removed_by_and_by(store, clock):
    for number in range(AT_ONCE + 3):
        store.delete(begin(store, f"{number}", "caw"))
    for _ in range(29):
        clock.now += DAY_S
        assert store.remove_old().result(10) == 0
    clock.now += DAY_S
    assert [store.remove_old().result(10) for _ in range(3)] == [AT_ONCE, 3, 0]


def test_two_windows_do_not_count_a_day_twice(store, path, clock):
    other = opened(path, clock)
    store.delete(begin(store, "rooks", "caw"))
    for _ in range(29):
        clock.now += DAY_S
        store.remove_old().result(10)
        other.remove_old().result(10)
    assert in_trash(other) == in_trash(store) == ["rooks"]
    other.close()


def test_single_ones_are_removed_for_good_and_their_words_with_them(store, path):
    rooks, crows = begin(store, "rooks", "a secret"), begin(store, "crows", "caw")
    for one in (rooks, crows):
        store.delete(one)
    store.remove([rooks])
    assert in_trash(store) == ["crows"]
    assert store.open(rooks).result(10) is None
    with pytest.raises(StoreError) as caught:
        store.restore(rooks).result(10)
    assert caught.value.facts["why"] == "gone"
    left = store._database.read(
        lambda file: file.execute("SELECT count(*) FROM messages").fetchone()
    )
    assert left.result(10) == (1,)


def test_what_another_window_has_brought_back_is_not_removed(store, path, clock):
    rooks, crows = begin(store, "rooks", "caw"), begin(store, "crows", "caw")
    for one in (rooks, crows):
        store.delete(one).result(10)
    other = opened(path, clock)
    seen = [one.conversation.id for one in other.trash().result(10)]
    store.restore(rooks).result(10)
    late = begin(store, "late", "caw")
    store.delete(late).result(10)
    other.remove(seen).result(10)
    assert listed(other) == ["rooks"]
    assert in_trash(other) == ["late"], "nor what came after the person looked"
    other.close()


def test_a_reply_that_is_being_written_ends_whole_in_the_trash(store):
    rooks = begin(store, "rooks", "Hello")
    reply = new_message(rooks, None, "assistant", status="writing")
    store.append(reply)
    store.grow(reply.id, "half a")
    store.delete(rooks)
    store.grow(reply.id, " word")
    assert in_trash(store) == ["rooks"], "the words of a reply do not bring it back"
    store.restore(rooks)
    assert store.open(rooks).result(10).messages[-1].text == "half a word"


def test_who_writes_on_in_it_brings_it_back(store):
    rooks = begin(store, "rooks", "Hello")
    store.delete(rooks).result(10)
    assert store.open(rooks).result(10).trashed
    store.append(new_message(rooks, None, "user", "more")).result(10)
    assert (listed(store), in_trash(store)) == (["rooks"], [])


def first_layout(path: Path) -> None:
    """A file as the first layout's programs left it: one conversation, one deleted just now."""
    database = Database(path, MIGRATIONS[:1])
    now = time.time()

    def fill(file: sqlite3.Connection) -> None:
        for name, deleted in (("kept", None), ("gone", now)):
            file.execute(
                "INSERT INTO conversations VALUES (?, ?, ?, ?, '', '', 'off', NULL, 9, NULL, 0, ?)",
                (name, name, now, now, deleted),
            )
            file.execute(
                "INSERT INTO messages VALUES"
                " (NULL, ?, ?, NULL, 'user', 'caw', 'done', '', '{}', ?)",
                (name + " asked", name, now),
            )

    database.write(fill).result(10)
    database.close()


def test_an_older_file_is_taken_over_whole_and_a_copy_of_it_is_kept(path: Path):
    first_layout(path)
    store, trouble = open_conversations(path)
    assert trouble is None
    assert (listed(store), in_trash(store)) == (["kept"], ["gone"])
    (one,) = store.trash().result(10)
    assert one.left_s == pytest.approx(KEPT_S, abs=60), "what was deleted has its days, too"
    store.close()
    (copy,) = path.parent.glob("*.layout-1-*")
    if os.name != "nt":
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    old = Database(copy, MIGRATIONS[:1])
    rows = "SELECT id, deleted IS NULL FROM conversations"
    names = old.read(lambda file: file.execute(rows).fetchall())
    assert names.result(10) == [("kept", 1), ("gone", 0)]
    old.close()
    open_conversations(path)[0].close()
    assert len(list(path.parent.glob("*.layout-1-*"))) == 1, "only where the layout changes"


def test_a_program_of_the_older_layout_says_so_and_touches_nothing(path: Path, store):
    store.delete(begin(store, "rooks", "caw"))
    store.close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew):
        Database(path, MIGRATIONS[:1])
    assert path.read_bytes() == before


def test_a_program_of_the_older_layout_that_still_runs_removes_nothing(path: Path):
    first_layout(path)
    old = Database(path, MIGRATIONS[:1])
    store, _ = open_conversations(path)
    store.delete("kept").result(10)
    old.write(lambda file: file.execute("DELETE FROM conversations WHERE deleted <= 9e99"))
    old.close()
    assert sorted(in_trash(store)) == ["gone", "kept"]
    store.close()


def test_where_there_is_no_room_for_the_copy_the_file_stays_as_it_is(path: Path, monkeypatch):
    first_layout(path)
    before = path.read_bytes()
    whole = sqlite3.connect

    def small(place, **how):
        file = whole(place, **how)
        if ".layout-1-" in str(place):
            file.execute("PRAGMA max_page_count = 2")
        return file

    monkeypatch.setattr(sqlite3, "connect", small)
    with pytest.raises(DiskFull):
        Database(path, MIGRATIONS)
    assert path.read_bytes() == before
    assert list(path.parent.glob("*.layout-1-*")) == []
