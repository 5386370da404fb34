"""The window that ``kills.py`` kills: has a question answered, and goes on with what was cut.

It tells each step in a line of JSON: "begun" with the first new words of a reply, "grew", "ended",
and "done" when a reply has all the tokens that were asked for; then the next one begins.
"""

import asyncio
import json
import os
import signal
import sys
import time
from typing import Any

from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from app.runtime.protocol.token_spans import TokenSpan, unpack
from app.runtime.worker.phase import Phase
from app.store.paths import standard_paths
from app.ui.chat.chat_page import ChatPage
from app.ui.shell.application import Application

from .kills import GREEDY, QUESTION


class Person:
    """Asks, and presses Continue whenever a reply was cut."""

    def __init__(self, application: Application, page: ChatPage, tokens: int) -> None:
        self._application, self._page, self._tokens = application, page, tokens
        self._controller = page.controller
        self._before, self._begun = 0, False
        self.leaving = False
        self._controller.grew.connect(self._note_growth)
        self._controller.ended.connect(self._note_end)

    async def begin(self) -> None:
        """Go on with the last reply that was cut, else ask."""
        store = self._application.services.conversations
        known = await asyncio.wrap_future(store.all())
        if known:
            await self._controller.open(known[0].id)
            last = self._controller.tree.path()[-1]
            spans = await asyncio.wrap_future(store.tokens(known[0].id))
            count = _count(spans.get(last.id))
            if last.role == "assistant" and count < self._tokens:
                self._go_on(last.id, count)
                return
        self._ask()

    def _ask(self) -> None:
        controller = self._controller
        controller.begin()
        controller.configure(limit=self._tokens, sampling=GREEDY)
        self._before, self._begun = 0, False
        controller.send(QUESTION)

    def _go_on(self, reply: str, count: int) -> None:
        self._before, self._begun = len(self._controller.tree[reply].text), False
        self._controller.configure(limit=self._tokens - count)
        self._controller.go_on(reply)

    def _note_growth(self, ident: str) -> None:
        writing = self._controller.writing
        if writing is None or len(self._controller.tree[ident].text) <= self._before:
            return
        what, self._begun = "grew" if self._begun else "begun", True
        worker = self._application.services.session.worker_pid
        tell(what, tokens=_count(writing.tokens), worker=worker)

    def _note_end(self, ident: str) -> None:
        message = self._controller.tree[ident]
        count, goes_on = _count(self._controller.tree.tokens.get(ident)), self._before > 0
        computed = message.reply.computed_tokens
        tell("ended", status=message.status, tokens=count, goes_on=goes_on, computed=computed)
        loop = asyncio.get_event_loop()
        if self.leaving:
            return
        if count >= self._tokens or message.reply.reason in ("stop", "end"):
            tell("done", tokens=count)
            loop.call_soon(self._ask)
        else:
            loop.call_soon(self._go_on, ident, count)


def _count(span: TokenSpan | None) -> int:
    return 0 if span is None else len(unpack(span.ids))


def tell(what: str, **facts: Any) -> None:
    """One line."""
    print(json.dumps({"what": what, "at": time.time(), **facts}), flush=True)


async def _live(app: QApplication, tokens: int) -> None:
    application = Application(app, standard_paths(os.environ["ROOKERY_HOME"]))
    leave = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leave.set)
    application.open()
    page = application.window.go("chat")
    assert isinstance(page, ChatPage)
    session, ready = application.services.session, asyncio.Event()
    session.changed.connect(lambda: ready.set() if session.phase is Phase.READY else None)
    await ready.wait()
    person = Person(application, page, tokens)
    await person.begin()
    await leave.wait()
    person.leaving = True
    await application.close()


def main() -> None:
    """Live until somebody ends it."""
    app = QApplication(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)
    loop = QEventLoop(app)
    asyncio.set_event_loop(loop)
    with loop:
        loop.run_until_complete(_live(app, int(sys.argv[2])))


if __name__ == "__main__":
    main()
