"""Every button of every page, pressed twice before anything else happens: nothing is done twice."""

import asyncio
import shutil
import sys

import pytest
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialog, QScrollArea, QWidget

from tests.ui.conftest import settled, shown, until
from tests.ui.mouse import double_click


def name_of(button: QAbstractButton) -> str:
    return button.accessibleName() or button.text()


def buttons(root: QWidget) -> list[QAbstractButton]:
    return [
        one
        for one in root.findChildren(QAbstractButton)
        if one.isVisible() and one.isEnabled() and name_of(one)
    ]  # fmt: skip


by_mouse = double_click


def by_program(button: QAbstractButton) -> None:
    """As assistive programs press, whatever the button has become meanwhile."""
    button.click()
    button.click()


def in_sight(button: QAbstractButton) -> None:
    above = button.parentWidget()
    while above is not None:
        if isinstance(above, QScrollArea):
            above.ensureWidgetVisible(button)
        above = above.parentWidget()


def dialogs() -> list[QDialog]:
    return [
        one
        for one in QApplication.topLevelWidgets()
        if isinstance(one, QDialog) and one.isVisible()
    ]


async def tidied(root: QWidget) -> int:
    """Close what was opened over the page; how many dialogs there were."""
    await settled()
    opened = dialogs()
    for dialog in opened:
        dialog.reject()
    while (popup := QApplication.activePopupWidget()) is not None:
        popup.close()
    await settled()
    return len(opened)


@pytest.fixture
def bugs(monkeypatch):
    """What nobody foresaw."""
    came = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: came.append(error))
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: True)
    return came


def heard_by_loop(bugs) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: bugs.append(context))


async def all_pressed(root: QWidget, press, reset, bugs) -> list[str]:
    """Press each button that is there or comes, twice; their names."""
    pressed: list[str] = []
    while True:
        left = [one for one in buttons(root) if name_of(one) not in pressed]
        if not left:
            return pressed
        button = left[0]
        pressed.append(name_of(button))
        in_sight(button)
        press(button)
        opened = await tidied(root)
        assert bugs == [], pressed[-1]
        assert opened <= 1, f"{pressed[-1]} opened {opened} dialogs"
        await reset()


@pytest.mark.parametrize("press", [by_mouse, by_program])
@pytest.mark.parametrize("page", ["playground", "models", "downloads", "settings"])
async def test_two_presses_on_each_button_of_a_page(
    build, models_folder, tmp_path, page, press, bugs
):
    folder = tmp_path / "mine"
    shutil.copytree(models_folder, folder)
    application = build(page=page, folders=(str(folder),))
    heard_by_loop(bugs)
    await shown(application)
    await until(lambda: application.library.scanned and not application.library.scanning, 30)
    await until(lambda: application.services.session.loaded is not None, 30)
    application.window.resize(1280, 1000)

    async def reset():
        application.window.palette_card.close_card()
        application.window.sheet.close_card()
        if application.window.page != page:
            application.window.go(page)
        keys = [item.entry.key for item in application.services.downloads.items]
        assert len(keys) == len(set(keys))
        if page == "models":
            view = application.window._pages[page]
            assert len(view.verbs.doomed) <= 1
            entry = next(one for one in view.rows.shown if one.path and folder in one.path.parents)
            view.listing.select(entry.key)
        await settled()

    application.window.go(page)
    await reset()
    pressed = await all_pressed(application.window._pages[page], press, reset, bugs)
    assert len(pressed) >= (1 if page == "downloads" else 6), pressed
    await until(lambda: not application.library.scanning, 30)
