"""The chat with a real worker process, a real model, and a real end of the program by kill -9."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.runtime.generation.token_fit import gives
from app.runtime.protocol.prompts import Sampling
from app.runtime.protocol.token_spans import unpack
from app.runtime.tokenizers.byte_tokenizer import byte_tokenizer
from app.runtime.worker.phase import Phase
from app.runtime.worker.supervisor import Supervisor
from app.store.conversations import open_conversations
from app.ui.chat.chat_page import ChatPage
from app.ui.state.services import Services
from app.ui.state.session import Session
from app.ui.transcript.failure_card import FailureCard
from tests.runtime.small_models import small_file
from tests.ui.conftest import until

from .conftest import Scene

SLOW_LIMIT = 60_000


@pytest.fixture
def real(services: Services, tmp_path):
    """The same page on a supervisor with a worker process."""
    supervisor = Supervisor(lambda: session.note_change())
    session = Session(supervisor, services.tasks)
    made = dataclasses.replace(services, session=session)
    scene = Scene(made)
    scene.model = small_file(tmp_path)
    yield scene
    scene.close()


def ids_of(real, reply, *, whole=True):
    """The token ids that are stored of a reply; they give its text.

    Where it was broken off they may give more: what was held back since it might begin a stop.
    """
    span = real.services.conversations.tokens(reply.conversation).result(10)[reply.id]
    ids = unpack(span.ids)
    assert span.vocabulary == byte_tokenizer().identity
    assert span.start == 0
    if whole:
        assert gives(ids, reply.text, byte_tokenizer())
    else:
        assert byte_tokenizer().decode(ids).startswith(reply.text)
    return ids


async def test_a_real_model_answers_stops_and_survives_its_workers_death(real):
    session = real.services.session
    page: ChatPage = real.page
    try:
        page.composer.edit.setPlainText("Hello")
        page.composer.edit.sent.emit()
        assert real.texts() == [], "no model is open yet"
        await session.opened(Path(real.model))
        page.controller.configure(limit=24, sampling=Sampling(temperature=0, banned=(0,)))
        await until(lambda: not page.composer._closed)
        page.composer.edit.sent.emit()
        await until(lambda: len(real.texts()) == 2)
        await real.answered()
        reply = page.controller.tree.path()[-1]
        assert reply.status == "done", real.row_kinds()
        assert reply.reply.model == session.loaded.name
        assert 0 < reply.reply.tokens <= 24
        assert real.stored()[-1] == reply.text
        ids = ids_of(real, reply)
        assert len(ids) == reply.reply.tokens
        page.controller.go_on(reply.id)
        await real.answered()
        longer = page.controller.tree.path()[-1]
        assert longer.id == reply.id
        assert ids_of(real, longer)[:24] == ids
        assert len(ids_of(real, longer)) == longer.reply.tokens == 48

        page.controller.configure(limit=SLOW_LIMIT)
        page.composer.edit.setPlainText("Go on and on")
        page.composer.edit.sent.emit()
        await until(lambda: len(real.texts()[-1]) > 20)
        page.controller.stop()
        await real.answered()
        stopped = page.controller.tree.path()[-1]
        assert stopped.status == "stopped"
        assert ids_of(real, stopped, whole=False)

        page.composer.edit.setPlainText("And now be killed")
        page.composer.edit.sent.emit()
        await until(lambda: len(real.texts()[-1]) > 20)
        os.kill(session._supervisor.worker_pid, signal.SIGKILL)
        await real.answered()
        dead = page.controller.tree.path()[-1]
        assert (dead.status, dead.reply.failure) == ("failed", "worker-died")
        assert len(dead.text) > 20
        assert ids_of(real, dead, whole=False)
        assert real.last(FailureCard).isVisible()
        assert session.phase is Phase.DEAD

        page.controller.configure(limit=8)
        page.transcript.regenerate(dead.id)
        await real.answered()
        assert page.controller.tree.path()[-1].status == "done"
    finally:
        await session.close()


async def test_a_model_whose_worker_died_while_it_opened_is_opened_by_the_next_message(real):
    session = real.services.session
    page: ChatPage = real.page
    page.controller.configure(limit=8)
    try:
        session.open(Path(real.model))
        await until(lambda: session.worker_pid is not None)
        os.kill(session.worker_pid, signal.SIGKILL)
        await until(lambda: session.phase is Phase.DEAD)
        await until(lambda: "opens it again" in page.composer.edit.placeholderText())
        page.composer.edit.setPlainText("Hello")
        page.composer.edit.sent.emit()
        await until(lambda: len(real.texts()) == 2)
        await real.answered()
        assert page.controller.tree.path()[-1].status == "done"
        assert page.composer.edit.placeholderText().startswith("Message ")
    finally:
        await session.close()


PROGRAM = """
import asyncio, sys, time
from pathlib import Path
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop
from tests.ui.chat.conftest import _services
from tests.ui.chat.speaker import Speaker, loaded
from app.ui.chat.chat_page import ChatPage

app = QApplication([])
speaker = Speaker(" ".join(f"word{n}" for n in range(20_000)), loaded())
speaker.pause_s, speaker.told_vocabulary = 0.004, "spoken"
services = _services(app, Path(sys.argv[1]), speaker)

async def live():
    page = ChatPage(services)
    page.show()
    page.controller.grew.connect(
        lambda _: print(time.time(), len(page.controller.tree.path()[-1].text), flush=True)
    )
    page.controller.send("Tell me everything")
    await asyncio.sleep(60)

loop = QEventLoop(app)
asyncio.set_event_loop(loop)
with loop:
    loop.run_until_complete(live())
"""


def test_what_was_on_the_screen_survives_the_kill_of_the_program(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        shown = [process.stdout.readline().split() for _ in range(40)]
        os.kill(process.pid, signal.SIGKILL)
        killed = time.time()
        shown += [line.split() for line in process.stdout.read().splitlines()]
    seen = [int(length) for when, length in shown if float(when) < killed - 0.3]
    store, trouble = open_conversations(tmp_path / "conversations.sqlite3")
    assert trouble is None
    (conversation,) = store.all().result(10)
    question, reply = store.open(conversation.id).result(10).messages
    (tokens,) = store.tokens(conversation.id).result(10).values()
    store.close()
    assert question.text == "Tell me everything"
    assert reply.status == "interrupted"
    assert len(reply.text) >= max(seen) > 0
    assert reply.text.startswith("word0 word1 word2")
    assert unpack(tokens.ids) == tuple(range(len(reply.text.split()))), "a token a word"
