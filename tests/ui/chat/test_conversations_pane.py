"""The list at the left: what is in it, searching, renaming, deleting and taking that back."""

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from app.store.conversations import open_conversations
from app.ui.state.chat.message_facts import title_of
from tests.ui.conftest import heard, settled, until


def titles(chat) -> list[str]:
    model = chat.page.pane.model
    indexes = [model.index(row) for row in range(model.rowCount())]
    return [str(one.data()) for one in indexes if model.conversation(one)]


def one_called(chat, name: str):
    model = chat.page.pane.model
    found = [model.conversation(model.index(row)) for row in range(model.rowCount())]
    return next(one for one in found if one and one.title == name)


async def begun(chat, *names: str) -> None:
    for name in names:
        chat.page.begin()
        await chat.say(name, f"About {name}.")
    await until(lambda: len(titles(chat)) == len(names))


async def test_a_conversation_is_listed_from_its_first_message_on(chat):
    assert titles(chat) == []
    chat.page.begin()
    chat.page.begin()
    await chat.say("Rooks and crows\nand more", "Yes.")
    await until(lambda: titles(chat) == ["Rooks and crows"])
    assert chat.page.head.title.text() == "Rooks and crows"


async def test_the_newest_is_first_and_the_open_one_is_marked(chat):
    await begun(chat, "old", "new")
    await until(lambda: titles(chat) == ["new", "old"])
    current = chat.page.pane.list.currentIndex()
    assert current.data() == "new"


async def test_searching_finds_words_of_messages_and_clearing_shows_all(chat):
    await begun(chat, "rooks", "crows")
    chat.page.pane.search.setText("out roo")
    await until(lambda: titles(chat) == ["rooks"])
    chat.page.pane.search.clear()
    await until(lambda: len(titles(chat)) == 2)


async def test_choosing_opens_it(chat):
    await begun(chat, "rooks", "crows")
    pane = chat.page.pane
    pane._choose(pane.model.index(2))
    await until(lambda: chat.texts() == ["rooks", "About rooks."])


async def test_f2_renames_in_place(chat):
    await begun(chat, "rooks")
    view = chat.page.pane.list
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_F2)
    editor = view.findChild(QLineEdit)
    editor.setText("Corvids")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    await until(lambda: titles(chat) == ["Corvids"])
    assert chat.page.head.title.text() == "Corvids"
    chat.page.pane.model.setData(QModelIndex(), "nothing")


async def test_delete_takes_it_away_and_undo_brings_it_back(chat):
    await begun(chat, "rooks", "crows")
    with heard(chat.services.notices.posted) as posted:
        view = chat.page.pane.list
        view.setFocus()
        QTest.keyClick(view, Qt.Key.Key_Delete)
        QTest.keyClick(view, Qt.Key.Key_Delete)
        await until(lambda: posted)
    assert titles(chat) == ["rooks"], "the second stroke deletes no other"
    assert len(chat.page.controller.tree) == 0, "it was the one that was shown"
    ((notice,),) = posted
    assert notice.verb == "Undo"
    notice.act()
    await until(lambda: titles(chat) == ["crows", "rooks"])
    await until(lambda: chat.texts() == ["crows", "About crows."])


async def test_undo_brings_each_back_and_leaves_alone_what_was_opened_since(chat):
    await begun(chat, "daws", "rooks", "crows")
    pane = chat.page.pane
    with heard(chat.services.notices.posted) as posted:
        for name in ("crows", "rooks"):
            pane.delete(one_called(chat, name))
            await until(lambda name=name: name not in titles(chat) and len(posted) > 0)
        await until(lambda: len(posted) == 2)
    chat.page.open(one_called(chat, "daws").id)
    await until(lambda: chat.texts() == ["daws", "About daws."])
    for (notice,) in posted:
        notice.act()
    await until(lambda: titles(chat) == ["crows", "rooks", "daws"])
    assert chat.texts() == ["daws", "About daws."]


async def test_deleting_stops_the_reply_in_it_and_undo_brings_what_was_written(chat):
    chat.speaker.says = "One two three four"
    chat.speaker.holds.clear()
    chat.page.composer.edit.setPlainText("rooks")
    chat.page.composer.edit.sent.emit()
    await until(lambda: titles(chat) == ["rooks"])
    chat.speaker.pause_s = 0.05
    chat.speaker.holds.set()
    await until(lambda: chat.texts()[-1].startswith("One"))
    with heard(chat.services.notices.posted) as posted:
        chat.page.pane.delete(chat.page.controller.conversation)
        await until(lambda: chat.speaker.left_early == 1)
        await until(lambda: titles(chat) == [] and posted)
    ((notice,),) = posted
    notice.act()
    await until(lambda: titles(chat) == ["rooks"])
    await until(lambda: len(chat.texts()) == 2)
    assert chat.texts()[-1].startswith("One")
    assert chat.page.controller.tree.path()[-1].status == "stopped"
    assert chat.page.controller.writing is None


async def test_what_cannot_be_deleted_stays_and_is_said(chat):
    await begun(chat, "rooks")
    file = chat.services.conversations._database
    refuse = "CREATE TEMP TRIGGER full BEFORE UPDATE OF trashed ON conversations BEGIN"
    refuse += " INSERT INTO pieces (message, text) SELECT id, zeroblob(9000000) FROM messages; END"
    file.write(lambda it: it.execute(refuse)).result(10)
    pages = "PRAGMA max_page_count = 200"
    file.write(lambda it: it.execute(pages)).result(10)
    with heard(chat.services.notices.posted) as posted:
        chat.page.pane.delete(chat.page.controller.conversation)
        await until(lambda: posted)
    assert posted[0][0].verb == ""
    await until(lambda: titles(chat) == ["rooks"])
    assert chat.texts() == ["rooks", "About rooks."]


async def test_what_is_deleted_as_the_window_closes_is_deleted(chat):
    await begun(chat, "rooks")
    await settled()
    chat.page.pane.delete(chat.page.controller.conversation)
    await settled(1)
    await chat.services.tasks.close()
    assert chat.services.conversations.all().result(10) == []


async def test_what_another_window_deletes_goes_here_and_comes_back_here(chat, tmp_path):
    await begun(chat, "rooks")
    page, store = chat.page, chat.services.conversations
    await page._take_over()
    other, _ = open_conversations(tmp_path / "conversations.sqlite3")
    rooks = page.controller.conversation.id
    other.delete(rooks).result(10)
    with heard(chat.services.notices.posted) as posted:
        await page._take_over()
        await until(lambda: titles(chat) == [] and posted)
    assert len(page.controller.tree) == 0
    assert page.pane.trash.text() == "Trash · 1"
    other.restore(rooks).result(10)
    await page._take_over()
    await until(lambda: titles(chat) == ["rooks"])
    other.delete(rooks).result(10)
    posted[0][0].act()
    await until(lambda: chat.texts() == ["rooks", "About rooks."])
    other.delete(rooks).result(10)
    other.remove([rooks]).result(10)
    other.close()
    await page._take_over()
    await until(lambda: titles(chat) == [])
    assert store.trash_count().result(10) == 0
    assert len(page.controller.tree) == 0


async def test_pinned_ones_stand_at_the_top(chat):
    await begun(chat, "old", "new")
    model = chat.page.pane.model
    old = next(
        one
        for row in range(model.rowCount())
        if (one := model.conversation(model.index(row))) and one.title == "old"
    )
    chat.page.pane.verbs.pin([old])
    await until(lambda: titles(chat) == ["old", "new"])
    assert model.index(0).data() == "Pinned"


def test_titles_are_short_lines():
    assert title_of("  Hello \n there") == "Hello"
    assert title_of("word " * 40).endswith("…")
    assert len(title_of("鸟" * 300)) <= 61


@pytest.mark.geometry
async def test_the_words_have_room_beside_conversations_and_settings(chat):
    page, frame = chat.page, chat.frame
    page._toggle_panel()
    beside = max(page.panel.minimumWidth() + 408, page.minimumSizeHint().width())
    wide = beside + page.pane.minimumWidth()
    for width in (wide, wide - 10, beside, wide - 10, wide):
        frame.resize(width, 700)
        await settled()
        assert frame.width() == width
        assert page._middle.width() >= 400
        assert page.pane.isVisible() == (width == wide)
    frame.resize(wide - 100, 700)
    await settled()
    page._toggle_panel()
    assert page.pane.isVisible(), "without the settings there is room again"
    page._toggle_panel()
    assert not page.pane.isVisible()
    page._toggle_pane()
    assert page.pane.isVisible()
    assert not page.panel.isVisible()
