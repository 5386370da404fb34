"""The map of a conversation: walked by keys and mouse, branches named, compared, taken away."""

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from app.store.records import Conversation, new_message
from app.ui.chat.branches.branches_card import BranchesCard
from app.ui.state.chat.message_tree import Tree
from app.ui.state.chat.tree_layout import places_of_messages
from app.ui.transcript.reply_foot import ReplyFoot
from tests.ui.conftest import heard, until


async def two_branches(chat) -> list[str]:
    """A question with two answers, the second gone on with; the ids in this order."""
    await chat.say("What is a rook?", "A fish.")
    chat.page.controller.regenerate(chat.page.controller.tree.leaf)
    chat.speaker.says = "A bird."
    await chat.answered()
    await chat.say("And a crow?", "Too.")
    chat.page.branches.show_map()
    return [one.id for one in chat.page.controller.tree.messages]


async def test_keys_walk_it_and_enter_shows_the_branch(chat):
    question, fish, bird, _crow, last = await two_branches(chat)
    card = chat.page.branches._map
    assert card.map.hasFocus()
    walked = [card.map.at]
    for key in (Qt.Key.Key_Home, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Left):
        QTest.keyClick(card.map, key)
        walked.append(card.map.at)
    assert walked == [last, question, bird, fish, question]
    QTest.keyClick(card.map, Qt.Key.Key_Right)
    QTest.keyClick(card.map, Qt.Key.Key_Up)
    assert card.words.toPlainText() == "A fish."
    QTest.keyClick(card.map, Qt.Key.Key_Return)
    assert card.isHidden()
    assert chat.texts() == ["What is a rook?", "A fish."]


async def test_the_mouse_marks_and_a_double_click_shows(chat):
    _question, fish, *_ = await two_branches(chat)
    card = chat.page.branches._map
    place = card.map._place_of(fish) - card.map._shift()
    left = Qt.MouseButton.LeftButton
    QTest.mouseClick(card.map.viewport(), left, pos=place)
    assert card.map.at == fish
    QTest.mouseClick(card.map.viewport(), left, pos=QPoint(3, 3))
    assert card.map.at == fish
    QTest.mouseDClick(card.map.viewport(), left, pos=place)
    assert chat.page.controller.tree.leaf == fish


async def test_a_branch_has_a_name_that_is_kept_and_shown_at_its_message(chat):
    _question, fish, *_ = await two_branches(chat)
    card = chat.page.branches._map
    card.map.go_to(fish)
    card.name.setText("  the   wrong one ")
    QTest.keyClick(card.name, Qt.Key.Key_Return)
    conversation = chat.page.controller.conversation.id
    kept = chat.services.conversations.open(conversation).result(10).messages[1]
    assert kept.name == "the wrong one"
    card.show_it.click()
    await until(lambda: "the wrong one" in chat.last(ReplyFoot).switch._words.text())


async def test_two_branches_stand_beside_each_other_from_where_they_part(chat):
    _question, fish, *_, last = await two_branches(chat)
    card = chat.page.branches._map
    assert not card.compare.isEnabled(), "what is shown is no other branch"
    card.map.go_to(fish)
    card.compare.click()
    (columns,) = [one for one in chat.frame.findChildren(BranchesCard) if one.isVisible()]
    assert [column.leaf for column in columns.columns] == [last, fish]
    assert [len(column.words._messages) for column in columns.columns] == [3, 1]


async def test_a_branch_is_taken_away_with_what_follows_and_comes_back(chat):
    _question, fish, bird, *_ = await two_branches(chat)
    card = chat.page.branches._map
    card.map.go_to(bird)
    with heard(chat.services.notices.posted) as posted:
        card.drop.click()
    assert chat.texts() == ["What is a rook?", "A fish."]
    await until(lambda: len(chat.stored()) == 2)
    posted[0][0].act()
    await until(lambda: len(chat.page.controller.tree) == 5)
    assert chat.page.controller.tree[fish].text == "A fish."


def test_the_first_answer_stays_in_its_lane_and_ten_thousand_messages_have_a_place():
    messages, parent = [], None
    for _ in range(10_000):
        messages.append(new_message("c", parent, "user", "words"))
        parent = messages[-1].id
    branch = new_message("c", messages[5000].id, "user", "a branch")
    tree = Tree(Conversation(id="c"), [*messages, branch])
    places = places_of_messages(tree)
    assert places[messages[-1].id] == (9999, 0)
    assert places[branch.id] == (5001, 1)
