"""Folders, the archive, copies, titles and branches in a real file, each with its way back."""

from pathlib import Path

import msgspec
import pytest

from app.errors import StoreError
from app.runtime.protocol.token_spans import TokenSpan, pack
from app.store.chat.personas import Persona
from app.store.chat_defaults import ChatDefaults
from app.store.conversations import Conversations, open_conversations
from app.store.database import Database
from app.store.migrations import MIGRATIONS
from app.store.records import Conversation, ReplyOptions, new_id, new_message
from app.store.states.conversation_starts import ConversationStart
from app.store.trash import KEPT_S


@pytest.fixture
def store(tmp_path: Path):
    store, trouble = open_conversations(tmp_path / "conversations.sqlite3")
    assert trouble is None
    yield store
    store.close()


def begin(store: Conversations, title: str, *texts: str) -> list[str]:
    """A conversation called as its id; the ids of its messages."""
    store.add(Conversation(id=title, title=title, created=1.0, updated=1.0))
    parent, idents = None, []
    for number, text in enumerate(texts):
        message = new_message(title, parent, "assistant" if number % 2 else "user", text)
        store.append(message)
        parent = message.id
        idents.append(parent)
    return idents


def listed(store: Conversations) -> dict[str, Conversation]:
    return {one.id: one for one in store.all().result(10)}


def test_many_are_pinned_moved_and_archived_at_once_and_put_back_as_they_were(
    store: Conversations,
):
    for name in ("rooks", "crows", "daws"):
        begin(store, name, "Hello")
    arranging = store.arranging
    arranging.move(["crows"], "Birds").result(10)
    before = list(listed(store).values())
    told = []
    store.changes.listen(told.append)
    arranging.move(["rooks", "daws"], "Birds").result(10)
    arranging.archive(["rooks", "crows"], archived=True).result(10)
    arranging.pin(["daws"], pinned=True).result(10)
    now = listed(store)
    assert {one.folder for one in now.values()} == {"Birds"}
    assert [now[name].archived for name in ("rooks", "crows", "daws")] == [True, True, False]
    assert now["daws"].pinned
    arranging.rename_folder("Birds", "Corvids").result(10)
    assert {one.folder for one in listed(store).values()} == {"Corvids"}
    arranging.put_back(before).result(10)
    assert listed(store) == {one.id: one for one in before}
    assert len(told) == 5
    assert [one.conversation.id for one in store.search("birds").result(10)] == ["crows"]


def test_a_copy_has_every_branch_with_its_tokens_and_is_no_part_of_the_first(
    store: Conversations,
):
    question, first = begin(store, "rooks", "What?", "One")
    other = new_message("rooks", question, "assistant", "Two")
    store.append(other)
    span = TokenSpan("words", 0, pack([4, 5]))
    store.finish(other, span)
    store.branches.name("rooks", other.id, "better")
    store.choose("rooks", first)
    start = ConversationStart("/states/book", "The book")
    store.starts.put("rooks", start)
    copy = store.arranging.duplicate("rooks", "rooks (copy)").result(10)
    assert store.starts.of(copy).result(10) == start
    made = store.open(copy).result(10)
    assert made.conversation.title == "rooks (copy)"
    assert [one.text for one in made.messages] == ["What?", "One", "Two"]
    assert [one.name for one in made.messages] == ["", "", "better"]
    assert made.messages[1].parent == made.messages[2].parent == made.messages[0].id
    assert made.conversation.leaf == made.messages[1].id
    assert store.tokens(copy).result(10) == {made.messages[2].id: span}
    store.append(new_message(copy, made.messages[1].id, "user", "More crumbs"))
    assert len(store.open("rooks").result(10).messages) == 3
    assert [one.conversation.id for one in store.search("crumbs").result(10)] == [copy]
    with pytest.raises(StoreError):
        store.arranging.duplicate("nobody", "x").result(10)


def test_a_title_that_a_person_gave_is_never_written_over(store: Conversations):
    begin(store, "rooks", "Hello")
    store.arranging.set_title("rooks", "By the model").result(10)
    assert listed(store)["rooks"].title == "By the model"
    store.rename("rooks", "Mine").result(10)
    store.arranging.set_title("rooks", "By the model again").result(10)
    assert (listed(store)["rooks"].title, listed(store)["rooks"].own_title) == ("Mine", True)


def test_many_are_deleted_at_once_and_come_back(store: Conversations):
    for name in ("rooks", "crows"):
        begin(store, name, "Hello")
    store.arranging.delete(["rooks", "crows"]).result(10)
    assert listed(store) == {}
    assert store.trash_count().result(10) == 2
    store.arranging.restore(["rooks", "crows"]).result(10)
    assert set(listed(store)) == {"rooks", "crows"}


def test_a_branch_that_is_taken_away_is_found_nowhere_comes_back_and_goes_after_30_days():
    now = [1000.0]
    store = Conversations(Database(None, MIGRATIONS), clock=lambda: now[0])
    question, first = begin(store, "rooks", "What?", "One feather")
    below = new_message("rooks", first, "user", "More feathers")
    store.append(below)
    store.branches.drop("rooks", [first, below.id], question).result(10)
    opened = store.open("rooks").result(10)
    assert [one.id for one in opened.messages] == [question]
    assert opened.conversation.leaf == question
    assert store.search("feather").result(10) == []
    store.branches.take_back("rooks", [first, below.id], below.id).result(10)
    assert store.open("rooks").result(10).conversation.leaf == below.id
    assert len(store.open("rooks").result(10).messages) == 3
    store.branches.drop("rooks", [first, below.id], question).result(10)
    now[0] += KEPT_S + 1
    store.branches.drop("rooks", [], question).result(10)
    store.branches.take_back("rooks", [first, below.id], None).result(10)
    assert [one.id for one in store.open("rooks").result(10).messages] == [question]
    store.close()


def test_personas_are_kept_by_name_and_a_damaged_one_is_what_can_be_read(store: Conversations):
    settings = ChatDefaults(system="Caw.", options=ReplyOptions(answers=3, thought_limit=64))
    rook = Persona(id=new_id(), name="rook", created=1.0, settings=settings)
    store.personas.keep(rook)
    store.personas.keep(Persona(id="crow", name="Crow"))
    assert [one.name for one in store.personas.all().result(10)] == ["Crow", "rook"]
    store.personas.keep(msgspec.structs.replace(rook, name="A rook"))
    assert store.personas.all().result(10)[0].settings == settings
    spoil = "UPDATE personas SET settings = '[', created = 'x' WHERE id = 'crow'"
    store._database.write(lambda file: file.execute(spoil)).result(10)
    (_, crow) = store.personas.all().result(10)
    assert crow == Persona(id="crow", name="Crow")
    store.personas.remove("crow").result(10)
    assert len(store.personas.all().result(10)) == 1


def test_what_an_older_program_kept_is_there_and_titles_stay_as_they_are(tmp_path: Path):
    path = tmp_path / "conversations.sqlite3"
    old = Database(path, MIGRATIONS[:6])
    row = "INSERT INTO conversations VALUES ('c', 'Rooks', 1, 1, '', '', 'off', NULL, 9, NULL, 0,"
    old.write(lambda file: file.execute(row + " NULL, NULL, 0)")).result(10)
    old.close()
    store, trouble = open_conversations(path)
    assert trouble is None
    store.arranging.set_title("c", "Another").result(10)
    one = listed(store)["c"]
    store.close()
    assert (one.title, one.folder, one.archived, one.options) == (
        *("Rooks", "", False),
        ReplyOptions(),
    )
    assert [kept.name for kept in tmp_path.glob("*.layout-6-*")]
