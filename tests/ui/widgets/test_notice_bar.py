"""The notice bar: failures in words, undo for each of several, where the keyboard goes."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.errors import DamagedCheckpoint, MovedCheckpoint
from app.ui.state.appearance import choose_scale
from tests.ui.conftest import settled, shown, until


async def test_a_failure_is_shown_in_words_and_its_details_can_be_copied(application):
    await shown(application)
    application.services.notices.failure(DamagedCheckpoint(path="/models/a.pth", why="end-missing"))
    bar = application.window.notices
    assert bar.isVisible()
    assert "a.pth" in bar._words.text()
    assert "{" not in bar._words.text()
    bar._copy.click()
    assert "damaged-checkpoint" in QGuiApplication.clipboard().text()
    bar._close.click()
    assert bar.isHidden()


async def test_undo_runs_what_it_promises_and_goes(application):
    await shown(application)
    undone = []
    application.services.notices.undo("Gone.", lambda: undone.append(True), lasts_s=0.05)
    application.window.notices._act.click()
    assert undone == [True]
    application.services.notices.undo("Gone.", lambda: undone.append(True), lasts_s=0.05)
    await until(lambda: application.window.notices.isHidden(), 2)
    assert undone == [True]


async def test_of_several_deletions_each_can_be_undone(application):
    await shown(application)
    bar, undone = application.window.notices, []
    for name in ("rooks", "crows", "daws"):
        application.services.notices.undo(f"{name} gone.", lambda name=name: undone.append(name))
    assert bar._words.text() == "daws gone."
    assert (bar._more.isVisible(), bar._more.text()) == (True, "2 more can be undone")
    application.services.notices.news("A download is here.")
    assert not bar._more.isVisible()
    bar.dismiss()
    bar.undo()
    assert bar._words.text() == "crows gone."
    bar.dismiss()
    bar.undo()
    assert undone == ["daws", "rooks"]
    assert bar.isHidden()


async def test_a_double_click_on_undo_undoes_one_thing(application):
    await shown(application)
    bar, undone = application.window.notices, []
    for name in ("rooks", "crows"):
        application.services.notices.undo(f"{name} gone.", lambda name=name: undone.append(name))
    bar._act.click()
    bar._act.click()
    assert undone == ["crows"]
    await until(lambda: bar._uncovered.hasExpired(QApplication.doubleClickInterval()))
    bar._act.click()
    assert undone == ["crows", "rooks"]


async def test_ways_back_that_were_not_taken_go_together(application):
    await shown(application)
    for name in ("rooks", "crows", "daws"):
        application.services.notices.undo(f"{name} gone.", lambda: None, lasts_s=0.05)
    await until(application.window.notices.isHidden, 2)


async def test_the_keys_of_undo_take_the_way_back_that_a_notice_offers(application):
    await shown(application)
    undone = []
    application.window.setFocus()
    QTest.keyClick(application.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    application.services.notices.undo("Gone.", lambda: undone.append(True))
    QTest.keyClick(application.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(application.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert undone == [True]


async def test_a_notice_that_goes_leaves_the_keyboard_on_the_page(application):
    await shown(application)
    page, bar = application.window.go("models"), application.window.notices
    await settled()
    page.head.search.setFocus()
    application.services.notices.undo("Gone.", bool)
    QTest.mouseClick(bar._close, Qt.MouseButton.LeftButton)
    assert bar.isHidden()
    assert page.head.search.hasFocus(), "a click on the notice does not take the keyboard"
    application.services.notices.undo("Gone.", bool)
    bar._close.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(bar._close, Qt.Key.Key_Space)
    assert bar.isHidden()
    assert page.isAncestorOf(QApplication.focusWidget())


@pytest.mark.geometry
async def test_a_long_notice_has_its_buttons_below_it_where_there_is_no_room_beside(build):
    application = build(page="models", text_scale=1.5)
    choose_scale(application.services, 1.5)
    application.window.resize(900, 600)
    await shown(application)
    bar = application.window.notices
    lost = MovedCheckpoint(path="/media/ann/disk/models/RWKV-x070-World-1.5B-v3-20250127.pth")
    application.services.notices.failure(lost, "Choose a model", lambda: None)
    await settled()
    assert bar._words.height() >= bar._words.heightForWidth(bar._words.width())
    assert bar._act.geometry().top() >= bar._words.geometry().bottom()
    application.services.notices.undo("It is called so now.", lambda: None)
    await settled()
    assert bar._act.geometry().top() < bar._words.geometry().bottom()
