"""What a key does has a place to be seen and pressed; the rail is a list of tabs."""

import asyncio
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleActionInterface
from PySide6.QtTest import QTest

from app.errors import DamagedCheckpoint, DiskFull, HubUnreachable, LibraryError
from app.ui.state.notices import DOWNLOAD, MODEL
from tests.ui.conftest import listed, settled, shown, until

CONTROL = Qt.KeyboardModifier.ControlModifier
PAGES = ("chat", "playground", "models", "downloads", "status", "settings")


@pytest.mark.parametrize("width", [760, 1180])
@pytest.mark.parametrize("page", PAGES)
async def test_commands_and_shortcuts_are_in_the_rail_on_every_page(build, page, width):
    application = build(page=page)
    await shown(application)
    application.window.resize(width, 520)
    await settled()
    buttons = {one.accessibleName(): one for one in application.window.rail._buttons.values()}
    for name, card in (
        ("Commands", application.window.palette_card),
        ("Shortcuts", application.window.sheet),
    ):
        assert application.window.rail.rect().contains(buttons[name].geometry())
        assert buttons[name].toolTip()
        QTest.mouseClick(buttons[name], Qt.MouseButton.LeftButton)
        assert card.isVisible()
        card.close_card()
    assert application.window.rail._buttons[page].isChecked()


async def test_the_models_are_offered_from_the_chat_by_a_button_and_by_a_key(build):
    application = build(page="chat")
    await shown(application)
    await until(lambda: application.services.session.loaded is not None)
    await settled(20)
    head = application.window.go("chat").head
    assert head.model.text() == "Rookery guide"
    QTest.mouseClick(head.model, Qt.MouseButton.LeftButton)
    dialog = application.runs.dialog
    assert dialog.isVisible()
    QTest.mouseClick(dialog.other, Qt.MouseButton.LeftButton)
    assert "Chat with Rookery guide" in listed(application.window.palette_card)
    application.window.palette_card.close_card()
    application.window.go("settings")
    QTest.keyClick(application.window, Qt.Key.Key_M, CONTROL)
    await until(application.window.palette_card.isVisible)
    assert "Chat with Rookery guide" in listed(application.window.palette_card)


async def test_while_a_model_is_opened_the_header_of_the_chat_names_it(build):
    application = build(page="chat")
    await shown(application)
    await until(lambda: application.services.session.loaded is not None)
    supervisor, head = application._session._supervisor, application.window.go("chat").head
    supervisor.hold = asyncio.Event()
    application._session.open(Path(application._session.loaded.path), "cpu int8")
    await until(lambda: application.services.session.loaded is None)
    assert head.model.text() == "Rookery guide"
    supervisor.hold.set()
    await until(lambda: application.services.session.loaded is not None)


@pytest.mark.parametrize("page", PAGES)
async def test_ctrl_n_begins_a_conversation_from_every_page(build, page):
    application = build(page=page)
    await shown(application)
    chat = application.window.go("chat")
    before = chat.controller.conversation.id
    application.window.go(page)
    QTest.keyClick(application.window, Qt.Key.Key_N, CONTROL)
    await until(
        lambda: application.window.page == "chat" and chat.controller.conversation.id != before
    )
    assert chat.composer.edit.hasFocus()


async def test_a_screen_reader_is_told_of_tabs_and_which_is_open(build):
    application = build(page="models")
    await shown(application)
    rail = QAccessible.queryAccessibleInterface(application.window.rail)
    assert rail.role() is QAccessible.Role.PageTabList
    pages = {}
    for at in range(rail.childCount()):
        one = rail.child(at)
        if one.role() is QAccessible.Role.PageTab:
            pages[one.text(QAccessible.Text.Name)] = one
        assert one.role() is not QAccessible.Role.CheckBox
    assert list(pages) == [
        *("Chat", "Playground", "Models", "States", "Downloads", "Status", "Settings")
    ]
    assert [name for name, one in pages.items() if one.state().selected] == ["Models"]
    pages["Settings"].actionInterface()
    application.window.rail._buttons["settings"].click()
    assert [name for name, one in pages.items() if one.state().selected] == ["Settings"]
    pages["Downloads"].doAction(QAccessibleActionInterface.pressAction())
    assert application.window.page == "downloads"


@pytest.mark.parametrize(
    "failure", [HubUnreachable(host="a"), LibraryError(path="b"), DamagedCheckpoint(path="c")]
)
async def test_a_failure_goes_with_the_page_it_came_on(application, failure):
    await shown(application)
    application._tell(failure)
    bar = application.window.notices
    assert bar.isVisible()
    application.window.go("models")
    assert bar.isVisible()
    application.window.go("settings")
    assert bar.isHidden()


async def test_what_concerns_the_whole_program_stays_on_every_page(application):
    await shown(application)
    application._tell(DiskFull(path="a"))
    application.services.notices.failure(DamagedCheckpoint(path="a"), about=MODEL)
    for page in PAGES:
        application.window.go(page)
        assert application.window.notices.isVisible()
    application.services.notices.settle(MODEL)
    assert application.window.notices.isHidden()


async def test_a_download_that_failed_is_told_until_its_card_is_seen(application):
    await shown(application)
    application.services.notices.failure(HubUnreachable(host="a"), about=DOWNLOAD)
    application.window.go("chat")
    assert application.window.notices.isVisible()
    application.window.go("downloads")
    assert application.window.notices.isHidden()
    application.window.go("settings")


async def test_a_way_back_outlives_its_page(application):
    await shown(application)
    undone = []
    application.services.notices.undo("Gone.", lambda: undone.append(True))
    application.window.go("settings")
    application.window.notices.undo()
    assert undone == [True]
