"""Where the keyboard goes when what has it vanishes: back to where the person was writing."""

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QTextEdit,
    QWidget,
)

from tests.ui.conftest import settled, shown, until

PLACES = (QLineEdit, QPlainTextEdit, QTextEdit, QAbstractItemView)


async def full(build, models_folder, page):
    application = build(page=page, chat_settings_shown=True, folders=(str(models_folder),))
    await shown(application)
    await until(lambda: application.library.scanned and not application.library.scanning, 30)
    await until(lambda: application.services.session.loaded is not None, 30)
    application.window.go(page)
    application.window.resize(1280, 900)
    await settled()
    return application


def takers(root: QWidget) -> list[QWidget]:
    """What takes the keyboard and is no place to write in or to choose from."""
    return [
        one
        for one in root.findChildren(QWidget)
        if one.isVisible() and one.isEnabled() and one.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not isinstance(one, PLACES)
    ]  # fmt: skip


@pytest.mark.parametrize("page", ["chat", "models", "downloads", "settings"])
async def test_focus_that_loses_its_widget_goes_home_or_back(build, models_folder, page):
    application = await full(build, models_folder, page)
    window = application.window
    window.take_keyboard()
    home = QApplication.focusWidget()
    assert home is not None
    for taker in takers(window._pages[page]):
        if taker is home or taker.isAncestorOf(home):
            continue
        for lose in (taker.setEnabled, taker.setVisible):
            taker.setFocus()
            if not taker.hasFocus():
                break
            lose(False)
            now = QApplication.focusWidget()
            assert now is home, (taker.accessibleName(), now)
            lose(True)
            window.take_keyboard()


@pytest.mark.parametrize("page", ["chat", "models", "downloads", "settings"])
async def test_also_where_it_is_deleted_or_its_part_of_the_page_is(build, models_folder, page):
    application = await full(build, models_folder, page)
    window = application.window
    window.take_keyboard()
    home = QApplication.focusWidget()
    part = QWidget(window._pages[page])
    pressed = [QPushButton("One", part), QPushButton("Two", part)]
    part.show()
    for number, doomed in enumerate((pressed[0], part)):
        doomed_has = pressed[number]
        doomed_has.show()
        doomed_has.setFocus()
        assert doomed_has.hasFocus()
        doomed.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        assert QApplication.focusWidget() is home


async def test_what_vanishes_while_another_window_is_in_front(build, models_folder):
    application = await full(build, models_folder, "models")
    page, other = application.window._pages["models"], QWidget()
    page.head._refresh.setFocus()
    other.show()
    other.activateWindow()
    await until(other.isActiveWindow)
    page.head._refresh.hide()
    application.window.activateWindow()
    await until(application.window.isActiveWindow)
    assert page.listing.view.hasFocus()
    other.deleteLater()


async def test_checking_a_file_leaves_the_keyboard_in_the_list(build, models_folder):
    application = await full(build, models_folder, "models")
    page = application.window._pages["models"]
    entry = next(one for one in page.rows.shown if "g1a" in str(one.path))
    page.listing.select(entry.key)
    check = page.details.verbs["verify"]
    check.setFocus()
    assert check.hasFocus()
    QTest.keyClick(check, Qt.Key.Key_Space)
    await settled()
    assert page.listing.view.hasFocus()
    await until(lambda: page.verbs._works.of(entry.key) is None, 30)
