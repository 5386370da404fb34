"""Conversations in a real file: kept, found, branched, undone, and safe from kill -9."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from app.errors import DiskFull, StoreError, StoreTooNew
from app.messages.failures import say
from app.runtime.protocol.prompts import Sampling
from app.store.changes import Change
from app.store.conversations import Conversations, open_conversations
from app.store.database import Database
from app.store.migrations import MIGRATIONS
from app.store.records import Conversation, Reply, new_id, new_message


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.sqlite3"


@pytest.fixture
def store(path: Path):
    store, trouble = open_conversations(path)
    assert trouble is None
    yield store
    store.close()


def begin(store: Conversations, title: str = "Rooks", *texts: str) -> Conversation:
    now = time.time()
    conversation = Conversation(id=new_id(), title=title, created=now, updated=now)
    store.add(conversation)
    parent = None
    for number, text in enumerate(texts):
        message = new_message(conversation.id, parent, "assistant" if number % 2 else "user", text)
        store.append(message)
        parent = message.id
    return conversation


def texts(store: Conversations, conversation: Conversation) -> list[str]:
    opened = store.open(conversation.id).result(10)
    return [message.text for message in opened.messages]


def ended_as(message, text: str, status: str = "done", reply: Reply = Reply()):  # noqa: B008
    return msgspec.structs.replace(message, text=text, status=status, reply=reply)


def test_a_conversation_comes_back_as_it_was(store: Conversations, path: Path):
    sampling = Sampling(
        temperature=0.3, seed=7, banned=(0, 11), repetition=1.1, logit_bias=((33, -1.5), (7, 2.0))
    )
    conversation = msgspec.structs.replace(
        begin(store, "鸟 🐦", "What is a rook?"),
        system="Be brief.",
        think="on",
        sampling=sampling,
        limit=99,
    )
    store.configure(conversation)
    store.close()
    again, _ = open_conversations(path)
    opened = again.open(conversation.id).result(10)
    again.close()
    assert opened.conversation == msgspec.structs.replace(
        conversation, leaf=opened.messages[0].id, updated=opened.messages[0].created
    )
    assert opened.messages[0].text == "What is a rook?"


def test_two_windows_that_set_different_things_of_one_conversation_keep_both(
    store: Conversations, path: Path
):
    one = begin(store, "Rooks", "Hello")
    texts(store, one)
    second, _ = open_conversations(path)
    second.configure(msgspec.structs.replace(one, limit=77), "limit").result(10)
    second.configure(msgspec.structs.replace(one, system="Be brief."), "system").result(10)
    store.configure(msgspec.structs.replace(one, think="on"), "think").result(10)
    stored = second.open(one.id).result(10).conversation
    second.close()
    assert (stored.limit, stored.system, stored.think) == (77, "Be brief.", "on")


def test_a_reply_grows_and_ends_with_its_facts(store: Conversations):
    conversation = begin(store, "Rooks", "Hello")
    reply = new_message(conversation.id, None, "assistant", status="writing")
    store.append(reply)
    for piece in ("A ", "rook ", "is a bird."):
        store.grow(reply.id, piece)
    halfway = store.open(conversation.id).result(10).messages[-1]
    assert (halfway.text, halfway.status) == ("A rook is a bird.", "writing")
    facts = Reply(model="guide", tokens=4, decode_s=0.5, reason="stop", seed=3)
    store.finish(ended_as(reply, "A rook is a bird.", "done", facts))
    ended = store.open(conversation.id).result(10).messages[-1]
    assert (ended.text, ended.status, ended.reply) == ("A rook is a bird.", "done", facts)
    assert ended.reply.tokens_per_s == pytest.approx(6.0)


def test_words_that_could_not_be_kept_on_the_way_are_there_at_the_end(store: Conversations):
    conversation = begin(store, "Rooks", "Hello")
    reply = new_message(conversation.id, None, "assistant", status="writing")
    store.append(reply).result(10)
    pages = "PRAGMA max_page_count = {}"
    store._database.write(lambda file: file.execute(pages.format(1))).result(10)
    with pytest.raises(DiskFull):
        store.grow(reply.id, "x" * 100_000).result(10)
    store._database.write(lambda file: file.execute(pages.format(100_000))).result(10)
    store.finish(ended_as(reply, "x" * 100_000)).result(10)
    assert texts(store, conversation)[-1] == "x" * 100_000


def test_branches_share_a_parent_and_the_last_one_is_shown(store: Conversations):
    conversation = begin(store, "Rooks", "Hello")
    question = store.open(conversation.id).result(10).messages[0]
    one = new_message(conversation.id, question.id, "assistant", "one")
    two = new_message(conversation.id, question.id, "assistant", "two")
    store.append(one)
    store.append(two)
    assert store.open(conversation.id).result(10).conversation.leaf == two.id
    store.choose(conversation.id, one.id)
    opened = store.open(conversation.id).result(10)
    assert opened.conversation.leaf == one.id
    assert [message.parent for message in opened.messages] == [None, question.id, question.id]


def test_the_list_has_pinned_ones_first_and_then_the_newest(store: Conversations):
    old, middle, new = (begin(store, name, "words") for name in ("old", "middle", "new"))
    store.pin(old.id, pinned=True)
    assert [one.title for one in store.all().result(10)] == ["old", "new", "middle"]
    store.append(new_message(middle.id, None, "user", "more"))
    assert [one.title for one in store.all().result(10)] == ["old", "middle", "new"]
    store.rename(new.id, "newest")
    assert "newest" in [one.title for one in store.all().result(10)]


@pytest.mark.parametrize(
    "words",
    ["whisper", "WHISP", "ispering", "a rook", "鸦在", "鸦", "🐦", "50%", "it's", 'say "caw"'],
)
def test_words_parts_of_words_and_chinese_are_found(store: Conversations, words: str):
    wanted = begin(store, "Birds", 'A Rook was whispering: say "caw", it\'s 50% 乌鸦在树上唱歌 🐦')
    begin(store, "Other", "nothing of that kind 5000 x")
    found = store.search(words).result(10)
    assert [one.conversation.id for one in found] == [wanted.id]


def test_a_title_is_found_and_the_excerpt_shows_the_place(store: Conversations):
    begin(store, "About nests", "Hello", "padding " * 30 + "the hidden place " + "more " * 40)
    (by_title,) = store.search("nests").result(10)
    assert by_title.conversation.title == "About nests"
    (by_words,) = store.search("hidden").result(10)
    assert "the hidden place" in by_words.excerpt
    assert len(by_words.excerpt) < 120
    assert store.search("   ").result(10) == []
    assert store.search("100%_").result(10) == []


def test_a_reply_is_found_once_it_is_written_and_not_twice(store: Conversations):
    conversation = begin(store, "Rooks", "Hello")
    reply = new_message(conversation.id, None, "assistant", status="writing")
    store.append(reply)
    store.grow(reply.id, "corvid corvid")
    assert store.search("corvid").result(10) == []
    store.finish(ended_as(reply, "corvid corvid"))
    assert len(store.search("corvid").result(10)) == 1


def test_every_write_is_told_after_it_is_stored(store: Conversations):
    told: list[Change] = []
    store.changes.listen(told.append)
    conversation = begin(store, "Rooks", "Hello")
    store.all().result(10)
    assert told == [
        Change("conversations", conversation.id),
        Change("messages", conversation.id),
    ]


def test_ten_thousand_messages_open_with_a_tenth_of_a_second_of_work(store: Conversations):
    conversation = begin(store)
    text = "A paragraph of an ordinary length, as a person or a model would write it. " * 4
    parent = None
    for number in range(10_000):
        message = new_message(conversation.id, parent, "assistant" if number % 2 else "user", text)
        store.append(message)
        parent = message.id
    store.all().result(60)
    best = 9.0
    for _ in range(3):
        start = time.process_time()
        opened = store.open(conversation.id).result(60)
        best = min(best, time.process_time() - start)
    assert len(opened.messages) == 10_000
    assert best < 0.1


WRITER = """
import sys, time
from pathlib import Path
from app.store.conversations import open_conversations
from app.store.records import Conversation, new_id, new_message

store, _ = open_conversations(Path(sys.argv[1]))
conversation = Conversation(id="c", title="Killed", created=1.0, updated=1.0)
store.add(conversation)
question = new_message("c", None, "user", "Tell me all")
store.append(question)
reply = new_message("c", question.id, "assistant", status="writing")
store.append(reply)
for number in range(100_000):
    store.grow(reply.id, f"word{number} ").result(10)
    print(number, flush=True)
    time.sleep(0.002)
"""


def killed_while_writing(path: Path) -> int:
    """The number of the last word that the killed program had stored."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    with process:
        shown = 0
        while shown < 40:
            shown = int(process.stdout.readline())
        store, _ = open_conversations(path)
        assert store.open("c").result(10).messages[-1].status == "writing", "its writer lives"
        store.close()
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().split()
    assert process.returncode == -signal.SIGKILL
    return max([shown, *map(int, rest)])


def test_a_reply_whose_program_was_killed_is_there_and_marked(path: Path):
    last = killed_while_writing(path)
    store, trouble = open_conversations(path)
    assert trouble is None
    question, reply = store.open("c").result(10).messages
    assert question.text == "Tell me all"
    assert reply.status == "interrupted"
    words = reply.text.split()
    assert len(words) in (last + 1, last + 2)
    assert words == [f"word{number}" for number in range(len(words))]
    assert len(store.search("word17").result(10)) == 1
    store.close()


def test_a_second_window_leaves_the_first_ones_reply_alone(path: Path, store: Conversations):
    conversation = begin(store, "Rooks", "Hello")
    reply = new_message(conversation.id, None, "assistant", status="writing")
    store.append(reply)
    store.grow(reply.id, "half").result(10)
    second, _ = open_conversations(path)
    seen = second.open(conversation.id).result(10).messages[-1]
    assert (seen.text, seen.status) == ("half", "writing")
    second.close()
    store.finish(ended_as(reply, "half a word", "stopped")).result(10)
    assert store.open(conversation.id).result(10).messages[-1].status == "stopped"


def test_a_damaged_file_is_kept_aside_and_a_new_one_begun(path: Path):
    path.write_bytes(b"no database at all" * 100)
    store, trouble = open_conversations(path)
    assert isinstance(trouble, StoreError)
    assert Path(str(trouble.facts["kept"])).read_bytes() == b"no database at all" * 100
    begin(store, "Rooks", "Hello")
    assert len(store.all().result(10)) == 1
    assert store.lasting
    store.close()


def test_a_damaged_file_that_cannot_be_put_aside_is_left_and_this_run_forgets(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    path.write_bytes(b"no database at all" * 100)

    def refused(*_: object) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refused)
    store, trouble = open_conversations(path)
    assert isinstance(trouble, StoreError)
    assert (trouble.facts["why"], trouble.facts["unkept"]) == ("damaged", 1)
    assert "kept" not in trouble.facts
    assert not store.lasting
    assert texts(store, begin(store, "Rooks", "Hello")) == ["Hello"]
    store.close()
    assert path.read_bytes() == b"no database at all" * 100


def test_where_no_new_file_can_be_begun_the_place_of_the_damaged_one_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    path.write_bytes(b"no database at all" * 100)
    rename = Path.rename

    def then_block(part: Path, target: Path) -> Path:
        rename(part, target)
        path.mkdir()
        return target

    monkeypatch.setattr(Path, "rename", then_block)
    store, trouble = open_conversations(path)
    assert isinstance(trouble, StoreError)
    assert Path(str(trouble.facts["kept"])).read_bytes() == b"no database at all" * 100
    assert not store.lasting
    words = say(trouble)
    assert "no new one could be begun" in words.text
    assert str(trouble.facts["kept"]).rpartition("/")[2] in words.way_out
    store.close()


def test_a_file_of_a_newer_program_is_left_alone_and_this_run_forgets(path: Path):
    newer = (*MIGRATIONS, "CREATE TABLE wings (a);")
    Database(path, newer).close()
    store, trouble = open_conversations(path)
    assert isinstance(trouble, StoreTooNew)
    assert not store.lasting
    conversation = begin(store, "Rooks", "Hello")
    assert texts(store, conversation) == ["Hello"]
    store.close()
    Database(path, newer).close()


def test_a_whole_conversation_is_stored_over_what_is_there(store: Conversations):
    conversation = begin(store, "Rooks", "Hello")
    store.pin(conversation.id, pinned=True)
    (first,) = store.open(conversation.id).result(10).messages
    reply = new_message(conversation.id, first.id, "assistant", "Half", status="writing")
    store.append(reply)
    store.grow(reply.id, " a word").result(10)
    ended = ended_as(reply, "A whole one", reply=Reply(tokens=3))
    more = new_message(conversation.id, reply.id, "user", "And more of crows")
    told = msgspec.structs.replace(conversation, title="Crows", leaf=more.id)
    store.keep_whole(told, (first, ended, more)).result(10)
    opened = store.open(conversation.id).result(10)
    assert opened.messages == (first, ended, more)
    assert (opened.conversation.title, opened.conversation.pinned) == ("Crows", True)
    assert opened.conversation.leaf == more.id
    assert [found.conversation.id for found in store.search("crows").result(10)] == [told.id]


def test_a_conversation_of_which_nothing_was_stored_is_stored_whole(store: Conversations):
    conversation = Conversation(id=new_id(), title="Late", created=1.0, updated=2.0)
    asked = new_message(conversation.id, None, "user", "Hello")
    store.keep_whole(conversation, (asked,)).result(10)
    assert store.all().result(10) == [conversation]
    assert texts(store, conversation) == ["Hello"]
