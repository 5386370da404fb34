"""Errors nobody foresaw: printed, shown once, and the program goes on."""

import asyncio
import gc
import sys
import threading
import weakref

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QPlainTextEdit

from app.errors import NoModel, StoreError
from app.ui.shell.crash_handler import CrashHandler
from app.ui.state.tasks import Tasks, end_all
from tests.ui.conftest import settled, shown, until


@pytest.fixture
def desk():
    made = CrashHandler()
    yield made
    if made.dialog is not None:
        made.dialog.close()


def broken():
    try:
        raise ZeroDivisionError("divided by a nought")
    except ZeroDivisionError:
        return sys.exc_info()


def report(desk):
    return desk.dialog.findChild(QPlainTextEdit).toPlainText()


async def test_a_bug_is_printed_and_shown_with_its_traceback(desk, capsys):
    desk.take(*broken())
    await until(lambda: desk.dialog is not None)
    assert "divided by a nought" in report(desk)
    assert "Rookery" in report(desk)
    assert "ZeroDivisionError" in capsys.readouterr().err


async def test_a_second_bug_joins_the_first_dialog(desk, capsys):
    desk.take(*broken())
    await until(lambda: desk.dialog is not None)
    first = desk.dialog
    desk.take(ValueError, ValueError("another one"), None)
    await until(lambda: "another one" in report(desk))
    assert desk.dialog is first
    first.accept()
    await settled()
    assert desk.dialog is None


async def test_a_bug_in_a_thread_is_shown_too(desk, capsys):
    args = threading.ExceptHookArgs((*broken(), threading.current_thread()))
    thread = threading.Thread(target=desk._take_thread, args=(args,))
    thread.start()
    thread.join()
    await until(lambda: desk.dialog is not None)
    assert "divided by a nought" in report(desk)


async def test_an_error_of_the_event_loop_is_shown_too(desk, capsys):
    desk.take_loop(None, {"exception": broken()[1], "message": "in a callback"})
    await until(lambda: desk.dialog is not None)


async def test_ctrl_c_is_no_bug(desk, qtbot):
    with qtbot.waitSignal(desk.interrupted):
        desk.take(KeyboardInterrupt, KeyboardInterrupt(), None)
    await settled()
    assert desk.dialog is None


async def stubborn(error):
    """Fails instead of ending."""
    try:
        await asyncio.sleep(60)
    finally:
        raise error


def ended_late(desk, capsys, *beginnings):
    """What is printed at the end of a loop in which these were begun."""

    async def program():
        begun = [begin() for begin in beginnings]
        await asyncio.sleep(0)
        await end_all(desk.take_late)
        assert all(task.done() for task in begun)

    desk.outlive_window()
    asyncio.run(program())
    return capsys.readouterr().err


def test_a_bug_of_a_task_that_ends_late_is_printed_once_and_not_shown(desk, capsys, monkeypatch):
    monkeypatch.setattr(sys, "excepthook", desk.take)
    said = ended_late(
        desk,
        capsys,
        lambda: asyncio.create_task(stubborn(ZeroDivisionError("nobody waits"))),
        lambda: Tasks(print).start(stubborn(ZeroDivisionError("somebody is told"))),
        lambda: asyncio.create_task(asyncio.sleep(60)),
    )
    assert said.count("nobody waits") == said.count("somebody is told") == 1
    assert said.count("Traceback") == 4, "each with the cancellation that it came instead of"
    QCoreApplication.processEvents()
    assert desk.dialog is None


def test_a_failure_of_a_task_that_ends_late_is_a_line(desk, capsys):
    failure = NoModel()
    said = ended_late(desk, capsys, lambda: asyncio.create_task(stubborn(failure)))
    assert said.startswith("No model is open yet")
    assert said.count("\n") == 1


async def test_a_failure_while_the_window_closes_is_a_line_and_no_notice(
    desk, capsys, monkeypatch, build
):
    application = build()
    await shown(application)
    desk.outlive_window()
    monkeypatch.setattr(sys, "excepthook", desk.take)
    application.services.tasks.start(stubborn(StoreError(path="/a/rookery.db", why="refused")))
    await settled()
    capsys.readouterr()
    await application.close()
    said = capsys.readouterr().err
    assert said.startswith("The system refuses to open or to write")
    assert said.count("\n") == 1


def test_a_failure_is_printed_once_whoever_tells_of_it(desk, capsys):
    desk.outlive_window()
    failure = NoModel()
    desk.take(NoModel, failure, None)
    desk.take_late(failure)
    assert capsys.readouterr().err.count("\n") == 1


def test_what_a_late_error_came_from_is_not_held(desk, capsys):
    desk.outlive_window()
    seen = []

    def fail(window):
        seen.append(weakref.ref(window))
        raise ZeroDivisionError("late")

    try:
        fail(Window())
    except ZeroDivisionError as error:
        desk.take_late(error)
        desk.take_late(error)
    gc.collect()
    assert capsys.readouterr().err.count("Traceback") == 1
    assert seen[0]() is None


class Window:
    """Stands for what a frame can hold."""
