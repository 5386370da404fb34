"""Every control has a name and can be reached with the keyboard."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QListView,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from app.errors import DamagedCheckpoint
from tests.ui.conftest import settled, shown, until

CONTROLS = (
    *(QAbstractButton, QLineEdit, QComboBox, QAbstractSpinBox, QAbstractSlider),
    *(QListView, QPlainTextEdit, QTextEdit),
)


def nameless(root: QWidget) -> list[QWidget]:
    """Controls of ours that a screen reader could not name."""
    found = [child for kind in CONTROLS for child in root.findChildren(kind)]
    ours = [child for child in found if not child.objectName().startswith("qt_")]
    inner = (QComboBox, QAbstractSpinBox)
    return [
        child
        for child in ours
        if child.metaObject().className() not in ("QScrollBar", "QComboBoxListView")
        and not isinstance(child.parent(), inner)
        and not isinstance(child.parent(), QLineEdit)
        and not child.accessibleName().strip()
        and not (isinstance(child, QAbstractButton) and child.text().strip())
    ]


@pytest.mark.parametrize(
    "page", ["chat", "playground", "models", "states", "downloads", "status", "settings"]
)
async def test_every_control_has_an_accessible_name(build, models_folder, page):
    application = build(page=page, folders=(str(models_folder), "/not/there"))
    await shown(application)
    application.window.go("models")
    await until(lambda: application.library.scanned)
    application.window.go(page)
    application.window.show_palette()
    application.window.palette_card.close_card()
    application.window.show_shortcuts()
    application.services.notices.failure(DamagedCheckpoint(path="a", why="b"))
    assert len(application.window.findChildren(QAbstractButton)) > 15
    assert nameless(application.window) == []


@pytest.mark.parametrize(
    "page", ["chat", "playground", "models", "states", "downloads", "status", "settings"]
)
async def test_tab_reaches_every_control_that_takes_the_keyboard(build, models_folder, page):
    application = build(page=page, folders=(str(models_folder),))
    await shown(application)
    application.window.go(page)
    await until(lambda: application.library.scanned)
    if page == "status":
        await until(lambda: application.window._pages[page].card.begin.isEnabled())
    await settled()
    first = now = application.window.rail._buttons["models"]
    now.setFocus()
    seen = set()
    for _ in range(200):
        seen.add(QApplication.focusWidget())
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        if QApplication.focusWidget() is first:
            break
    content = application.window._pages[page]
    wanted = {
        child
        for kind in (QAbstractButton, QLineEdit, QComboBox, QListView)
        for child in content.findChildren(kind)
        if child.isVisible() and child.isEnabled()
        and child.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not isinstance(child.parent(), (QComboBox, QAbstractSpinBox))
    }  # fmt: skip
    assert len(wanted) > {"downloads": 0, "states": 1}.get(page, 4)
    exclusive = {one for one in wanted if isinstance(one, QAbstractButton) and one.group()}
    assert wanted - exclusive <= seen
    assert not exclusive or exclusive & seen  # one of a group: arrows reach the others
