"""Finding words in the conversation that is shown, wherever they stand in it."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.store.records import Conversation, new_message
from app.ui.state.chat.message_tree import Tree
from app.ui.transcript.long_table import LongTable
from app.ui.transcript.selection import text_in
from app.ui.transcript.text_block import TextBlock
from tests.ui.conftest import until

from .test_search import PADDING, in_sight, stored

BACK = Qt.KeyboardModifier.ShiftModifier


async def opened(chat, *texts):
    """A stored conversation that is shown, in a window that has the keyboard."""
    ids = await stored(chat, "c", *texts)
    page = chat.page
    await until(page.isActiveWindow)
    page.open("c")
    await until(lambda: page.controller.conversation.id == "c")
    return ids


def tree_of(texts):
    """A conversation that is shown without the time that storing it takes."""
    messages, parent = [], None
    for number, text in enumerate(texts):
        messages.append(new_message("c", parent, "assistant" if number % 2 else "user", text))
        parent = messages[-1].id
    return Tree(Conversation(id="c", created=1.0, updated=1.0, leaf=parent), messages)


def ask(chat, words=None):
    """Ctrl+F, and type."""
    next(one for one in chat.page.commands() if one.keys == "Ctrl+F").act()
    if words is not None:
        QTest.keyClicks(chat.page.finding.bar.field, words)


async def told(chat, count):
    bar = chat.page.finding.bar
    await until(lambda: bar.count.text() == count)


def press(key, modifier=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(QApplication.focusWidget(), key, modifier)


def row_at(chat):
    """The row of the hit that is shown."""
    return chat.page.transcript.selection._ends()[0]


async def test_hits_are_counted_and_gone_through_both_ways_round_the_end(chat):
    await opened(
        chat, "a Krähe\U0001f426", "one **kra**he\n\n" + PADDING, "none", PADDING + "乌鸦 KRÄHE"
    )
    ask(chat, "krahe")
    await told(chat, "3 of 3")  # from where the reader is, at the end
    assert in_sight(chat, "KRÄHE")
    press(Qt.Key.Key_Return)
    await told(chat, "1 of 3")
    assert in_sight(chat, "Krähe")
    press(Qt.Key.Key_Return)
    await told(chat, "2 of 3")
    assert in_sight(chat, "krahe")
    press(Qt.Key.Key_Return, BACK)
    press(Qt.Key.Key_Return, BACK)
    await told(chat, "3 of 3")
    keys = {one.keys: one for one in chat.page.commands()}
    keys["F3"].act()
    keys["F3"].act()
    await told(chat, "2 of 3")
    keys["Shift+F3"].act()
    await told(chat, "1 of 3")
    chat.page.finding.bar.field.setText("乌鸦")
    await told(chat, "1 of 1")
    assert in_sight(chat, "乌鸦")
    chat.page.finding.bar.field.setText("nowhere")
    await told(chat, "Not found")
    assert not chat.page.finding.bar.behind.isEnabled()


async def test_escape_closes_it_and_gives_the_keyboard_back(chat):
    await opened(chat, "a rook", "Yes, a rook.")
    transcript, bar = chat.page.transcript, chat.page.finding.bar
    transcript.setFocus()
    ask(chat, "rook")
    assert bar.field.hasFocus()
    await told(chat, "1 of 2")
    assert any(block._found._places for block in transcript.viewport().findChildren(TextBlock))
    press(Qt.Key.Key_Escape)
    assert bar.isHidden()
    assert transcript.hasFocus()
    assert not any(block._found._term for block in transcript.viewport().findChildren(TextBlock))
    chat.page.composer.edit.setFocus()
    ask(chat)
    assert bar.field.text() == "rook"  # what is chosen in the words
    press(Qt.Key.Key_Escape)
    assert chat.page.composer.edit.hasFocus()


async def test_thoughts_code_and_long_messages_are_unfolded_for_a_hit(chat):
    thought = "<think>a twig, " + "well. " * 20 + "twig</think>\n\nOne twig.\n\n"
    code = "```python\n" + "pass\n" * 40 + "x = 1" + " " * 300 + "# twig\n```\n"
    await opened(chat, "word " * 2000 + "twig " + "word " * 2000, thought + code + PADDING, "ok")
    ask(chat, "twig")
    await until(lambda: chat.page.finding._finder.total == 5)
    seen = set()
    for _ in range(5):
        number = int(chat.page.finding.bar.count.text().split()[0])
        assert in_sight(chat, "twig"), number
        text = text_in(chat.page.transcript.widget_of(row_at(chat)))
        start = text._selected[0]
        await until(text._hit)
        assert [hit.format.background().color() for hit in text._hit()] == [
            chat.services.theme.color("accent")
        ]
        seen.add((number, text.document.toPlainText()[start - 2 : start]))
        press(Qt.Key.Key_Return)
    assert seen == {(1, "d "), (2, "a "), (3, ". "), (4, "e "), (5, "# ")}
    await told(chat, f"{chat.page.finding._finder.number(chat.page.finding._hit)} of 5")


async def test_ten_thousand_messages_are_searched_without_making_their_widgets(chat):
    texts = [f"message {n} of **very** many" + " rook" * (n % 100 == 7) for n in range(10_000)]
    chat.page.controller._show(tree_of(texts))
    await until(chat.page.isActiveWindow)
    ask(chat, "rook")
    bar, transcript = chat.page.finding.bar, chat.page.transcript
    await told(chat, "1 of 100")  # round from the end
    assert in_sight(chat, "rook")
    assert row_at(chat) < 40
    bar.previous_wanted.emit()
    assert bar.count.text() == "100 of 100"
    assert in_sight(chat, "rook")
    assert len(transcript.viewport().findChildren(TextBlock)) < 120


async def test_a_reply_that_is_written_is_searched_and_does_not_push_the_hit_away(chat):
    await opened(chat, "begin", PADDING, "a rook", "Yes")
    chat.speaker.holds.clear()
    chat.page.composer.edit.setPlainText("more")
    chat.page.composer.edit.sent.emit()
    await until(lambda: chat.page.controller.writing is not None)
    await until(lambda: chat.page.controller.writing.read == (12, 12))
    ask(chat, "rook")
    await told(chat, "1 of 1")
    writing = chat.page.controller.writing
    writing._take("a **rook**, " + PADDING + "another rook" + PADDING)
    await told(chat, "1 of 3")
    assert in_sight(chat, "rook")
    press(Qt.Key.Key_Return)
    assert in_sight(chat, "rook")
    await told(chat, "2 of 3")
    press(Qt.Key.Key_Escape)
    assert chat.page.controller.writing is not None  # the bar was closed, the reply goes on
    writing.stop()
    await chat.answered()


async def test_a_hit_in_a_table_of_thousands_of_cells_chooses_its_cell(chat):
    table = "| no | bird |\n|---|---|\n" + "".join(f"| {n} | crow |\n" for n in range(1500))
    await opened(chat, "list", table + "| 1500 | rook |\n" + "| 1501 | crow |\n")
    ask(chat, "rook")
    await told(chat, "1 of 1")
    index = chat.page.transcript.viewport().findChild(LongTable).currentIndex()
    assert (index.row(), index.column(), index.data()) == (1500, 1, "rook")


async def test_another_branch_is_counted_anew_and_another_conversation_closes_the_bar(chat):
    ids = await opened(chat, "begin", "a rook and a rook")
    other = new_message("c", ids[0], "assistant", "one rook")
    chat.services.conversations.append(other)
    await chat.page.controller.open("c", ids[1])
    ask(chat, "rook")
    await told(chat, "1 of 2")
    await chat.page.controller.open("c", other.id)
    await told(chat, "1 hit")
    press(Qt.Key.Key_Return)
    await told(chat, "1 of 1")
    chat.page.begin()
    assert chat.page.finding.bar.isHidden()
    assert chat.page.composer.edit.hasFocus()
