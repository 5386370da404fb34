"""The frame: pages, keys, palette, shortcuts, notices, closing, and what is remembered."""

import asyncio

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from app.resources import resource
from app.ui.look.theme import Theme
from app.ui.shell.rail import Rail
from app.ui.state.appearance import choose_scale
from tests.ui.conftest import heard, listed, settled, shown, until


async def test_a_page_is_built_when_it_is_first_visited_and_kept(application):
    assert not application.window._pages
    first = application.window.go("settings")
    application.window.go("models")
    assert application.window.go("settings") is first
    assert set(application.window._pages) == {"models", "settings"}


@pytest.mark.geometry
def test_the_rail_has_room_for_its_labels_at_a_start_in_large_type(qapp):
    theme = Theme("light", 1.6)
    rail = Rail(theme)
    rail.add("downloads", "Downloads from far away", "download")
    wanted = QFontMetrics(theme.font()).horizontalAdvance("Downloads from far away")
    assert rail.width() > wanted + 40
    rail.deleteLater()


class Shown(QObject):
    """Notes every window of its own that comes up, be it for a moment."""

    def __init__(self):
        super().__init__()
        self.windows = []

    def eventFilter(self, watched, event):
        came = event.type() is QEvent.Type.Show and isinstance(watched, QWidget)
        if came and watched.isWindow():
            self.windows.append(watched)
        return False


async def test_nothing_flashes_up_beside_the_window(build, models_folder):
    watch = Shown()
    QApplication.instance().installEventFilter(watch)
    application = build(page="models", folders=(str(models_folder), "/not/there"))
    await shown(application)
    await until(lambda: application.library.scanned)
    for page in ("chat", "settings", "models"):
        application.window.go(page)
        await settled()
    application.services.theme.choose("dark")
    application.window.show_shortcuts()
    await settled()
    QApplication.instance().removeEventFilter(watch)
    assert {type(one).__name__ for one in watch.windows} == {"Window"}


async def test_going_to_a_page_marks_it_on_the_rail_and_tells_who_listens(application):
    with heard(application.window.page_changed) as came:
        application.window.go("models")
        application.window.go("settings")
        application.window.go("settings")
    assert came == [("models",), ("settings",)]
    assert application.window.rail._buttons["settings"].isChecked()


async def test_keys_go_to_pages_from_anywhere(application):
    await shown(application)
    QTest.keyClick(application.window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    await until(lambda: application.window.page == "settings")
    QTest.keyClick(application.window, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    await until(lambda: application.window.page == "models")


async def test_the_keys_of_a_page_work_while_it_is_in_front_wherever_the_focus_is(application):
    await shown(application)
    page, control = application.window.go("models"), Qt.KeyboardModifier.ControlModifier
    rail = application.window.rail._buttons["models"]
    rail.setFocus()
    QTest.keyClick(rail, Qt.Key.Key_F, control)
    await until(page.head.search.hasFocus)
    application.window.go("settings")
    rail.setFocus()
    QTest.keyClick(rail, Qt.Key.Key_F, control)
    await settled()
    assert rail.hasFocus()


async def test_keys_do_nothing_behind_an_open_card(application):
    await shown(application)
    application.window.go("models")
    application.window.show_palette()
    control = Qt.KeyboardModifier.ControlModifier
    QTest.keyClick(application.window.palette_card._search, Qt.Key.Key_Comma, control)
    QTest.keyClick(application.window.palette_card._search, Qt.Key.Key_F, control)
    await settled()
    assert application.window.page == "models"
    assert application.window.palette_card._search.hasFocus()


async def test_the_page_and_the_place_of_the_window_are_remembered(build, paths):
    application = build(page="models")
    await shown(application)
    application.window.resize(770, 561)
    application.window.go("settings")
    await application.close()
    again = build()
    await shown(again)
    assert again.window.page == "settings"
    assert (again.window.width(), again.window.height()) == (770, 561)


@pytest.mark.parametrize("stored", ["", "not base64 %%%", "aGVsbG8="])
async def test_a_broken_place_in_the_settings_gives_an_ordinary_window(build, stored):
    application = build(page="models", window=stored)
    await shown(application)
    assert application.window.width() >= 760
    assert application.window.height() >= 520


async def test_an_unknown_page_in_the_settings_gives_the_first(build, monkeypatch):
    application = build(page="cluster")
    went = []
    monkeypatch.setattr(application.window, "go", went.append)
    application._placement.restore("chat")
    assert went == ["chat"]


async def test_the_rail_shows_icons_alone_in_a_narrow_window(application):
    await shown(application)
    application.window.resize(1200, 700)
    await settled()
    assert application.window.rail._buttons["models"].text() == "Models"
    application.window.resize(800, 600)
    await settled()
    assert application.window.rail._buttons["models"].text() == ""
    assert application.window.rail._buttons["models"].toolTip() == "Models"
    assert application.window.rail._buttons["models"].accessibleName() == "Models"


async def test_the_palette_finds_a_command_by_its_words_and_runs_it(application, qtbot):
    await shown(application)
    application.window.show_palette()
    palette = application.window.palette_card
    QTest.keyClicks(palette._search, "dark th")
    assert listed(palette) == ["Dark theme"]
    QTest.keyClick(palette._search, Qt.Key.Key_Return)
    assert application.services.theme.dark
    assert application.services.settings.now.theme == "dark"
    assert palette.isHidden()


async def test_the_palette_opens_a_model_by_name(build, models_folder):
    application = build(page="models", folders=(str(models_folder),))
    await shown(application)
    await until(lambda: application.library.scanned)
    application.window.go = lambda _key: None  # the chat page is not part of this
    application.window.show_palette()
    QTest.keyClicks(application.window.palette_card._search, "raven")
    QTest.keyClick(application.window.palette_card._search, Qt.Key.Key_Return)
    await until(lambda: application.services.session.loaded is not None)
    await until(lambda: "Raven" in application.services.session.loaded.path)


@pytest.mark.parametrize("field", [QLineEdit, QPlainTextEdit, QTextEdit])
async def test_the_keys_of_the_window_work_while_a_text_is_edited(application, field):
    await shown(application)
    page = application.window.go("models")
    edit = field(page)
    edit.show()
    edit.setFocus()
    QTest.keyClicks(edit, "some words")
    QTest.keyClick(edit, Qt.Key.Key_Home)
    QTest.keyClick(edit, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    await settled()
    assert application.window.palette_card.isVisible()
    written = edit.text() if field is QLineEdit else edit.toPlainText()
    assert written == "some words"


async def test_escape_closes_the_palette_and_gives_the_keyboard_back(application):
    await shown(application)
    page = application.window.go("models")
    page.head.search.setFocus()
    application.window.show_palette()
    QTest.keyClick(application.window.palette_card._search, Qt.Key.Key_Escape)
    assert application.window.palette_card.isHidden()
    assert QApplication.focusWidget() is page.head.search


async def test_tab_stays_inside_an_open_card(application):
    await shown(application)
    application.window.show_palette()
    for _ in range(5):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        assert application.window.palette_card.isAncestorOf(QApplication.focusWidget())


async def test_the_shortcuts_sheet_lists_the_keys_of_window_and_page(application):
    await shown(application)
    application.window.go("models")
    application.window.show_shortcuts()
    said = {label.text() for label in application.window.sheet.findChildren(QLabel)}
    assert {"Models", "Ctrl+3", "Search models", "Ctrl+F", "Quit", "Ctrl+Q"} <= said


async def test_every_command_has_a_title_a_known_icon_and_keys_of_its_own(application):
    commands = [*application.window._commands, *application.window.go("models").commands()]
    keys = [key for command in commands for key in (command.keys, *command.also) if key]
    assert len(keys) == len(set(keys))
    drawn = {file.stem for file in resource("icons").glob("*.svg")}
    assert {command.picture for command in commands} <= drawn
    assert all(command.title and command.group for command in commands)


async def test_another_start_brings_the_window_back_from_the_task_bar(application):
    await shown(application)
    application.window.showMinimized()
    application.window.come_forward()
    assert not application.window.isMinimized()
    assert application.window.isVisible()


async def test_closing_asks_first_and_ends_worker_and_stores_in_order(build, monkeypatch):
    application = build(page="models")
    await shown(application)
    ended = []
    session, stores = application._session.close, application._close_stores

    async def close_session():
        ended.append("worker")
        await session()

    def close_stores():
        ended.append("stores")
        stores()

    monkeypatch.setattr(application._session, "close", close_session)
    monkeypatch.setattr(application, "_close_stores", close_stores)
    with heard(application.window.close_asked) as came:
        application.window.close()
    assert came
    assert application.window.isVisible()
    await application.close()
    assert ended == ["worker", "stores"]
    assert application.window.isHidden()


async def test_closing_cancels_what_still_runs(build):
    application = build(page="models")
    await shown(application)
    cancelled = asyncio.Event()

    async def endless():
        try:
            await asyncio.sleep(3600)
        finally:
            cancelled.set()

    application.services.tasks.start(endless())
    await settled()
    await application.close()
    assert cancelled.is_set()


@pytest.mark.geometry
async def test_the_chat_settings_have_room_for_their_fields_in_large_type(build):
    application = build(page="chat")
    choose_scale(application.services, 1.5)
    application.window.resize(900, 600)
    await shown(application)
    page = application.window.go("chat")
    page._toggle_panel()
    await settled()
    panel = page.panel
    for field in (panel.system, panel.limit, *panel.fields._fields.values()):
        right = field.mapTo(panel, field.rect().topRight()).x()
        assert right < panel.width()
