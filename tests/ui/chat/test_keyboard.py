"""Where the keyboard goes in the chat when the control that has it vanishes."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from tests.ui.conftest import settled, until


async def test_closing_the_panel_gives_the_keyboard_back_to_the_message(chat):
    await chat.say("Hello")
    page = chat.page
    for close in (
        lambda: page._toggle_panel(),
        lambda: QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Space),
    ):
        page._toggle_panel()
        page.panel.limit.setFocus()
        closing = [b for b in page.panel.findChildren(QWidget) if "Close" in b.accessibleName()]
        closing[0].setFocus()
        close()
        assert page.panel.isHidden()
        assert page.composer.edit.hasFocus()
    QTest.keyClicks(QApplication.focusWidget(), "more words ")
    assert page.composer.edit.toPlainText() == "more words "


async def test_the_place_last_written_in_comes_before_the_page_s_own(chat):
    page = chat.page
    await until(page.isActiveWindow)
    page.pane.search.setFocus()
    page.head.sliders.setFocus()
    page.head.sliders.hide()
    assert page.pane.search.hasFocus()
    page.pane.hide()
    assert page.composer.edit.hasFocus()


async def test_after_regenerate_the_keyboard_is_where_words_are_written(chat):
    await chat.say("Hello")
    foot = next(
        one
        for one in chat.page.transcript.viewport().findChildren(QWidget)
        if one.isVisible() and one.accessibleName().startswith("Write")
    )
    foot.setFocus()
    QTest.keyClick(foot, Qt.Key.Key_Space)
    await chat.answered()
    await settled()
    assert chat.page.composer.edit.hasFocus()
