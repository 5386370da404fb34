"""Writing again, editing, and going between the branches that come of it."""

from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest

from app.errors import WorkerDied
from app.runtime.protocol.prompts import Turn
from app.store.conversations import open_conversations
from app.store.records import Conversation, new_id, new_message
from app.ui.transcript.branch_switch import BranchSwitch
from app.ui.transcript.reply_foot import ReplyFoot
from tests.ui.conftest import settled, until


async def test_writing_again_keeps_the_old_reply_beside_the_new_one(chat):
    await chat.say("Name a bird", "Rook.")
    chat.speaker.says = "Crow."
    chat.page._again()
    await chat.answered()
    assert chat.texts() == ["Name a bird", "Crow."]
    switch = chat.last(BranchSwitch)
    assert switch._words.text() == "2/2"
    switch._before.click()
    assert chat.texts() == ["Name a bird", "Rook."]
    assert chat.row_kinds() == ["BubbleRow", "BlockRow", "FootRow"]


async def test_the_branch_that_was_shown_last_is_shown_again(chat):
    await chat.say("Name a bird", "Rook.")
    chat.speaker.says = "Crow."
    chat.page._again()
    await chat.answered()
    chat.page.transcript.step(chat.page._replies()[-1], -1)
    conversation = chat.page.controller.conversation.id
    chat.page.begin()
    chat.page.open(conversation)
    await until(lambda: chat.texts() == ["Name a bird", "Rook."])


async def test_up_edits_the_last_message_into_a_branch_of_its_own(chat):
    await chat.say("Name a bird", "Rook.")
    await chat.say("Another", "Crow.")
    QTest.keyClick(chat.page.composer.edit, Qt.Key.Key_Up)
    assert chat.page.composer.edit.toPlainText() == "Another"
    chat.speaker.says = "Jay."
    chat.page.composer.edit.setPlainText("A third")
    QTest.keyClick(chat.page.composer.edit, Qt.Key.Key_Return)
    await chat.answered()
    assert chat.texts() == ["Name a bird", "Rook.", "A third", "Jay."]
    edited = chat.page.controller.tree.path()[2].id
    assert chat.page.controller.tree.branch(edited) == (2, 2)
    chat.page.transcript.step(edited, -1)
    assert chat.texts() == ["Name a bird", "Rook.", "Another", "Crow."]


async def test_the_first_message_can_be_edited(chat):
    await chat.say("Hello", "Hi.")
    chat.page.transcript.edit(chat.page.controller.tree.path()[0].id)
    await chat.say("Good day", "Good day to you.")
    assert chat.texts() == ["Good day", "Good day to you."]


async def test_escape_gives_the_edit_up_and_brings_back_what_was_being_written(chat):
    await chat.say("Hello", "Hi.")
    chat.page.composer.edit.setPlainText("half a thou")
    chat.page.transcript.edit(chat.page.controller.tree.path()[0].id)
    assert chat.page.composer.edit.toPlainText() == "Hello"
    QTest.keyClick(chat.page.composer.edit, Qt.Key.Key_Escape)
    assert chat.page.composer.edit.toPlainText() == "half a thou"
    assert chat.texts() == ["Hello", "Hi."]


async def test_nothing_is_branched_while_a_reply_is_written(chat):
    await chat.say("Hello", "Hi.")
    chat.speaker.holds.clear()
    chat.page._again()
    chat.page._again()
    chat.page.transcript.step(chat.page._replies()[-1], -1)
    chat.speaker.holds.set()
    await chat.answered()
    assert len(chat.page.controller.tree) == 3


async def test_a_reply_that_was_stopped_goes_on_where_it_ended(chat):
    chat.speaker.says, chat.speaker.pause_s = "one two three " * 50, 0.003
    chat.page.composer.edit.setPlainText("Count")
    chat.page.composer.edit.sent.emit()
    await until(lambda: len(chat.texts()[-1]) > 30)
    chat.page.controller.stop()
    await chat.answered()
    before = chat.page.controller.tree.path()[-1]
    chat.speaker.says, chat.speaker.pause_s = " and four", 0
    assert not chat.last(ReplyFoot)._go_on.isHidden()
    chat.last(ReplyFoot)._go_on.click()
    await chat.answered()
    after = chat.page.controller.tree.path()[-1]
    assert (after.id, after.text, after.status) == (before.id, before.text + " and four", "done")
    assert after.reply.tokens == before.reply.tokens + 2
    assert chat.stored() == ["Count", after.text]
    assert chat.row_kinds() == ["BubbleRow", "BlockRow", "FootRow"]
    turns = chat.speaker.asked[-1][0].turns
    assert [(turn.role, turn.text) for turn in turns] == [
        ("user", "Count"),
        ("assistant", before.text),
    ]
    assert len(chat.services.conversations.search("and four").result(10)) == 1


async def test_a_reply_goes_on_from_its_own_words_wherever_it_was_cut(chat):
    chat.speaker.fails = WorkerDied(exit_code=-9)
    for number, begun in enumerate([" ", "<think>\nhm\n", " def f():\n\n    ", ""]):
        chat.page.controller.configure(
            think="on" if begun.startswith("<") else "off", template="world"
        )
        chat.speaker.fails = WorkerDied(exit_code=-9)
        await chat.say(f"Say {number}", begun)
        cut = chat.page.controller.tree.path()[-1]
        assert cut.text == begun
        chat.speaker.fails, chat.speaker.says = None, "pass"
        chat.page.controller.go_on(cut.id)
        await chat.answered()
        turns = chat.speaker.asked[-1][0].turns
        assert turns[-1] == (Turn("assistant", begun) if begun else Turn("user", f"Say {number}"))
        assert chat.stored()[-1] == begun + "pass"


async def test_a_reply_goes_on_with_its_own_seed_and_another_one_draws_anew(chat):
    await chat.say("Hello", "Hi.")
    controller = chat.page.controller
    controller.go_on(controller.tree.leaf)
    await chat.answered()
    controller.regenerate(controller.tree.leaf)
    await chat.answered()
    seeds = [sampling.seed for _, _, sampling in chat.speaker.asked]
    assert seeds == [None, 1234, None]
    assert chat.speaker.reproducible == [False] * 3  # nobody chose a seed: all known states serve


async def test_a_stop_that_the_limit_cut_is_taken_back_when_it_is_complete(chat):
    chat.speaker.fails = WorkerDied(exit_code=-9)
    await chat.say("Hello", " Hi.\n\nUs ")
    chat.speaker.fails, chat.speaker.says, chat.speaker.taken_back = None, "", 5
    chat.page.controller.go_on(chat.page.controller.tree.leaf)
    await chat.answered()
    assert chat.texts() == chat.stored() == ["Hello", " Hi."]


async def test_only_the_last_reply_that_was_cut_short_can_go_on(chat):
    await chat.say("Hello", "Hi.")
    assert chat.last(ReplyFoot)._go_on.isHidden(), "it was complete"
    chat.speaker.fails = WorkerDied(exit_code=-9)
    await chat.say("And now?", "half a")
    assert not chat.last(ReplyFoot)._go_on.isHidden()
    chat.speaker.fails = None
    await chat.say("Again?", "whole")
    assert all(
        foot._go_on.isHidden()
        for foot in chat.page.transcript.viewport().findChildren(ReplyFoot)
        if foot.isVisible()
    )


async def test_what_another_window_adds_is_shown_when_this_one_comes_to_the_front(chat):
    await chat.say("First", "One.")
    chat.page._look_again()
    shown = chat.page.controller.conversation.id
    other, _ = open_conversations(chat.services.conversations._database.path)
    try:
        last = chat.page.controller.tree.leaf
        asked = new_message(shown, last, "user", "From the other window")
        other.append(asked).result(10)
        other.append(new_message(shown, asked.id, "assistant", "Seen.")).result(10)
        other.rename(shown, "Another title").result(10)
        fresh = Conversation(id=new_id(), title="New there", created=1.0, updated=1.0)
        other.add(fresh).result(10)
        QCoreApplication.sendEvent(chat.page, QEvent(QEvent.Type.WindowActivate))
        await until(lambda: chat.texts()[2:] == ["From the other window", "Seen."])
        assert chat.page.head.title.text() == "Another title"
        await until(lambda: chat.page.pane.model.index_of(fresh.id).isValid())
    finally:
        other.close()
    await chat.say("And here", "Two.")
    assert chat.texts()[-2:] == ["And here", "Two."]
    assert chat.stored() == chat.texts()


async def test_on_a_full_disk_it_says_so_and_stores_everything_once_there_is_room(chat):
    said = []
    chat.services.notices.posted.connect(said.append)
    database = chat.services.conversations._database
    await settled()
    _fill_disk(database)
    unkept = chat.page.controller._unkept
    await chat.say("First " + "x" * 50_000, "One.")
    await chat.say("Second", "Two.")
    await until(lambda: said)
    assert [notice.title for notice in said] == ["The disk is full"]
    assert chat.stored() == []
    unkept.again.timeout.emit()
    await settled(50)
    assert len(said) == 1, "what fails again is not said again"
    _make_room(database)
    chat.page.begin()
    unkept.again.timeout.emit()
    await until(lambda: len(said) == 2)
    assert "everything is stored" in said[1].text
    (kept,) = chat.services.conversations.all().result(10)
    await chat.page.controller.open(kept.id)
    assert chat.texts()[1:] == ["One.", "Second", "Two."]
    assert chat.stored() == chat.texts()


async def test_conversations_that_are_stored_before_anyone_looks_are_let_go_of(chat, monkeypatch):
    said = []
    chat.services.notices.posted.connect(said.append)
    store, controller = chat.services.conversations, chat.page.controller
    await settled()
    _fill_disk(store._database)
    for text in ("First", "Second"):
        chat.page.begin()
        await chat.say(text + "x" * 50_000, "Words.")
    await until(lambda: len(controller._unkept._trees) == 2)
    _make_room(store._database)
    keep = store.keep_whole

    def done_at_once(*told):
        kept = keep(*told)
        kept.result(10)
        return kept

    monkeypatch.setattr(store, "keep_whole", done_at_once)
    controller._unkept.again.timeout.emit()
    await until(lambda: len(store.all().result(10)) == 2)
    assert not controller._unkept._trees
    assert "everything is stored" in said[-1].text


async def test_a_conversation_deleted_on_a_full_disk_comes_whole_into_the_trash(chat):
    said = []
    chat.services.notices.posted.connect(said.append)
    store, controller = chat.services.conversations, chat.page.controller
    chat.speaker.says, chat.speaker.pause_s = "x" * 60_000 + " and more" * 1000, 0.003
    chat.page.composer.edit.setPlainText("Count")
    chat.page.composer.edit.sent.emit()
    await until(lambda: len(chat.texts()[-1]) > 60_000)
    (one,) = store.all().result(10)
    _fill_disk(store._database)
    chat.page.pane.delete(one)
    await until(lambda: any(notice.title == "The disk is full" for notice in said))
    _make_room(store._database)
    controller._unkept.again.timeout.emit()
    await until(lambda: not controller._unkept._trees)
    await until(lambda: store.all().result(10) == [])
    assert store.trash_count().result(10) == 1
    next(notice for notice in said if notice.verb == "Undo").act()
    await until(lambda: len(chat.texts()) == 2)
    assert chat.texts()[-1].startswith("x" * 60_000)


async def test_a_conversation_of_which_nothing_is_stored_can_be_deleted_and_brought_back(chat):
    said = []
    chat.services.notices.posted.connect(said.append)
    store, controller = chat.services.conversations, chat.page.controller
    await settled()
    _fill_disk(store._database)
    await chat.say("First" + "x" * 50_000, "Words.")
    await until(lambda: controller._unkept._trees)
    chat.page.pane.delete(chat.page.controller.conversation)
    await until(lambda: any(notice.verb == "Undo" for notice in said))
    assert not len(controller.tree)
    _make_room(store._database)
    next(notice for notice in said if notice.verb == "Undo").act()
    controller._unkept.again.timeout.emit()
    await until(lambda: len(store.all().result(10)) == 1)
    await controller.open(store.all().result(10)[0].id)
    assert chat.texts() == ["First" + "x" * 50_000, "Words."]
    assert store.trash_count().result(10) == 0


def _fill_disk(database):
    pages = database.read(lambda file: file.execute("PRAGMA page_count").fetchone()[0]).result(10)
    database.read(lambda file: file.execute(f"PRAGMA max_page_count = {pages}")).result(10)


def _make_room(database):
    database.read(lambda file: file.execute("PRAGMA max_page_count = 100000")).result(10)
