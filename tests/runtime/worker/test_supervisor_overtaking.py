"""Openings that overtake each other or are given up, with real processes that answer at once."""

import asyncio
import os
import signal
import sys

import pytest

from app.runtime.worker import supervisor as module
from app.runtime.worker.client import Client
from app.runtime.worker.phase import Phase
from tests.runtime.small_models import HUGE
from tests.runtime.worker.test_supervisor import gone, supervising, until, write

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

QUICK = """
import sys
from app.runtime.protocol import messages
from app.runtime.protocol.messages import Cancel, Done, Generate, Load, Loaded, Quit
from app.runtime.protocol.prompts import Sampling
from app.runtime.protocol.states import HandOver, StatesHandedOver, TakeOver
from app.runtime.spec import Spec
from app.system.frames import read_frame, write_frame

SIZES = ("layers", "width", "heads", "head_size", "attention_width", "ffn_width", "vocabulary")
while (frame := read_frame(sys.stdin.buffer)) is not None:
    request, reply = messages.decode_request(frame), None
    if isinstance(request, Quit):
        break
    if isinstance(request, Load):
        spec = Spec(generation="7.0", parameters=1, **dict.fromkeys(SIZES, 1))
        reply = Loaded(
            id=request.id, path="", name="quick", spec=spec, strategy="cpu", weights_bytes=1,
            load_s=0, tokenizer="none", templates=(), thinks=False, sampling=Sampling(),
        )
    elif isinstance(request, HandOver | TakeOver):
        reply = StatesHandedOver(id=request.id, count=0)
    elif isinstance(request, Cancel):
        times = dict.fromkeys(("prefill_s", "decode_s", "first_token_s"), 0.0)
        reply = Done(
            id=request.id, reason="stopped", prompt_tokens=1, tokens=1, seed=1, **times
        )
    if reply:
        write_frame(sys.stdout.buffer, messages.encode(reply))
"""
"""A worker without torch: it opens whatever it is asked for and writes until it is stopped."""


@pytest.fixture
def quick_workers(monkeypatch):
    command = [sys.executable, "-c", QUICK]
    monkeypatch.setattr(module, "Client", lambda on_end, _: Client(on_end, command))


def test_an_opening_that_is_overtaken_while_the_model_before_ends_is_cancelled(quick_workers):
    """Also in the very moment of that end: ``turns`` of the loop are between the two."""

    async def body(turns):
        async with supervising() as (supervisor, _):
            await supervisor.open("one")
            before = supervisor._client
            running = asyncio.ensure_future(write(supervisor, HUGE))
            await until(lambda: before._running)
            openings, deliver = [], before._deliver

            def open_after(turns, name):
                if turns:
                    asyncio.get_running_loop().call_soon(open_after, turns - 1, name)
                else:
                    openings.append(asyncio.ensure_future(supervisor.open(name)))

            def deliver_and_open(reply):
                deliver(reply)
                if before._still.is_set():
                    open_after(turns, "three")
                    open_after(turns + 1, "four")

            before._deliver = deliver_and_open
            open_after(0, "two")
            await until(lambda: len(openings) == 3)
            outcomes = await asyncio.gather(*openings, running, return_exceptions=True)
            assert [type(one) for one in outcomes[:2]] == [asyncio.CancelledError] * 2
            assert supervisor.loaded is outcomes[2]

    for turns in range(5):
        asyncio.run(body(turns))


def test_an_overtaken_opening_whose_worker_has_failed_is_cancelled(quick_workers):
    async def body():
        async with supervising() as (supervisor, _):
            opening = asyncio.ensure_future(supervisor.open("one"))
            await until(lambda: supervisor.worker_pid)
            supervisor._opening = None  # as overtaken; the cancellation comes too late
            supervisor._client.kill()
            with pytest.raises(asyncio.CancelledError):
                await opening

    asyncio.run(body())


def test_an_opening_given_up_before_its_turn_leaves_no_worker_of_the_model_before(quick_workers):
    async def body():
        async with supervising() as (supervisor, _):
            await supervisor.open("one")
            pid, before = supervisor.worker_pid, supervisor._client
            running = asyncio.ensure_future(write(supervisor, HUGE))
            await until(lambda: before._running)
            os.kill(pid, signal.SIGSTOP)  # it does not leave when it is asked to
            opening = asyncio.ensure_future(supervisor.open("two"))
            await until(lambda: supervisor.phase is Phase.LOADING)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            assert supervisor.phase is Phase.EMPTY
            await until(lambda: gone(pid))
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(body())


DYING = QUICK.replace(
    "    elif isinstance(request, Cancel):",
    """    elif isinstance(request, Generate):
        if not Path(sys.argv[1]).exists():
            Path(sys.argv[1]).touch()
            begun = ReplyBegun(id=request.id, tokens=TokenSpan("bytes"))
            write_frame(sys.stdout.buffer, messages.encode(begun))
            sys.exit(1)""",
).replace(
    "import sys\n",
    "import sys\nfrom pathlib import Path\n"
    "from app.runtime.protocol.messages import ReplyBegun\n"
    "from app.runtime.protocol.token_spans import TokenSpan\n",
    1,
)
"""The first of these dies when a reply is all but begun; the next one answers."""


def test_a_worker_that_dies_before_it_reads_anything_costs_nothing(tmp_path, monkeypatch):
    command = [sys.executable, "-c", DYING, str(tmp_path / "died")]
    monkeypatch.setattr(module, "Client", lambda on_end, _: Client(on_end, command))
    monkeypatch.setattr(module, "_DYING_S", 60.0)

    async def scene():
        async with supervising() as (supervisor, _):
            await supervisor.open("quick")
            events = await write(supervisor, limit=1)
            assert events[-1].reason == "stopped"

    asyncio.run(scene())
