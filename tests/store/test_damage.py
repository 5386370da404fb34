"""Files of conversations in which anything may stand: what can be read is shown, nothing hangs."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from app.messages.failures import say
from app.store.conversations import Conversations, open_conversations
from app.store.folding import fold
from app.store.records import Conversation, Reply, new_message
from app.ui.state.chat.message_tree import Tree

COUNT = 6
NUMBERS = (None, -1, 0, 2**63 - 1, 1e308, float("-inf"))
VALUES = (*NUMBERS, "", "x", "\0", "newer", b"\xff\xfe", "[" * 3000)
TABLES = ("conversations", "messages", "pieces", "message_tokens", "drafts", "trash_clock")


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """A file of six conversations with branches, a trash, drafts and a reply under way."""
    path = tmp_path_factory.mktemp("sound") / "conversations.sqlite3"
    store, _ = open_conversations(path)
    for number in range(COUNT):
        one = Conversation(id=f"c{number}", title=f"T{number}", created=1e9, updated=1e9 + number)
        store.add(one)
        parent = None
        for turn in range(6):
            role = "assistant" if turn % 2 else "user"
            message = new_message(one.id, parent, role, f"words n{number} t{turn} über alles")
            store.append(message)
            parent = message.id if turn != 2 else parent
        store.append(new_message(one.id, parent, "assistant", status="writing"))
        store.drafts.keep(one.id, "text", "half a thought")
    gone = Conversation(id="gone", title="Gone")
    store.add(gone)
    store.delete(gone.id).result(10)
    store.close()
    return path


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sound, tmp_path / "conversations.sqlite3"))


@pytest.fixture(autouse=True)
def bugs(monkeypatch):
    """No mistake of the program is reported."""
    found: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: found.append(error))
    yield found
    assert found == []


def change(path: Path, *statements: str, values: tuple[object, ...] = ()) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.create_function("fold", 1, fold, deterministic=True)
        for statement in statements:
            file.execute(statement, values if "?" in statement else ())


def without_rules(path: Path) -> None:
    """Let every column hold anything, as bits that flip do; triggers do not look on."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA writable_schema = ON")
        rule = "replace(sql, ' NOT NULL', '')"
        file.execute(f"UPDATE sqlite_master SET sql = {rule} WHERE type = 'table'")


def seen(store: Conversations) -> dict[str, list[str]]:
    """All that a window asks for; the texts of each conversation that is shown."""
    store.trash().result(20)
    store.search("über").result(20)
    store.search("al").result(20)
    store.drafts.take().result(20)
    shown = {}
    for one in store.all().result(20):
        found = store.open(one.id).result(20)
        if found is None:
            continue
        tree = Tree(found.conversation, found.messages)
        assert len(tree.path()) <= len(found.messages)
        for message in found.messages:
            assert message.id in {step.id for step in tree.path(message.id)}
            tree.branch(message.id)
            tree.step(message.id, 0)
        shown[one.id] = [message.text for message in found.messages]
    return shown


def use(store: Conversations) -> None:
    """Beginning a conversation and saying something works as ever."""
    store.add(Conversation(id="new", title="New"))
    store.append(new_message("new", None, "user", "still here"))
    assert seen(store)["new"] == ["still here"]


@pytest.mark.parametrize("seed", range(12))
def test_any_value_in_any_cell_costs_that_row_at_most(path: Path, seed: int):
    dice = random.Random(seed)
    without_rules(path)
    touched: set[str] = set()
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.create_function("fold", 1, fold)
        for _ in range(6):
            table = dice.choice(TABLES)
            column = dice.choice(file.execute(f"PRAGMA table_info({table})").fetchall())[1]
            row = dice.choice([*file.execute(f"SELECT rowid FROM {table}"), (1,)])[0]
            home = {"conversations": "id", "messages": "conversation"}.get(table)
            if home:
                asked = f"SELECT {home} FROM {table} WHERE rowid = ?"
                found = file.execute(asked, (row,)).fetchone()
                touched.add(found[0] if found else "")
            if column in ("row", "folded"):
                continue
            try:
                file.execute(
                    f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (dice.choice(VALUES), row)
                )
            except sqlite3.IntegrityError:
                continue
    store, trouble = open_conversations(path)
    assert trouble is None
    shown = seen(store)
    for number in range(COUNT):
        if f"c{number}" not in touched:
            assert shown[f"c{number}"][0] == f"words n{number} t0 über alles"
    use(store)
    store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE messages SET writer = 12 WHERE status = 'writing'",
        "UPDATE messages SET writer = '99999999999999999999:1' WHERE status = 'writing'",
        "UPDATE messages SET writer = '²:1.00' WHERE status = 'writing'",
        "UPDATE conversations SET think = 'deeply', template = 'hologram'",
        "UPDATE messages SET role = 'tool'",
        "UPDATE messages SET status = 'dreaming' WHERE status = 'done'",
        "UPDATE messages SET reply = '[[[' || hex(zeroblob(9))",
        'UPDATE messages SET reply = \'{"failure": "newer"}\'',
        "UPDATE messages SET parent = id",
        "UPDATE messages SET parent = (SELECT max(id) FROM messages)",
        "UPDATE conversations SET title = CAST(x'41ff42' AS TEXT)",
        "UPDATE messages SET text = CAST(x'41ff42' AS TEXT) WHERE row = 1",
        "UPDATE conversations SET created = 'yesterday', updated = -1e300",
        "UPDATE conversations SET sampling = '{\"temperature\": \"hot\"}', token_limit = 'all'",
        "UPDATE conversations SET leaf = 'nowhere', pinned = 'x'",
    ],
)
def test_a_bad_word_hides_no_conversation(path: Path, statement: str):
    change(path, "PRAGMA foreign_keys = OFF", statement)
    store, trouble = open_conversations(path)
    assert trouble is None
    assert {f"c{number}" for number in range(COUNT)} <= set(seen(store))
    use(store)
    store.close()


def test_what_is_damaged_says_so(path: Path):
    change(path, "UPDATE conversations SET title = CAST(x'41ff42' AS TEXT) WHERE id = 'c1'")
    change(path, "UPDATE messages SET status = 'dreaming' WHERE row = 2")
    store, _ = open_conversations(path)
    listed = {one.id: one for one in store.all().result(10)}
    assert (listed["c1"].title, listed["c1"].damaged) == ("A\ufffdB", True)
    assert not listed["c2"].damaged
    second = store.open("c0").result(10).messages[1]
    assert (second.text, second.status) == ("words n0 t1 über alles", "failed")
    assert second.reply == Reply(failure="store", failure_facts={"why": "row"})
    store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "PRAGMA user_version = 0",
        "PRAGMA user_version = 2",
        "PRAGMA user_version = -7",
        "DROP TABLE words",
        "DROP TABLE pieces",
        "DROP TABLE trash_clock",
        "DROP TABLE drafts",
        "DROP TRIGGER words_of_new",
        "DROP INDEX messages_by_parent",
        "ALTER TABLE conversations DROP COLUMN title",
        "ALTER TABLE conversations RENAME COLUMN think TO thought",
        "DROP TABLE conversations",
    ],
)
def test_a_wrong_layout_is_put_aside_and_its_words_are_saved(path: Path, statement: str):
    change(path, "PRAGMA foreign_keys = OFF", "DROP TRIGGER drafts_of_deleted", statement)
    store, trouble = open_conversations(path)
    assert trouble is not None
    assert Path(str(trouble.facts["kept"])).exists()
    assert trouble.facts["saved"] >= COUNT
    assert "could be read" in say(trouble).text
    shown = seen(store)
    assert [shown[f"c{number}"][5] for number in range(COUNT)] == [
        f"words n{number} t5 über alles" for number in range(COUNT)
    ]
    assert len(store.search("UBER N3").result(10)) == 1
    use(store)
    store.close()


BAD_ENTRIES = (
    "UPDATE sqlite_master SET sql = 'CREATE ' || x'80' WHERE name = 'words_of_new'",
    "UPDATE sqlite_master SET rootpage = 99999 WHERE name = 'messages_by_parent'",
    "UPDATE sqlite_master SET name = 'm7ssages_by_p' WHERE name = 'messages_by_parent'",
)


@pytest.mark.parametrize("statement", [*BAD_ENTRIES, None])
def test_a_bad_entry_of_the_table_of_tables_or_a_lost_end_costs_no_words(path: Path, statement):
    if statement is None:
        content = path.read_bytes()
        path.write_bytes(content[:-4096])
    else:
        change(path, "PRAGMA writable_schema = ON", statement)
    store, trouble = open_conversations(path)
    assert trouble is not None
    assert trouble.facts["saved"] >= COUNT
    assert len(seen(store)) >= COUNT
    use(store)
    store.close()


def test_damage_that_shows_later_is_saved_from_at_the_next_start(path: Path):
    with closing(sqlite3.connect(path)) as file:
        asked = "SELECT rootpage FROM sqlite_master WHERE name = 'messages_by_parent'"
        (page,) = file.execute(asked).fetchone()
        (size,) = file.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(content)
    store, trouble = open_conversations(path)
    assert trouble is None, "nothing looks into every page at each start"
    asked = new_message("c1", None, "user", "is stored in that index too")
    failure = store.append(asked).exception(20)
    store.close()
    assert "start it again" in say(failure).way_out
    store, trouble = open_conversations(path)
    assert trouble.facts["saved"] >= COUNT
    assert len(seen(store)) >= COUNT
    use(store)
    store.close()
    store, trouble = open_conversations(path)
    assert trouble is None, "it is looked at once"
    store.close()


@pytest.mark.parametrize("seed", range(20))
def test_bytes_that_flip_anywhere_never_keep_the_window_from_opening(path: Path, seed: int):
    dice = random.Random(seed)
    content = bytearray(path.read_bytes())
    for _ in range(dice.choice((1, 5, 60))):
        content[dice.randrange(len(content))] = dice.randrange(256)
    if seed % 5 == 4:
        del content[dice.randrange(1, len(content)) :]
    path.write_bytes(content)
    store, _ = open_conversations(path)
    for asked in (store.all(), store.trash(), store.search("über"), store.drafts.take()):
        assert not isinstance(asked.exception(20), sqlite3.Error | ValueError | TypeError)
    store.close()


SHOWN = """
import os, sys
from pathlib import Path
from app.store.conversations import open_conversations
from app.messages.failures import say
from app.system.running_programs import this_program
this_program()
if len(sys.argv) > 2:
    os.setuid(int(sys.argv[2]))
store, trouble = open_conversations(Path(sys.argv[1]))
print(len(store.all().result(10)), len(store.search("words n3").result(10)), store.lasting)
print(say(trouble).text)
store.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are of another kind there")
@pytest.mark.parametrize("refused", ["file", "folder", "journal"])
def test_on_a_disk_that_takes_nothing_the_history_is_shown_all_the_same(path: Path, refused: str):
    with tempfile.TemporaryDirectory() as public:  # other accounts do not come into tmp_path
        folder = Path(public, "data")
        folder.mkdir()
        Path(public).chmod(0o755)
        shown_in(Path(shutil.copy(path, folder)), refused)


def shown_in(path: Path, refused: str) -> None:
    if refused == "journal":  # the newest words are in it
        keep = sqlite3.connect(path)
        keep.execute(
            "INSERT INTO conversations (id, title, created, updated, system, template, think,"
            " token_limit, pinned) VALUES ('extra', '', 2, 2, '', '', 'off', 9, 0)"
        )
        keep.commit()
        shutil.copytree(path.parent, path.parent / "still")
        keep.close()
        path = path.parent / "still" / path.name
        path.with_name(path.name + "-shm").unlink()
        path.with_name(path.name + "-wal").chmod(0o644)
    path.chmod(0o444 if refused == "file" else 0o644)
    path.parent.chmod(0o755 if refused == "file" else 0o555)
    account = ["65534"] if os.geteuid() == 0 else []
    try:
        ended = subprocess.run(
            [sys.executable, "-c", SHOWN, str(path), *account],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        path.parent.chmod(0o755)
    count = COUNT + (refused == "journal")
    assert ended.stdout.splitlines()[:1] == [f"{count} 1 False"], ended.stderr
    assert "are shown as they were" in ended.stdout
