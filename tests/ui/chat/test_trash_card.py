"""The trash over the window: looking in, bringing back, removing for good, emptying it."""

from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtTest import QTest

from app.errors import StoreError
from app.store.conversations import open_conversations
from app.store.trash import DAY_S
from app.ui.chat.conversations.conversation_list_model import Role
from tests.ui import conftest
from tests.ui.chat.test_conversations_pane import begun, one_called, titles
from tests.ui.conftest import heard, settled, shown, until


async def trash_with(chat, *names: str):
    """The card, open, with these deleted in this order."""
    if names:
        await begun(chat, *names)
    for name in names:
        chat.page.pane.delete(one_called(chat, name))
        await until(lambda name=name: name not in titles(chat))
    chat.page.pane.trash.click()
    await until(lambda: chat.page._trash is not None and chat.page._trash.isVisible())
    return chat.page._trash


def listed(card) -> list[str]:
    return [row.conversation.title for row in card.model.rows]


def choose(card, *rows: int) -> None:
    card.list.clearSelection()
    for row in rows:
        index = card.model.index(row)
        card.list.selectionModel().select(index, QItemSelectionModel.SelectionFlag.Select)


async def test_an_empty_trash_says_what_it_is_for(chat):
    card = await trash_with(chat)
    assert card.blank.isVisible()
    assert "empty" in card.blank._title.text()
    assert not card.list.isVisible()
    assert not card.empty.isVisible()
    assert chat.page.pane.trash.text() == "Trash"
    QTest.keyClick(card, Qt.Key.Key_Escape)
    assert not card.isVisible()


async def test_it_lists_what_was_deleted_and_enter_brings_one_back(chat):
    card = await trash_with(chat, "rooks", "crows")
    assert listed(card) == ["crows", "rooks"]
    await until(lambda: chat.page.pane.trash.text() == "Trash · 2")
    line = card.model.index(0).data(Role.EXCERPT)
    assert line == "Deleted today · 2 messages · 30 days left"
    QTest.keyClick(card.list, Qt.Key.Key_Return)
    await until(lambda: titles(chat) == ["crows"] and listed(card) == ["rooks"])
    assert "crows" in card._said.text()
    card.open_restored.click()
    assert not card.isVisible()
    await until(lambda: chat.texts() == ["crows", "About crows."])


async def test_several_are_brought_back_at_once(chat):
    card = await trash_with(chat, "daws", "rooks", "crows")
    choose(card, 0, 2)
    card.restore.click()
    await until(lambda: sorted(titles(chat)) == ["crows", "daws"])
    await until(lambda: listed(card) == ["rooks"])
    card.restore.click()
    await settled()
    assert listed(card) == ["rooks"], "a second click brings no other back"
    QTest.keyClick(card.list, Qt.Key.Key_Return)
    await until(lambda: card.blank.isVisible())


async def test_one_is_removed_for_good_only_after_it_was_asked(chat):
    card = await trash_with(chat, "rooks", "crows")
    rooks = card.model.rows[1].conversation.id
    choose(card, 1)
    card.remove.click()
    card.remove.click()
    assert "Delete “rooks” for good?" in card._said.text()
    QTest.keyClick(card, Qt.Key.Key_Escape)
    assert card.isVisible()
    assert listed(card) == ["crows", "rooks"]
    choose(card, 1)
    QTest.keyClick(card.list, Qt.Key.Key_Delete)
    assert card.keep.hasFocus(), "Enter keeps"
    card.sure.click()
    card.sure.click()
    await until(lambda: listed(card) == ["crows"])
    assert chat.services.conversations.open(rooks).result(10) is None


async def test_no_button_that_removes_lies_where_the_one_before_was_pressed(chat):
    card = await trash_with(chat, "rooks")
    for first in (card.remove, card.empty, card.remove):
        before = first.mapToGlobal(first.rect().center())
        first.click()
        await settled()
        assert not card.sure.rect().contains(card.sure.mapFromGlobal(before))
        card.keep.click()
        await settled()


async def test_emptying_removes_what_was_seen_and_not_what_another_window_did(chat, tmp_path):
    card = await trash_with(chat, "daws", "rooks", "crows")
    other, _ = open_conversations(tmp_path / "conversations.sqlite3")
    card.empty.click()
    assert "Delete 3 conversations for good?" in card._said.text()
    other.restore(card.model.rows[0].conversation.id).result(10)
    other.close()
    card.sure.click()
    await until(lambda: listed(card) == [] and card.blank.isVisible())
    await until(lambda: titles(chat) == ["crows"])
    assert card.close_button.hasFocus()
    assert chat.services.conversations.trash_count().result(10) == 0


async def test_very_many_are_removed_and_others_need_not_wait_for_it(chat, monkeypatch):
    monkeypatch.setattr("app.ui.chat.conversations.trash_card.AT_ONCE", 2)
    card = await trash_with(chat, "jays", "daws", "rooks", "crows", "magpies")
    await until(lambda: len(listed(card)) == 5)
    with heard(card.stored) as writes:
        card.empty.click()
        card.sure.click()
        await until(lambda: listed(card) == [] and card.blank.isVisible())
    assert len(writes) == 3
    assert "for good" in card._said.text()


async def test_what_is_gone_meanwhile_is_said_and_the_list_is_true_again(chat, tmp_path):
    card = await trash_with(chat, "rooks")
    other, _ = open_conversations(tmp_path / "conversations.sqlite3")
    other.remove([card.model.rows[0].conversation.id]).result(10)
    other.close()
    with heard(chat.services.notices.posted) as posted:
        card.restore.click()
        await until(lambda: posted and listed(card) == [])
    assert titles(chat) == []


async def test_a_trash_that_cannot_be_read_says_why(chat, monkeypatch):
    card = await trash_with(chat, "rooks")

    def refuse(*_):
        raise StoreError(why="busy")

    monkeypatch.setattr("app.store.trash.listed", refuse)
    card.stored.emit()
    await until(card.blank.isVisible)
    assert card.blank._words.text()


async def test_what_is_thirty_days_old_leaves_while_the_window_is_open(chat):
    card = await trash_with(chat, "rooks")
    store = chat.services.conversations
    start = store._clock()
    for day in range(1, 31):
        store._clock = lambda day=day: start + day * DAY_S + 60
        if day < 30:
            store.remove_old()
    assert listed(card) == ["rooks"]
    chat.page.pane._ages.timeout.emit()
    await until(lambda: listed(card) == [])
    await until(lambda: chat.page.pane.trash.text() == "Trash")


async def test_the_palette_opens_it_from_every_page_and_no_key_reaches_what_is_below(build):
    application = build(page="models")
    await shown(application)
    window = application.window
    window.show_palette()
    (command,) = [one for one in window._commands if "Trash" in one.title]
    assert command.title in conftest.listed(window.palette_card)
    window.palette_card.close_card()
    command.act()
    page = window.go("chat")
    await until(lambda: page._trash is not None and page._trash.isVisible())
    controller = page.controller.conversation.id
    QTest.keyClick(window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert page.controller.conversation.id == controller
    assert not window.palette_card.isVisible()
    QTest.keyClick(page._trash, Qt.Key.Key_Escape)
    assert not page._trash.isVisible()
