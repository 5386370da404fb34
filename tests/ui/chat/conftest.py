"""A chat page in a window of its own, on a real store, with a speaker instead of a worker."""

from functools import cached_property

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QWidget

from app.runtime.checkpoint.describe import embedded_model
from app.store.changes import Changes
from app.store.conversations import open_conversations
from app.store.paths import standard_paths
from app.store.settings import Settings
from app.ui.chat.chat_page import ChatPage
from app.ui.look.theme import Theme
from app.ui.state.downloads import DownloadList
from app.ui.state.gpu_list import GpuList
from app.ui.state.models.model_catalogue import Catalogue
from app.ui.state.models.model_library import Library
from app.ui.state.notices import Notices
from app.ui.state.run.free_gpu import FreeGpu
from app.ui.state.run.run_planning import RunPlanning
from app.ui.state.services import Services
from app.ui.state.session import Session
from app.ui.state.shared_settings import SharedSettings
from app.ui.state.states.named_state_list import NamedStateList
from app.ui.state.status.readings import Readings
from app.ui.state.tasks import Tasks
from app.ui.widgets.focus import FocusKeeper
from app.ui.widgets.pointer import Pointer
from tests.ui.conftest import until

from .speaker import Speaker, loaded


class Scene:
    """What a test needs of the page, and the words for it.

    The page is built when it is first asked for: by then the test's loop runs, as in the program.
    """

    def __init__(self, services: Services) -> None:
        self.services = services
        self.speaker = services.session._supervisor
        self.frame = None

    @cached_property
    def page(self) -> ChatPage:
        page = ChatPage(self.services)
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

    async def end_with_loop(self) -> None:
        """End the page while the loop runs: a timer of it may begin a task."""
        await self.services.tasks.close()
        self.close()

    def close(self) -> None:
        if self.frame is not None:
            self.frame.hide()
            self.frame.deleteLater()
            self.frame = None
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    async def say(self, words: str, reply: str | None = None) -> None:
        """Send ``words`` with the Enter key's signal and wait until they are answered."""
        if reply is not None:
            self.speaker.says = reply
        self.page.composer.edit.setPlainText(words)
        self.page.composer.edit.sent.emit()
        await self.answered()

    async def answered(self) -> None:
        await until(lambda: self.page.controller.writing is None)

    def texts(self) -> list[str]:
        return [message.text for message in self.page.controller.tree.path()]

    def stored(self) -> list[str]:
        conversation = self.page.controller.conversation.id
        opened = self.services.conversations.open(conversation).result(10)
        return [] if opened is None else [message.text for message in opened.messages]

    def row_kinds(self) -> list[str]:
        return [type(row).__name__ for row in self.page.transcript.rows]

    def last(self, kind: type[QWidget]) -> QWidget:
        """The lowest widget of a kind that is on the transcript."""
        found = self.page.transcript.viewport().findChildren(kind)
        shown = [one for one in found if one.isVisible()]
        return max(shown, key=lambda one: one.mapTo(self.page, one.rect().topLeft()).y())


@pytest.fixture
def services(qapp: QApplication, tmp_path):
    made = _services(qapp, tmp_path, Speaker(model=loaded()))
    yield made
    made.library.close()
    made.conversations.close()
    made.settings.close()


@pytest.fixture
def chat(services):
    """The page, shown, with a model open."""
    scene = Scene(services)
    yield scene
    scene.close()


def _services(qapp: QApplication, folder, speaker: Speaker) -> Services:
    changes = Changes()
    conversations, _ = open_conversations(folder / "conversations.sqlite3", changes)
    notices = Notices()
    tasks = Tasks(notices.failure)
    theme = Theme("light")
    theme.apply(qapp)
    settings = Settings(folder / "settings.json", changes)
    paths = standard_paths(str(folder / "home"))
    session, gpus = Session(speaker, tasks), GpuList(tasks, tuple)
    planning = RunPlanning(session, settings, changes, gpus)
    return Services(
        session=session,
        theme=theme,
        conversations=conversations,
        settings=settings,
        tasks=tasks,
        notices=notices,
        library=Library(settings, tasks, paths.models, embedded_model()),
        catalogue=Catalogue(settings, tasks, paths.hub_cache),
        downloads=DownloadList(settings, tasks, paths),
        gpus=gpus,
        planning=planning,
        free_gpu=FreeGpu(session, planning),
        shared=SharedSettings(settings, tasks),
        readings=Readings(session, gpus, tuple),
        named_states=NamedStateList(paths.named_states, settings, tasks, notices),
    )
