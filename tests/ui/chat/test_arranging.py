"""Folders, the archive, several conversations at once: by mouse and by keys, each undone."""

from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.store.records import Conversation, new_message
from app.ui.chat.conversations.folder_card import FolderCard
from tests.ui.chat.test_conversation_menu import entries, open_menu
from tests.ui.chat.test_conversations_pane import begun, one_called, titles
from tests.ui.conftest import heard, until


def headings(chat) -> list[str]:
    model = chat.page.pane.model
    found = (model.heading(model.index(row)) for row in range(model.rowCount()))
    return [f"{one.title} {one.count}" if one.folds else one.title for one in found if one]


def heading(chat, title: str):
    model = chat.page.pane.model
    rows = (model.index(row) for row in range(model.rowCount()))
    return next(one for one in rows if model.heading(one) and model.heading(one).title == title)


def choose(chat, *names: str) -> None:
    pane = chat.page.pane
    pane.list.setFocus()
    pane.list.clearSelection()
    for name in names:
        index = pane.model.index_of(one_called(chat, name).id)
        pane.list.selectionModel().select(index, QItemSelectionModel.SelectionFlag.Select)


def card(chat) -> FolderCard:
    (found,) = [one for one in chat.frame.findChildren(FolderCard) if one.isVisible()]
    return found


def keys(chat) -> dict:
    return {one.title: one.act for one in chat.page.commands()}


async def test_several_go_into_a_new_folder_by_keys_and_one_undo_brings_them_out(chat):
    await begun(chat, "rooks", "crows", "daws")
    choose(chat, "rooks", "daws")
    with heard(chat.services.notices.posted) as posted:
        keys(chat)["Move to a folder"]()
        QTest.keyClicks(QApplication.focusWidget(), "  Small   birds")
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
        await until(lambda: headings(chat) == ["Small birds 2", "Today"] and posted)
    assert [one.title for one in chat.page.pane._chosen()] == ["daws", "rooks"], "they stay chosen"
    pane, index = chat.page.pane, heading(chat, "Small birds")
    place = pane.list.visualRect(index).center()
    QTest.mouseClick(pane.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    await until(lambda: titles(chat) == ["crows"])
    assert chat.services.settings.now.folded_sections == ("archive", "folder:Small birds")
    pane.list.setFocus()
    pane.list.setCurrentIndex(heading(chat, "Small birds"))
    QTest.keyClick(pane.list, Qt.Key.Key_Return)
    await until(lambda: titles(chat) == ["daws", "rooks", "crows"])
    posted[-1][0].act()
    await until(lambda: headings(chat) == ["Today"])


async def test_a_folder_is_renamed_and_dissolved_and_both_are_undone(chat):
    await begun(chat, "rooks", "crows")
    pane = chat.page.pane
    pane.verbs.move([one_called(chat, "rooks")], "Birds")
    await until(lambda: headings(chat) == ["Birds 1", "Today"])
    pane.list.setFocus()
    pane.list.setCurrentIndex(heading(chat, "Birds"))
    QTest.keyClick(pane.list, Qt.Key.Key_F2)
    card(chat).name.setText("Corvids")
    QTest.keyClick(card(chat).name, Qt.Key.Key_Return)
    await until(lambda: headings(chat) == ["Corvids 1", "Today"])
    with heard(chat.services.notices.posted) as posted:
        menu = pane._folder_menu("Corvids")
        menu.popup(QPoint(5, 5))
        entries(open_menu())["Dissolve the folder"].trigger()
        menu.close()
        await until(lambda: headings(chat) == ["Today"] and posted)
    posted[0][0].act()
    await until(lambda: headings(chat) == ["Corvids 1", "Today"])


async def test_an_archived_conversation_is_folded_away_and_still_found(chat):
    await begun(chat, "rooks", "crows")
    pane = chat.page.pane
    with heard(chat.services.notices.posted) as posted:
        pane.verbs.archive([one_called(chat, "rooks")])
        await until(lambda: headings(chat) == ["Today", "Archive 1"] and posted)
    assert titles(chat) == ["crows"]
    pane.search.setText("about rooks")
    await until(lambda: titles(chat) == ["rooks"])
    pane.search.clear()
    posted[0][0].act()
    await until(lambda: titles(chat) == ["crows", "rooks"])


async def test_several_are_deleted_at_once_and_one_undo_brings_all_back(chat):
    await begun(chat, "rooks", "crows", "daws")
    choose(chat, "crows", "daws")
    with heard(chat.services.notices.posted) as posted:
        QTest.keyClick(chat.page.pane.list, Qt.Key.Key_Delete)
        await until(lambda: titles(chat) == ["rooks"] and posted)
    assert posted[0][0].text == "2 conversations are in the trash."
    posted[0][0].act()
    await until(lambda: titles(chat) == ["daws", "crows", "rooks"])
    await until(lambda: chat.texts() == ["daws", "About daws."])


async def test_a_copy_is_shown_and_goes_its_own_way(chat):
    await begun(chat, "rooks")
    keys(chat)["Duplicate the conversation"]()
    await until(lambda: chat.page.controller.conversation.title == "rooks (copy)")
    await chat.say("more", "Yes.")
    assert chat.texts() == ["rooks", "About rooks.", "more", "Yes."]
    chat.page.open(one_called(chat, "rooks").id)
    await until(lambda: chat.texts() == ["rooks", "About rooks."])


async def test_titles_can_be_off_or_written_by_the_model(chat):
    chat.services.settings.change(automatic_titles="off")
    await chat.say("Hello there", "Yes.")
    await until(lambda: titles(chat) == ["Untitled"])
    chat.services.settings.change(automatic_titles="model")
    chat.page.begin()
    chat.speaker.says = "**Title:** “Rooks in March”\nand more"
    await chat.say("Tell me of rooks")
    await until(lambda: "Rooks in March" in titles(chat))
    assert len(chat.stored()) == 2, "what was asked for it is in no conversation"


async def test_what_stays_the_same_in_the_list_is_not_put_in_anew(chat):
    store = chat.services.conversations
    for number in range(30):
        store.add(Conversation(id=f"c{number:02}", title=f"c{number:02}", created=1.0, updated=1.0))
    store.append(new_message("c07", None, "user", "Hello")).result(10)
    await until(lambda: len(titles(chat)) == 30)
    model = chat.page.pane.model
    with heard(model.rowsRemoved) as removed:
        store.rename("c12", "Twelve").result(10)
        await until(lambda: "Twelve" in titles(chat))
    assert [(first, last) for _, first, last in removed] == [(removed[0][1], removed[0][1])]
