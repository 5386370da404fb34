"""The token ids of replies: kept with them in every case, at the cost of nothing else."""

import contextlib
import os
import sqlite3
import stat
from pathlib import Path

import msgspec
import pytest

from app.errors import StoreTooNew
from app.runtime.protocol.token_spans import TokenSpan, pack, unpack
from app.store.conversations import Conversations, open_conversations
from app.store.database import Database
from app.store.migrations import MIGRATIONS
from app.store.records import Conversation, new_message

BEFORE = 4  # the layout without tokens
SPAN = TokenSpan("world-0", 6, pack([11, 65529, 70_000]))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.sqlite3"


@pytest.fixture
def store(path: Path):
    store, trouble = open_conversations(path)
    assert trouble is None
    yield store
    store.close()


def replied(store: Conversations, span: TokenSpan | None, name: str = "c") -> str:
    """A conversation with a reply of these tokens; the reply's id."""
    store.add(Conversation(id=name, title=name, created=1e9, updated=1e9))
    asked = new_message(name, None, "user", "Hello")
    store.append(asked)
    reply = new_message(name, asked.id, "assistant", "A rook is a bird.", "writing")
    store.append(reply)
    store.finish(ended(reply), span).result(10)
    return reply.id


def ended(message):
    return msgspec.structs.replace(message, status="done")


def tokens(store: Conversations, name: str = "c") -> dict[str, TokenSpan]:
    return store.tokens(name).result(10)


def change(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as file:
        for statement in statements:
            file.execute(statement)


@pytest.mark.parametrize("ids", [[], [0], [65535], [65536, 1], range(100_000)])
def test_ids_are_packed_in_two_bytes_each_where_that_is_enough(ids):
    packed = pack(ids)
    assert unpack(packed) == tuple(ids)
    width = 4 if max(ids, default=0) > 65535 else 2
    assert len(packed) == (1 + width * len(ids) if len(ids) else 0)


@pytest.mark.parametrize("packed", [b"\x03ab", b"\x02abc", b"\x04abc", b"\x02a"])
def test_bytes_that_are_no_ids_are_refused(packed):
    with pytest.raises(ValueError, match=r"width|multiple"):
        unpack(packed)


def test_the_tokens_of_a_reply_come_back_also_out_of_the_trash(store, path):
    reply = replied(store, SPAN)
    replied(store, SPAN, "other")
    store.delete("c")
    store.restore("c").result(10)
    store.close()
    again, _ = open_conversations(path)
    assert tokens(again) == {reply: SPAN}
    again.delete("c")
    again.remove(["c"]).result(10)
    assert (tokens(again), len(tokens(again, "other"))) == ({}, 1)
    again.close()


def test_a_reply_that_could_not_go_on_keeps_its_tokens(store):
    reply = replied(store, SPAN)
    (_, message) = store.open("c").result(10).messages
    store.resume(reply)
    store.finish(message).result(10)
    assert tokens(store) == {reply: SPAN}


def test_a_conversation_stored_whole_brings_its_tokens_and_keeps_those_it_does_not_know(store):
    reply = replied(store, SPAN)
    opened = store.open("c").result(10)
    more = new_message("c", reply, "assistant", "And more.")
    longer = TokenSpan("world-0", 0, pack([5]))
    store.keep_whole(opened.conversation, [*opened.messages, more], {more.id: longer}).result(10)
    assert tokens(store) == {reply: SPAN, more.id: longer}


def test_a_reply_whose_program_was_killed_has_the_tokens_that_came_with_its_words(store, path):
    store.add(Conversation(id="c", title="c"))
    reply = new_message("c", None, "assistant", status="writing")
    store.append(reply)
    store.grow(reply.id, "<think")  # the template's
    store.begin_tokens(reply.id, TokenSpan("world-0", 6))
    store.grow(reply.id, ">\nA ro", pack([1, 2]))
    store.grow(reply.id, "ok", pack([3])).result(10)
    store.close()
    change(path, "UPDATE messages SET writer = '1:0'")
    again, _ = open_conversations(path)
    (message,) = again.open("c").result(10).messages
    assert (message.text, message.status) == ("<think>\nA rook", "interrupted")
    assert tokens(again) == {reply.id: TokenSpan("world-0", 6, pack([1, 2, 3]))}
    again.close()


@pytest.mark.parametrize(
    "damage",
    [
        "ids = 'words'",
        "ids = 12",
        "start = 'x'",
        "vocabulary = x'ff00'",
        "vocabulary = CAST(x'41ff' AS TEXT)",
    ],
)
def test_damaged_tokens_cost_only_themselves(store, path, damage):
    reply = replied(store, SPAN)
    other = new_message("c", reply, "assistant", "B")
    store.append(other)
    store.finish(other, SPAN).result(10)
    store.close()
    row = f"(SELECT row FROM messages WHERE id = '{reply}')"
    change(path, f"UPDATE message_tokens SET {damage} WHERE message = {row}")
    again, trouble = open_conversations(path)
    assert trouble is None
    assert tokens(again) == {other.id: SPAN}
    texts = [message.text for message in again.open("c").result(10).messages]
    assert texts == ["Hello", "A rook is a bird.", "B"]
    again.close()


def test_of_a_damaged_layout_the_tokens_are_saved_too(store, path):
    reply = replied(store, SPAN)
    store.close()
    change(path, "DROP TABLE drafts")
    again, trouble = open_conversations(path)
    assert trouble.facts["saved"] == 1
    assert tokens(again) == {reply: SPAN}
    again.close()


def test_a_file_without_tokens_is_taken_over_and_the_older_program_says_why_not(path):
    old = Database(path, MIGRATIONS[:BEFORE])
    old.close()
    change(
        path,
        "INSERT INTO conversations VALUES"
        " ('c', 'T', 1, 1, '', '', 'off', NULL, 9, 'm', 0, NULL, NULL, 0)",
        "INSERT INTO messages VALUES"
        " (7, 'm', 'c', NULL, 'assistant', 'caw', 'writing', '1:0', '{}', 1, '')",
        "INSERT INTO pieces VALUES (1, 'm', ' caw')",
    )
    store, trouble = open_conversations(path)
    assert trouble is None
    (message,) = store.open("c").result(10).messages
    assert (message.text, message.status) == ("caw caw", "interrupted")
    assert tokens(store) == {}
    store.resume("m")
    store.finish(message, SPAN).result(10)
    assert tokens(store) == {"m": SPAN}
    store.close()
    (copy,) = path.parent.glob(f"*.layout-{BEFORE}-*")
    if os.name != "nt":
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    whole = Database(copy, MIGRATIONS[:BEFORE])
    texts = "SELECT text FROM messages UNION ALL SELECT text FROM pieces"
    assert whole.read(lambda file: file.execute(texts).fetchall()).result(10) == [
        ("caw",),
        (" caw",),
    ]
    whole.close()
    with pytest.raises(StoreTooNew):
        Database(path, MIGRATIONS[:BEFORE])
