"""Several answers at once, messages that wait, replies that the person begins or edits."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.ui.chat.branches.branches_card import BranchesCard
from app.ui.transcript.reply_foot import ReplyFoot
from tests.ui.conftest import heard, until


def leaves(chat) -> list[str]:
    tree = chat.page.controller.tree
    return [tree[one].text for one in tree.siblings(tree.leaf)]


def columns(chat) -> BranchesCard:
    (card,) = [one for one in chat.frame.findChildren(BranchesCard) if one.isVisible()]
    return card


async def three_answers(chat) -> None:
    chat.page.controller.choose_options(answers=3)
    chat.speaker.says = "One answer of several"
    await chat.say("What is a rook?")


async def test_several_answers_are_siblings_and_the_others_wait_for_the_prompt_to_be_read(chat):
    chat.page.controller.choose_options(answers=3)
    chat.speaker.holds.clear()
    chat.page.composer.edit.setPlainText("What is a rook?")
    chat.page.composer.edit.sent.emit()
    await until(lambda: len(chat.speaker.asked) == 1)
    first = chat.page.controller.tree.leaf
    assert len(chat.page.controller.tree.siblings(first)) == 3
    chat.speaker.holds.set()
    await chat.answered()
    assert len(chat.speaker.asked) == 3
    assert len({prompt for prompt, *_ in chat.speaker.asked}) == 1
    assert leaves(chat) == ["Hello."] * 3
    assert chat.page.controller.tree.leaf == first
    assert sorted(chat.stored()) == ["Hello."] * 3 + ["What is a rook?"]


async def test_a_chosen_seed_counts_on_so_that_answers_differ(chat):
    sampling = chat.page.controller.sampling()
    chat.page.controller.configure(sampling=type(sampling)(seed=7))
    await three_answers(chat)
    assert sorted(sampling.seed for *_, sampling in chat.speaker.asked) == [7, 8, 9]


async def test_stop_ends_all_of_them(chat):
    chat.page.controller.choose_options(answers=4)
    chat.speaker.holds.clear()
    chat.page.controller.send("What is a rook?")
    await until(lambda: len(chat.speaker.asked) == 1)
    chat.page.controller.stop()
    await chat.answered()
    tree = chat.page.controller.tree
    assert {tree[one].status for one in tree.siblings(tree.leaf)} == {"stopped"}


async def test_some_are_kept_and_the_others_come_back_with_undo(chat):
    await three_answers(chat)
    foot = chat.last(ReplyFoot)
    assert foot.compare.isVisible()
    foot.compare.click()
    card = columns(chat)
    assert len(card.columns) == 3
    assert not card.keep_chosen.isEnabled(), "all are kept as it is"
    for column in card.columns[:2]:
        column.keep.setChecked(False)
    kept = card.columns[2].leaf
    with heard(chat.services.notices.posted) as posted:
        card.keep_chosen.click()
    assert chat.page.controller.tree.leaf == kept
    assert leaves(chat) == ["One answer of several"]
    await until(lambda: len(chat.stored()) == 2)
    assert posted[0][0].text == "2 messages were deleted."
    posted[0][0].act()
    await until(lambda: len(leaves(chat)) == 3)


async def test_going_on_with_one_shows_it_and_the_next_message_follows_it(chat):
    await three_answers(chat)
    ident = chat.page.controller.tree.siblings(chat.page.controller.tree.leaf)[1]
    chat.page.branches.show_versions(ident)
    columns(chat).columns[1].show_it.click()
    assert chat.page.controller.tree.leaf == ident
    chat.page.controller.choose_options(answers=1)
    await chat.say("And a crow?")
    tree = chat.page.controller.tree
    assert [one.id for one in tree.path()][1] == ident


async def test_what_is_sent_while_a_reply_is_written_waits_and_follows_it(chat):
    page = chat.page
    chat.speaker.holds.clear()
    page.composer.edit.setPlainText("first")
    page.composer.edit.sent.emit()
    await until(lambda: page.controller.writing is not None)
    for words in ("second", "third"):
        page.composer.edit.setPlainText(words)
        QTest.keyClick(page.composer.edit, Qt.Key.Key_Return)
    assert page.controller.queue == ("second", "third")
    assert page.composer.waiting.isVisible()
    page.composer.waiting.taken_back.emit(1)
    assert page.composer.edit.toPlainText() == "third"
    chat.speaker.holds.set()
    await until(lambda: chat.texts() == ["first", "Hello.", "second", "Hello."])
    await chat.answered()
    assert page.composer.waiting.isHidden()


async def test_after_a_stop_the_next_message_waits_until_enter_and_is_kept_as_a_draft(chat):
    page = chat.page
    chat.speaker.holds.clear()
    page.controller.send("first")
    await until(lambda: page.controller.writing is not None)
    page.controller.send("second")
    page.controller.stop()
    await chat.answered()
    assert page.controller.queue == ("second",)
    assert page.drafts.of(page.controller.conversation.id).queued == ("second",)
    first = page.controller.conversation.id
    chat.page.begin()
    assert page.composer.waiting.isHidden()
    chat.page.open(first)
    await until(page.composer.waiting.isVisible)
    chat.speaker.holds.set()
    QTest.keyClick(page.composer.edit, Qt.Key.Key_Return)
    await until(lambda: chat.texts()[-2:] == ["second", "Hello."])
    assert page.drafts.of(first).queued == ()


async def test_what_waits_in_a_conversation_that_is_not_shown_is_sent_there(chat):
    page = chat.page
    chat.speaker.holds.clear()
    page.controller.send("first")
    await until(lambda: page.controller.writing is not None)
    page.controller.send("second")
    one = page.controller.conversation.id
    page.begin()
    chat.speaker.holds.set()
    await until(lambda: not page.controller.is_writing(one))
    assert len(page.controller.tree) == 0
    texts = [m.text for m in chat.services.conversations.open(one).result(10).messages]
    assert texts == ["first", "Hello.", "second", "Hello."]


async def test_a_reply_goes_on_behind_the_words_that_the_person_began_it_with(chat):
    page = chat.page
    page.composer.start.pill.click()
    QTest.keyClicks(page.composer.start.field, "A rook is")
    assert page.drafts.of("").begun == "A rook is"
    chat.speaker.says = " a bird."
    page.composer.edit.setPlainText("What is a rook?")
    QTest.keyClick(page.composer.start.field, Qt.Key.Key_Return)
    await chat.answered()
    turns = chat.speaker.asked[0][0].turns
    assert [(turn.role, turn.text) for turn in turns] == [
        ("user", "What is a rook?"),
        ("assistant", " A rook is"),
    ]
    assert chat.texts()[-1] == " A rook is a bird."
    assert chat.page.controller.tree.path()[-1].reply.edited
    assert page.composer.start.isHidden()


async def test_an_edited_reply_is_a_version_beside_the_first_and_what_follows_goes_by_it(chat):
    await chat.say("What is a rook?", "A fish.")
    reply = chat.page.controller.tree.leaf
    chat.page.sending.edit(reply)
    assert chat.page.composer.edit.toPlainText() == "A fish."
    chat.page.composer.edit.setPlainText("A bird.")
    chat.page.composer.edit.sent.emit()
    assert chat.texts() == ["What is a rook?", "A bird."]
    assert chat.page.controller.writing is None
    assert len(chat.speaker.asked) == 1, "nothing is answered anew"
    await chat.say("And a crow?", "Too.")
    assert [turn.text for turn in chat.speaker.asked[-1][0].turns][1] == "A bird."
    chat.page.controller.show_branch(chat.page.controller.tree.path()[1].id, -1)
    assert chat.texts() == ["What is a rook?", "A fish."]
    assert sorted(chat.stored()) == ["A bird.", "A fish.", "And a crow?", "Too.", "What is a rook?"]
