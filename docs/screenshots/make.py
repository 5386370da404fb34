"""Makes the pictures in this folder from the real window, worker and embedded model.

    python docs/screenshots/make.py [--into FOLDER] [--models FOLDER] [--only SCENE ...]

The replies are what the embedded model says; only the long answer with code, and the question
before it, are stored beforehand (example.md), since so small a model writes no code.  The hub is
one on loopback that holds files of the true names and sizes and made-up bytes (hub.py).
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from PySide6.QtWidgets import QApplication, QWidget  # noqa: E402
from qasync import QEventLoop  # noqa: E402

from app.runtime.checkpoint.describe import embedded_model  # noqa: E402
from app.store.paths import standard_paths  # noqa: E402
from app.store.records import Conversation, new_id, new_message  # noqa: E402
from app.ui.shell.application import Application  # noqa: E402
from app.ui.state.appearance import choose_theme  # noqa: E402
from app.ui.state.models.model_catalogue import Asking  # noqa: E402
from docs.screenshots import hub  # noqa: E402
from docs.screenshots.batch_scenes import batch  # noqa: E402
from docs.screenshots.compare_scenes import compare  # noqa: E402
from docs.screenshots.playground_scenes import playground  # noqa: E402
from docs.screenshots.run_scenes import run_dialog  # noqa: E402
from docs.screenshots.states_scenes import states  # noqa: E402
from docs.screenshots.status_scenes import status  # noqa: E402

SIZE = (1280, 800)
QUESTIONS = ("What is RWKV?", "Which model fits my machine?", "How do I open my own model?")
LIMIT_S = 90.0
SCENES = (
    "empty",
    "conversation",
    "code",
    "pages",
    "settings",
    "run",
    "status",
    "playground",
    "compare",
    "batch",
    "states",
    "error",
)


class Studio:
    """One window, and how it is brought into each scene."""

    def __init__(self, application: Application, into: Path) -> None:
        self.application = application
        self.into = into
        self.services = application.services

    @property
    def chat(self) -> QWidget:
        """The Chat page, in front."""
        return self.application.window.go("chat")

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for something to come true; raises TimeoutError if it does not."""
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError("the scene never came about")
            await asyncio.sleep(0.01)

    async def take(self, name: str, theme: str) -> None:
        """Dress the window and write its picture."""
        choose_theme(self.services, theme)
        await asyncio.sleep(0.4)
        path = self.into / f"{name}.png"
        if not self.application.window.grab().save(str(path)):
            raise OSError(f"the picture could not be written: {path}")
        print(path)

    async def ask(self, question: str) -> None:
        """Send a question and wait for the end of the reply."""
        self.chat.controller.send(question)
        await self.until(lambda: self.chat.controller.writing is not None)
        await self.until(lambda: self.chat.controller.writing is None)

    async def play(self, name: str) -> None:
        """One scene of SCENES."""
        if name == "playground":
            await self.until(lambda: self.services.session.loaded)
            await playground(self)
            self.services.session.open(embedded_model())
            await self.until(lambda: self.services.session.loaded)
        elif name == "states":
            await states(self)
        elif name == "compare":
            await self.until(lambda: self.services.session.loaded)
            await compare(self)
        elif name in ("run", "status", "batch"):
            scenes = {"run": run_dialog, "status": status, "batch": batch}
            with tempfile.TemporaryDirectory() as folder:
                await scenes[name](self, Path(folder))
        else:
            await getattr(self, name)()

    async def empty(self) -> None:
        """The first start: what the machine has, and models to take first."""
        await self.until(lambda: self.services.session.loaded)
        await self.until(lambda: self.services.library.scanned)
        await self.until(lambda: self.services.catalogue.entries)
        await asyncio.sleep(0.3)
        await self.take("chat-empty", "light")

    async def conversation(self) -> None:
        """A talk with the embedded model."""
        for question in QUESTIONS:
            await self.ask(question)
        await self.take("chat-light", "light")
        await self.take("chat-dark", "dark")

    async def code(self) -> None:
        """A long answer with code, in a conversation that was stored before."""
        conversations = self.services.conversations
        now = time.time()
        ident = new_id()
        title = "A queue for streamed words"
        kept = Conversation(id=ident, title=title, created=now, updated=now)
        asked = new_message(ident, None, "user", "Write a queue for streamed words in Python.")
        answer = (HERE / "example.md").read_text(encoding="utf-8")
        told = new_message(ident, asked.id, "assistant", answer)
        for job in (conversations.add(kept), conversations.append(asked)):
            await asyncio.wrap_future(job)
        await asyncio.wrap_future(conversations.append(told))
        await asyncio.wrap_future(conversations.choose(ident, told.id))
        self.chat.open(ident)
        await self.until(lambda: self.chat.controller.conversation.id == ident)
        await asyncio.sleep(0.3)
        self.chat.transcript.verticalScrollBar().setValue(0)
        await self.take("chat-code", "dark")
        self.chat.transcript.verticalScrollBar().setValue(1 << 20)
        await self.take("chat-code-end", "light")

    async def error(self) -> None:
        """The worker is killed in the middle of a reply."""
        self.chat.begin()
        before = self.services.session.tokens_written
        self.chat.controller.send("Tell me everything about states.")
        await self.until(lambda: self.services.session.tokens_written > before + 60)
        os.kill(self.services.session.worker_pid, 9)
        await self.until(lambda: self.chat.controller.writing is None)
        await self.take("chat-error", "light")

    async def downloads(self) -> None:
        """Three downloads from the hub on loopback: one done, one on its way, one that waits."""
        page, queue = self.application.window.go("models"), self.services.downloads
        by_name = {one.offer.name: one.offer for one in page.rows.shown if one.fetchable}
        self.services.settings.change(downloads_at_once=1)
        queue.add(by_name[hub.SMALL])
        await self.until(lambda: queue.items and queue.items[0].state == "done")
        self.services.settings.change(download_limit=9_000_000)
        queue.rate_limit()
        for name in (hub.MIDDLE, hub.LARGE):
            queue.add(by_name[name])
        await self.until(lambda: len(queue.items) == 3 and queue.items[1].bytes_per_s > 0)
        self.application.window.go("downloads")
        await asyncio.sleep(6)
        await self.take("downloads-light", "light")
        await self.take("downloads-dark", "dark")
        for item in queue.items:
            queue.cancel(item.id)

    async def pages(self) -> None:
        """Models and downloads."""
        page = self.application.window.go("models")
        await self.until(lambda: self.services.catalogue.asking in (Asking.DONE, Asking.FAILED))
        page.listing.select(next(one.key for one in page.rows.shown if one.fetchable))
        await asyncio.sleep(1.5)
        await self.take("models-light", "light")
        await self.take("models-dark", "dark")
        await self.downloads()

    async def settings(self) -> None:
        """The settings, from their beginning and at device and memory."""
        await self.until(lambda: self.services.session.loaded)
        settings = self.application.window.go("settings")
        await self.take("settings-light", "light")
        settings.show_section(settings.device)
        await self.take("settings-device-light", "light")
        await self.take("settings-device-dark", "dark")


async def shoot(
    app: QApplication, into: Path, home: Path, models: Path | None, only: list[str]
) -> None:
    """Play every scene, or ``only`` some, in one window."""
    application = Application(app, standard_paths(str(home)))
    application.services.settings.change(folders=(str(models),) if models else ())
    application.open()
    application.window.resize(*SIZE)
    studio = Studio(application, into)
    try:
        for name in SCENES:
            if not only or name in only:
                await studio.play(name)
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(application.close(), 10)


def main() -> None:
    """Read the command line and make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--into", type=Path, default=HERE, help="the folder of the pictures")
    parser.add_argument("--models", type=Path, help="a folder to be listed on the Models page")
    parser.add_argument("--only", nargs="*", default=[], choices=SCENES, help="only these scenes")
    chosen = parser.parse_args()
    chosen.into.mkdir(parents=True, exist_ok=True)
    app = QApplication([])
    app.setQuitOnLastWindowClosed(False)
    loop = QEventLoop(app)
    asyncio.set_event_loop(loop)
    with tempfile.TemporaryDirectory() as home, hub.stage() as address, loop:
        os.environ["HF_ENDPOINT"] = address
        loop.run_until_complete(shoot(app, chosen.into, Path(home), chosen.models, chosen.only))


if __name__ == "__main__":
    main()
