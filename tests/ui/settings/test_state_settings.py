"""Settings, Remembered conversations: figures that are true, limits that hold at once, clearing."""

import os

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox

from app.runtime.protocol.states import StateCache
from app.runtime.states.disk_budget import DiskBudget, DiskLimits, files_in
from app.runtime.states.disk_names import folder_of
from app.runtime.states.state_key import StartingPoint
from tests.runtime.states.test_disk_budget import name_of
from tests.ui.conftest import settled, shown, until

GB = 1_000_000_000


def laid(paths):
    """One state, written today."""
    budget = DiskBudget(paths.states, DiskLimits(10 * GB, 20 * GB))
    paths.states.mkdir(parents=True)
    assert budget.take(3_500_000, spare=False)
    place = paths.states / folder_of(StartingPoint("model", "world"))
    place.mkdir()
    (place / name_of(12).text).write_bytes(bytes(3_500_000))


def boxes(application):
    return [one for one in application.window.findChildren(QMessageBox) if one.isVisible()]


async def test_limits_hold_at_once_and_are_told_to_the_worker(application, paths):
    supervisor = application.services.session._supervisor
    cache = StateCache(folder=os.fsencode(paths.states), other_formats=True)
    assert supervisor.cache == cache
    await shown(application)
    states = application.window.go("settings").states
    states.budget.setValue(3.5)
    states.day.setValue(1.0)
    states.half.click()
    await settled()
    now = supervisor.cache
    assert (now.budget_bytes, now.day_bytes, now.half) == (3_500_000_000, GB, True)
    states.keep_on.click()
    await settled()
    assert supervisor.cache is None
    assert not states.budget.isEnabled()
    assert application.services.settings.now.keep_states is False


async def test_what_is_kept_is_told_and_cleared_when_that_was_confirmed(application, paths):
    laid(paths)
    await shown(application)
    states = application.window.go("settings").states
    await settled()
    assert states._held.text().startswith("3.5 MB now")
    assert states._written.text().startswith("3.5 MB today")
    for _ in range(2):
        QTest.mouseClick(states.clear, Qt.MouseButton.LeftButton)
    (box,) = boxes(application)
    assert "No conversation loses a word" in box.informativeText()
    box.reject()
    await settled()
    assert list(files_in(paths.states))
    QTest.mouseClick(states.clear, Qt.MouseButton.LeftButton)
    (box,) = boxes(application)
    (sure,) = [b for b in box.buttons() if b.text() == "Clear"]
    sure.click()
    await until(lambda: not list(files_in(paths.states)))
    await until(lambda: "Nothing is kept yet" in states._held.text())
    assert states._written.text().startswith("3.5 MB today"), "that stays written"
    assert not states.clear.isEnabled()


async def test_that_the_disk_takes_nothing_is_said_once(application):
    from app.errors import StatesUnkept

    await shown(application)
    posted = []
    application.services.notices.posted.connect(posted.append)
    for _ in range(2):
        application.services.session._supervisor.on_unkept(StatesUnkept(path="/full"))
    assert [one.title for one in posted] == ["Conversations are not remembered on the disk"]
