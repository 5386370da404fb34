"""A playground page in a window of its own, on a real store and with a small real model."""

import dataclasses
from functools import cached_property
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QWidget

from app.runtime.loading.loading import open_model
from app.runtime.protocol.prompts import Sampling
from app.runtime.worker.supervisor import Supervisor
from app.ui.playground.playground_page import PlaygroundPage
from app.ui.state.session import Session
from app.ui.widgets.focus import FocusKeeper
from app.ui.widgets.pointer import Pointer
from tests.runtime.small_models import small_file
from tests.ui.chat.conftest import services  # noqa: F401 (a fixture)
from tests.ui.conftest import settled, until

from .in_process import InProcess
from .sight import Sight

GREEDY = Sampling(temperature=0, banned=(0,))


class Desk:
    """What a test needs of the page, and the words for it; built in the test's loop."""

    def __init__(self, services, model: Path, supervisor) -> None:  # noqa: F811
        session = Session(supervisor, services.tasks)
        self.supervisor = supervisor
        self.services = dataclasses.replace(services, session=session)
        self.session, self.model = session, model
        self.frame: QWidget | None = None

    @cached_property
    def page(self) -> PlaygroundPage:
        page = PlaygroundPage(self.services)
        self.frame = QWidget()
        row = QHBoxLayout(self.frame)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(page)
        self.frame.resize(1200, 760)
        Pointer(QApplication.instance(), self.frame)
        FocusKeeper(QApplication.instance(), self.frame, page.take_keyboard)
        self.frame.show()
        self.frame.activateWindow()
        page.arrived()
        return page

    @property
    def controller(self):
        return self.page.controller

    @property
    def editor(self):
        return self.page.text.editor

    @property
    def text(self) -> str:
        """What the controller has, which is what the editor shows."""
        text = self.controller.text.text
        assert self.editor.toPlainText() == text
        return text

    async def begun(self, words: str = "", limit: int = 12, sampling: Sampling = GREEDY) -> None:
        """A document with a model that writes the same whenever it is asked the same."""
        page = self.page
        await self.session.opened(self.model)
        self.session.note_change()
        await settled()
        page.controller.configure(limit=limit, sampling=sampling)
        if words:
            self.type(words)

    def type(self, words: str) -> None:
        """At the caret, as one paste."""
        self.editor.insertPlainText(words)

    async def written(self) -> None:
        """Wait until nothing is written."""
        await until(lambda: self.controller.writing is None)

    async def go_on(self, place: int | None = None) -> None:
        self.controller.write(place)
        await self.written()

    async def stored(self):
        """The document as it lies in the file."""
        self.controller.keeper.now()
        store = self.services.conversations.documents
        return store.open(self.controller.document.id).result(30)

    async def end_with_loop(self) -> None:
        """End the page while the loop runs: a timer of it may begin a task."""
        await self.services.tasks.close()
        self.close()
        await self.session.close()

    def close(self) -> None:
        if self.frame is not None:
            self.frame.hide()
            self.frame.deleteLater()
            self.frame = None
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory) -> Path:
    return small_file(tmp_path_factory.mktemp("playground"))


@pytest.fixture(scope="session")
def small_model(model_file):
    return open_model(model_file, "cpu fp32")


@pytest.fixture
def desk(services, model_file, small_model):  # noqa: F811 (the fixture)
    """The page with the engine in this process: what a worker would do, without its start."""
    made = Desk(services, model_file, InProcess(small_model))
    yield made
    made.close()


@pytest.fixture
def worker_desk(services, model_file):  # noqa: F811 (the fixture)
    """The page with a worker process."""
    made = Desk(services, model_file, None)
    supervisor = Supervisor(lambda: made.session.note_change())
    made.supervisor = made.session._supervisor = supervisor
    yield made
    made.close()


@pytest.fixture
def sight(qapp, tmp_path):
    """What the model sees, without a page."""
    return Sight(qapp, tmp_path)
