"""Searching the conversations with the keyboard, and landing where the words are."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.store.records import Conversation, new_message
from app.ui.transcript.selection import text_in
from tests.ui.conftest import settled, until

PADDING = "A paragraph of an ordinary length, so that the place is far from the end.\n\n" * 12


async def stored(chat, ident, *texts, title="Birds"):
    """A conversation in the store; the ids of its messages."""
    store = chat.services.conversations
    store.add(Conversation(id=ident, title=title, created=1.0, updated=1.0))
    parent, ids = None, []
    for number, text in enumerate(texts):
        message = new_message(ident, parent, "assistant" if number % 2 else "user", text)
        store.append(message)
        parent = message.id
        ids.append(message.id)
    store.all().result(10)
    return ids


def press(key):
    QTest.keyClick(QApplication.focusWidget(), key)


def in_sight(chat, words):
    """Whether ``words`` are marked and their row lies in the viewport."""
    transcript = chat.page.transcript
    ends = transcript.selection._ends()
    if ends is None or transcript.selection.text() != words:
        return False
    text = text_in(transcript.widget_of(ends[0]))
    assert text._selected == (ends[1], ends[3])
    place = transcript.rect_of(ends[0])
    return place.top() < transcript.viewport().height() and place.bottom() > 0


async def test_enter_in_the_field_opens_the_first_hit_at_its_words(chat):
    reply = PADDING + "there is the **Krähe** \U0001f426 of the story\n\n" + PADDING
    await stored(chat, "c", "begin", reply, *["more", PADDING] * 6)
    page = chat.page
    await until(page.isActiveWindow)
    page._search()
    assert page.pane.search.hasFocus()
    QTest.keyClicks(page.pane.search, "KRAHE")
    press(Qt.Key.Key_Return)
    await until(lambda: in_sight(chat, "Krähe"))
    assert not page.transcript.at_end
    bar = page.transcript.verticalScrollBar()
    here = bar.value()
    bar.setValue(bar.maximum())
    bar.setValue(here)
    assert in_sight(chat, "Krähe")


async def test_the_arrows_lead_from_the_field_to_the_hits_and_back(chat):
    await stored(chat, "one", "a rook", title="One")
    await stored(chat, "two", "a rook too", "Yes", title="Two")
    page = chat.page
    await until(page.isActiveWindow)
    page._search()
    QTest.keyClicks(page.pane.search, "rook")
    await until(lambda: page.pane.model.rowCount() == 2 and page.pane._words == "rook")
    press(Qt.Key.Key_Down)
    assert page.pane.list.hasFocus()
    assert page.pane.list.currentIndex().row() == 0
    press(Qt.Key.Key_Down)
    press(Qt.Key.Key_Return)
    second = page.pane.model.conversation(page.pane.model.index(1)).id
    await until(lambda: page.controller.conversation.id == second and in_sight(chat, "rook"))
    assert page.pane.list.hasFocus()
    press(Qt.Key.Key_Up)
    press(Qt.Key.Key_Up)
    assert page.pane.search.hasFocus()
    press(Qt.Key.Key_Escape)
    assert page.pane.search.text() == ""
    press(Qt.Key.Key_Escape)
    assert page.composer.edit.hasFocus()


async def test_a_hit_on_a_branch_that_is_not_shown_is_shown(chat):
    ids = await stored(chat, "c", "begin", "the old answer has a nest", "thanks")
    store = chat.services.conversations
    store.append(new_message("c", ids[0], "assistant", "the new answer"))
    page = chat.page
    page.open_found("c", ids[1], "nest")
    await until(lambda: in_sight(chat, "nest"))
    assert [one.id for one in page.controller.tree.path()] == ids


async def test_words_in_a_long_message_and_in_a_thought_are_unfolded(chat):
    long = "word " * 2000 + "a hidden nest " + "word " * 2000
    thought = "<think>maybe a twig</think>\n\nNo."
    ids = await stored(chat, "c", long, thought, "more", PADDING * 4)
    chat.page.open_found("c", ids[0], "hidden")
    await until(lambda: in_sight(chat, "hidden"))
    chat.page.open_found("c", ids[1], "twig")
    await until(lambda: in_sight(chat, "twig"))


async def test_words_that_are_nowhere_on_the_screen_lead_to_their_message(chat):
    ids = await stored(chat, "c", "begin", "[a link](https://nest.example/x)", "ok", PADDING * 5)
    chat.page.open_found("c", ids[1], "nest.example")
    transcript = chat.page.transcript
    await until(lambda: ids[1] in transcript._first_rows)
    await settled()
    place = transcript.rect_of(transcript._place_of(ids[1]))
    assert 0 <= place.top() < transcript.viewport().height()


async def test_ctrl_shift_f_searches_all_conversations(chat):
    await until(chat.page.isActiveWindow)
    keys = {one.keys: one for one in chat.page.commands()}
    keys["Ctrl+Shift+F"].act()
    assert chat.page.pane.isVisible()
    assert chat.page.pane.search.hasFocus()
