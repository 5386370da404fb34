"""A whole window on folders of its own; ``async def`` tests run in the loop the program uses."""

import asyncio
import contextlib
import gc
import inspect
import time

import huggingface_hub
import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

import app.runtime.checkpoint.describe
from app.errors import Failure
from app.store.paths import standard_paths
from app.ui.shell.application import Application
from app.ui.state.tasks import end_all
from tests.runtime.small_models import small_file
from tests.support.hub_server import online
from tests.ui.fake_supervisor import FakeSupervisor
from tests.ui.hub import small_hub

_SCENE_S = 90


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run a coroutine test in a qasync loop, and let nothing outlive it."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    scene = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    with QEventLoop(pyfuncitem.funcargs["qapp"]) as loop:
        asyncio.set_event_loop(loop)
        try:
            shown = [one for one in pyfuncitem.funcargs.values() if hasattr(one, "end_with_loop")]
            loop.run_until_complete(_played(scene, shown))
        finally:
            asyncio.set_event_loop(None)
    return True


async def _played(scene, shown):
    """Windows end while the loop runs, as in the program: a timer of theirs may start a task."""
    try:
        await asyncio.wait_for(scene, _SCENE_S)
    finally:
        for one in shown:
            await one.end_with_loop()
        bugs = []
        await end_all(bugs.append)
    assert not [bug for bug in bugs if not isinstance(bug, Failure)]


@pytest.fixture(autouse=True)
def _qt(qapp):
    """Every test here may draw."""
    qapp.setQuitOnLastWindowClosed(False)  # as in main: a closed dialog must not end the loop
    yield
    gc.collect(1)


@pytest.fixture(autouse=True, scope="package")
def _frozen():
    """Widgets end in this thread, as in the program, and none is left to threads of later tests.

    What was imported before is looked at no more.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.unfreeze()
    gc.collect()
    gc.enable()


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory):
    """Four small models of four generations, and two files that are none."""
    folder = tmp_path_factory.mktemp("models")
    small_file(folder, "7.0", name="rwkv7-g1a-0.1b-20250905-ctx4096")
    small_file(folder, "6.0", name="RWKV-x060-World-1B6-v2.1-20240328-ctx4096")
    small_file(folder, "5.2", name="我的模型-🐦-" + "很长" * 20)
    four = small_file(folder, "4", name="RWKV-4-Raven-1B5-v12-Eng98")
    (folder / "cut.pth").write_bytes(four.read_bytes()[:5000])
    (folder / "notes.gguf").write_bytes(b"not a model at all")
    return folder


@pytest.fixture(scope="session")
def guide(tmp_path_factory):
    """A small model in the place of the one that ships."""
    return small_file(tmp_path_factory.mktemp("guide"), name="rookery-guide")


@pytest.fixture
def paths(tmp_path):
    return standard_paths(str(tmp_path / "home"))


class Houses:
    """Builds windows with a supervisor that only pretends."""

    def __init__(self, qapp, paths):
        self._qapp, self._paths, self._built = qapp, paths, []

    def __call__(self, supervise=FakeSupervisor, gpus=(), **settings):
        application = Application(self._qapp, self._paths, supervise, lambda: gpus)
        application.services.settings.change(**settings)
        self._built.append(application)
        return application

    async def end_with_loop(self):
        """End every window that the test left open, as the program does."""
        for application in self._left():
            await application.close()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def abandon(self):
        """End what is left where no loop ever ran."""
        for application in self._left():
            application.library.close()
            application._close_stores()
            application.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def _left(self):
        left = [application for application in self._built if not application.closed]
        self._built.clear()
        return left


@pytest.fixture
def build(qapp, paths, guide, monkeypatch):
    """Builds windows; closes every one at the end."""
    monkeypatch.setattr(app.runtime.checkpoint.describe, "embedded_model", lambda: guide)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    houses = Houses(qapp, paths)
    yield houses
    houses.abandon()


@pytest.fixture
def application(build):
    """A window at its first start, on the Models page, not yet shown."""
    return build(page="models")


async def until(condition, limit_s=30.0):
    """Wait in the loop until ``condition()`` is true; fails the test otherwise."""
    deadline = asyncio.get_running_loop().time() + limit_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it never came true"
        await asyncio.sleep(0.01)


async def shown(application):
    """Open the window and give it the keyboard."""
    application.open()
    application.window.activateWindow()
    await until(application.window.isActiveWindow)


async def settled(turns=5):
    """Let what is due now happen."""
    for _ in range(turns):
        await asyncio.sleep(0.002)


async def double_click_over():
    """Wait until a press is one of its own: timers of Qt may end a little before their time."""
    began, interval_s = time.monotonic(), QApplication.doubleClickInterval() / 1000
    await until(lambda: time.monotonic() - began > interval_s)


@contextlib.contextmanager
def heard(signal):
    """Collects what a signal carried."""
    came = []
    signal.connect(lambda *carried: came.append(carried))
    yield came


@pytest.fixture
def hub(tmp_path, build, monkeypatch):
    """A hub on loopback that the window asks."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")  # the process that downloads asks as well
    with small_hub(tmp_path) as server, online():
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server
        huggingface_hub.close_session()


def listed(palette):
    """The titles that the command palette lists now."""
    return [palette._found.item(row).text() for row in range(palette._found.rowCount())]
