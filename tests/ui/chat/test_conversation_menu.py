"""Pin, rename and delete without a right click: at the row, in the head, and by keys."""

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu

from tests.ui.chat.test_conversations_pane import begun, one_called, titles
from tests.ui.conftest import settled, until

MENU = ["Pin", "Rename…", "Move to a folder…", "Duplicate", "Archive", "Delete"]


def entries(menu) -> dict:
    return {one.text().partition("\t")[0]: one for one in menu.actions() if not one.isSeparator()}


def open_menu() -> QMenu:
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu


async def test_a_row_under_the_pointer_has_a_button_with_its_menu(chat):
    await begun(chat, "rooks", "crows")
    pane = chat.page.pane
    row = pane.list.visualRect(pane.model.index_of(one_called(chat, "rooks").id))
    assert pane.row_button.isHidden()
    QTest.mouseMove(pane.list.viewport(), row.center())
    await until(pane.row_button.isVisible)
    assert row.contains(pane.row_button.geometry())
    assert "rooks" in pane.row_button.accessibleName()
    pane.row_button.click()
    menu = open_menu()
    assert list(entries(menu)) == MENU
    entries(menu)["Delete"].trigger()
    menu.close()
    await until(lambda: titles(chat) == ["crows"])


async def test_the_row_with_the_keyboard_has_the_button_and_tab_reaches_it(chat):
    await begun(chat, "rooks")
    pane = chat.page.pane
    chat.frame.activateWindow()
    await until(chat.frame.isActiveWindow)
    pane.list.setFocus(Qt.FocusReason.TabFocusReason)
    await until(pane.row_button.isVisible)
    QTest.keyClick(pane.list, Qt.Key.Key_Tab)
    assert pane.row_button.hasFocus()
    assert pane.row_button.isVisible()
    QTest.keyClick(pane.row_button, Qt.Key.Key_Space)
    menu = open_menu()
    entries(menu)["Pin"].trigger()
    menu.close()
    await until(lambda: one_called(chat, "rooks").pinned)
    chat.page.composer.edit.setFocus()
    await settled()
    assert pane.row_button.isHidden()


async def test_the_head_has_the_same_menu_once_the_conversation_has_begun(chat):
    assert chat.page.head.more.isHidden()
    await begun(chat, "rooks")
    chat.page.head.more.click()
    menu = open_menu()
    entries(menu)["Rename…"].trigger()
    menu.close()
    await until(lambda: chat.page.pane.list.findChild(QLineEdit))
    editor = chat.page.pane.list.findChild(QLineEdit)
    editor.setText("Corvids")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    await until(lambda: titles(chat) == ["Corvids"])
    chat.page.begin()
    assert chat.page.head.more.isHidden()


async def test_keys_do_what_the_menu_shows(chat):
    await begun(chat, "rooks", "crows")
    acts = {one.keys: one.act for one in chat.page.commands()}
    acts["Ctrl+Shift+P"]()
    await until(lambda: one_called(chat, "crows").pinned)
    acts["Ctrl+Shift+P"]()
    await until(lambda: not one_called(chat, "crows").pinned)
    acts["Ctrl+Shift+Backspace"]()
    await until(lambda: titles(chat) == ["rooks"])


async def test_the_button_leaves_with_the_pointer_and_with_its_row(chat):
    await begun(chat, "rooks")
    pane = chat.page.pane
    chat.page.composer.edit.setFocus()
    QTest.mouseMove(pane.list.viewport(), pane.list.visualRect(pane.model.index(1)).center())
    await until(pane.row_button.isVisible)
    pane.model.show_all([])
    assert pane.row_button.isHidden()
    QTest.mouseMove(chat.page.composer, QPoint(5, 5))
