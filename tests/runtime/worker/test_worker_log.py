"""What a real worker and its client leave in the log, and how the end of a worker is told."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from app.errors import OutOfMemory, RequestRefused, WorkerDied, WorkerOutOfMemory
from app.messages.failures import say
from app.runtime.protocol.prompts import Chat, Text, Turn
from app.runtime.worker.client import Client
from app.store.paths import standard_paths
from app.system import log
from tests.runtime.small_models import small_file
from tests.runtime.worker.test_client import replies_of
from tests.support.control_groups import group_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

MINE = "words-of-mine"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(small_file(tmp_path_factory.mktemp("models")))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Where this process and its workers log."""
    monkeypatch.setenv("ROOKERY_HOME", str(tmp_path))
    yield standard_paths(str(tmp_path)).logs
    log.end()


async def talked(client, model):
    """A model is opened, answers, and refuses two requests; nobody's words are told."""
    await client.load(model, "cpu fp32")
    await replies_of(client, Text(f"{MINE} in a prompt"), limit=4)
    chat = Chat(turns=(Turn("user", MINE),), template=MINE)
    for prompt, stops in ((chat, ()), (Text(MINE), (MINE, ""))):
        with pytest.raises(RequestRefused):
            await replies_of(client, prompt, stops=stops)


def test_a_run_leaves_events_and_no_words_unless_that_was_asked_for(home, model):
    log.begin("window", home)

    async def scenario():
        client = Client()
        try:
            await talked(client, model)
            log.flush()
            told = (home / log.NAME).read_text()
            log.end()
            log.begin("window", home, texts=True)
            await replies_of(client, Text(f"{MINE} once more"), limit=4)
            os.kill(client.pid, signal.SIGKILL)
            await client.ended()
            log.end()
            return told, (home / log.NAME).read_text(), client.failure
        finally:
            await client.close()

    told, later, failure = asyncio.run(scenario())
    assert MINE not in told
    for event in (
        r"window \d+ INFO start: Rookery [\d.]+, Python [\d.]+",
        r"worker \d+ INFO start: Rookery",
        r"window \d+ INFO model: opening '.*small.pth' in worker \d+ as cpu fp32",
        r"worker \d+ INFO model: opened '.*small.pth' as cpu fp32 .* in [\d.]+ s; torch \d",
        r"request: Generate \d+ was refused: request-refused \(why='unknown-template'\)",
        r"request: Generate \d+ was refused: request-refused \(why='empty-stop'\)",
    ):
        assert re.search(event, told), event
    assert f"{MINE} once more" in later
    assert "DEBUG text: reply" in later
    assert re.search(r"ERROR worker: \d+ ended: SIGKILL, worker-died \(exit_code=-9", later)
    assert type(failure) is WorkerDied, "somebody killed it, and memory is not blamed"
    words = say(failure)
    assert "was ended (SIGKILL)" in words.text
    assert "memory" not in f"{words.title} {words.text} {words.way_out}".lower()


@pytest.mark.cold  # what it shares with another process would be its own in the group
def test_a_worker_that_the_kernel_ends_for_lack_of_memory_is_told_so(home, model):
    async def scenario(group: Path):
        client = Client()
        try:
            await client.load(model, "cpu int8")
            (group / "cgroup.procs").write_text(str(client.pid))
            with pytest.raises(WorkerDied) as caught:
                await client.measure(64 << 20)
            await client.ended()
            return caught.value, client.failure
        finally:
            await client.close()

    log.begin("window", home)
    with group_of(4 << 20) as group:
        failure, same = asyncio.run(scenario(group))
    log.end()
    assert type(failure) is type(same) is WorkerOutOfMemory
    assert isinstance(failure, OutOfMemory)
    assert failure.facts["exit_code"] == -signal.SIGKILL
    assert "choose fewer bits (cpu int4)" in say(failure).way_out
    told = (home / log.NAME).read_text()
    assert re.search(r"ERROR worker: \d+ ended: SIGKILL, worker-out-of-memory", told)
