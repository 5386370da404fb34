"""What was typed and not sent, in a real file: by part, by window, and after a window is gone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.store.conversations import open_conversations
from app.store.drafts import NEW, Draft, Edit
from app.store.records import Conversation

WHOLE = Draft(
    text="half a\n\n    thou 🐦",
    cards=("a book\0", "another"),
    edit=Edit("m", "anew"),
    edits=(Edit("n", "left"),),
    title="Roo",
    system="",
)


@pytest.fixture
def window(tmp_path: Path):
    """Opens the same file as a window would; closes what is left open."""
    opened = []

    def open_window():
        store, trouble = open_conversations(tmp_path / "conversations.sqlite3")
        assert trouble is None
        opened.append(store)
        return store

    yield open_window
    for store in opened:
        store.close()


def begin(store, ident: str) -> None:
    now = time.time()
    store.add(Conversation(id=ident, title=ident, created=now, updated=now)).result(10)


def keep(store, conversation: str, draft: Draft) -> None:
    for part in Draft.__struct_fields__:
        store.drafts.keep(conversation, part, getattr(draft, part)).result(10)


def test_a_closed_window_leaves_its_drafts_to_the_next(window):
    first = window()
    begin(first, "c")
    keep(first, "c", WHOLE)
    keep(first, NEW, Draft(text="new"))
    assert first.drafts.take().result(10) == {}, "its own are known to it"
    first.close()
    second = window()
    assert second.drafts.take().result(10) == {"c": WHOLE, NEW: Draft(text="new")}
    keep(second, "c", Draft())
    second.close()
    assert window().drafts.take().result(10) == {NEW: Draft(text="new")}


def test_windows_that_are_open_keep_their_words_to_themselves_and_none_is_lost(window):
    first, second = window(), window()
    keep(first, NEW, Draft(text="first", cards=("book",), edit=Edit("m", "one")))
    keep(second, NEW, Draft(text="second", edit=Edit("m", "two"), system="Be brief."))
    assert second.drafts.take().result(10) == {}
    first.close()
    second.close()
    taken = window().drafts.take().result(10)[NEW]
    assert taken.text.split("\n\n") == ["second", "first", "one"]
    assert (taken.cards, taken.edit) == (("book",), Edit("m", "two"))
    assert taken.system == "Be brief."


def test_what_is_taken_over_is_stored_beside_what_was_typed_already(window):
    first, second = window(), window()
    keep(first, NEW, Draft(text="older"))
    keep(second, NEW, Draft(text="newer"))
    first.close()
    assert second.drafts.take().result(10) == {NEW: Draft(text="older")}
    second.close()
    assert window().drafts.take().result(10) == {NEW: Draft(text="newer\n\nolder")}


def test_a_draft_waits_with_a_deleted_conversation_and_goes_with_it_for_good(window):
    store = window()
    begin(store, "c")
    keep(store, "c", Draft(text="half"))
    store.delete("c").result(10)
    store.close()
    store = window()
    assert store.drafts.take().result(10) == {"c": Draft(text="half")}
    store.delete("c").result(10)
    store.remove(["c"]).result(10)
    store.close()
    assert window().drafts.take().result(10) == {}


def test_words_for_a_conversation_that_is_gone_come_as_those_of_a_new_one(window):
    store = window()
    keep(store, "gone", Draft(text="half"))
    store.close()
    store = window()
    assert store.drafts.take().result(10) == {NEW: Draft(text="half")}
    store.close()
    assert window().drafts.take().result(10) == {NEW: Draft(text="half")}


def test_a_row_that_cannot_be_read_costs_no_other(window):
    store = window()
    keep(store, NEW, Draft(text="half", cards=("book",)))
    store._database.write(
        lambda file: file.execute("UPDATE drafts SET content = '{' WHERE part = 'cards'")
    ).result(10)
    store.close()
    assert window().drafts.take().result(10) == {NEW: Draft(text="half")}


def test_half_a_surrogate_pair_is_stored_as_a_mark(window):
    store = window()
    keep(store, NEW, Draft(text="a\ud83d", cards=("\udc26b", "\ud83d\udc26")))
    store.close()
    taken = window().drafts.take().result(10)[NEW]
    assert (taken.text, taken.cards) == ("a\ufffd", ("\ufffdb", "🐦"))


PROGRAM = """
import sys, time
from pathlib import Path
from app.store.conversations import open_conversations

store, _ = open_conversations(Path(sys.argv[1]))
store.drafts.keep("", "text", "half a thought").result(10)
print("kept", flush=True)
time.sleep(60)
"""


def test_a_killed_program_leaves_its_drafts_and_a_running_one_does_not(window, tmp_path: Path):
    path = tmp_path / "conversations.sqlite3"
    window().close()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "kept\n"
        store = window()
        assert store.drafts.take().result(10) == {}
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    assert store.drafts.take().result(10) == {NEW: Draft(text="half a thought")}
