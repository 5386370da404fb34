"""The supervisor with real worker processes: opening, replacing, dying, restarting, leaving."""

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from app.errors import MovedCheckpoint, NoModel, NotFound, RequestRefused, WorkerDied
from app.runtime.protocol.adapters import MergedAdapter
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Piece
from app.runtime.protocol.prompts import Tokens
from app.runtime.worker.phase import Phase
from app.runtime.worker.supervisor import Supervisor
from tests.runtime.small_models import GREEDY, HUGE, small_file
from tests.support import adapters
from tests.support.checkpoints import random_tensors, write_pth
from tests.support.warm_workers import children

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

PROMPT = Tokens((65, 66, 67))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two models that write different things."""
    folder = tmp_path_factory.mktemp("models")
    return str(small_file(folder, name="one")), str(small_file(folder, "6.0", name="two"))


@contextlib.asynccontextmanager
async def supervising():
    """A supervisor, the phases it went through, and an end that must leave nothing behind."""
    phases, before = [], children()
    supervisor = Supervisor(lambda: phases.append(supervisor.phase))
    try:
        yield supervisor, phases
    finally:
        await supervisor.close()
        assert children() <= before


def scenario(body):
    """Run an async test in a loop of its own."""

    def test(models):
        asyncio.run(body(models))

    test.__name__ = body.__name__
    return test


async def write(supervisor, limit=8, prompt=PROMPT):
    events = supervisor.generate(prompt, GenerateOptions(limit=limit, sampling=GREEDY))
    async with contextlib.aclosing(events):
        return [event async for event in events]


def tokens_of(replies):
    return [fact.token for r in replies if isinstance(r, Piece) for fact in r.tokens]


async def until(condition, limit_s=60):
    begin = time.perf_counter()
    while not condition():
        assert time.perf_counter() - begin < limit_s
        await asyncio.sleep(0.005)


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@scenario
async def test_a_model_opens_writes_is_replaced_and_unloaded(models):
    async with supervising() as (supervisor, phases):
        with pytest.raises(NoModel):
            await write(supervisor)
        loaded = await supervisor.open(models[0])
        assert (loaded.name, supervisor.loaded, supervisor.phase) == ("one", loaded, Phase.READY)
        first, pid = tokens_of(await write(supervisor)), supervisor.worker_pid
        running = asyncio.ensure_future(write(supervisor, HUGE))
        await asyncio.sleep(0.1)
        await supervisor.open(models[1])
        assert gone(pid)
        assert (await running)[-1].reason == "stopped"
        assert tokens_of(await write(supervisor)) != first
        pid = supervisor.worker_pid
        await supervisor.unload()
        assert gone(pid)
        assert (supervisor.phase, supervisor.loaded) == (Phase.EMPTY, None)
        with pytest.raises(NoModel):
            await write(supervisor)
        order = [phase for phase, _ in itertools.groupby(phases)]
        one_model = [Phase.LOADING, Phase.READY]
        assert order == [*one_model, *one_model, Phase.EMPTY]


@scenario
async def test_a_death_in_mid_reply_keeps_what_was_written_and_the_next_request_starts_anew(models):
    async with supervising() as (supervisor, phases):
        loaded = await supervisor.open(models[0])
        whole, pid, kept = tokens_of(await write(supervisor, 200)), supervisor.worker_pid, []

        options = GenerateOptions(limit=HUGE, sampling=GREEDY)

        async def write_until_killed():
            async for event in supervisor.generate(PROMPT, options):
                kept.append(event)
                if len(kept) == 20:
                    os.kill(pid, signal.SIGKILL)

        writing = asyncio.ensure_future(write_until_killed())
        await until(lambda: len(kept) >= 20)
        with pytest.raises(WorkerDied) as caught:
            await writing
        assert caught.value.facts["exit_code"] == -signal.SIGKILL
        assert caught.value.facts["strategy"] == loaded.strategy
        assert tokens_of(kept) == whole[: len(tokens_of(kept))]
        assert len(tokens_of(kept)) >= 19
        assert (supervisor.phase, supervisor.loaded) == (Phase.DEAD, loaded)
        assert supervisor.failure is caught.value or supervisor.failure.facts == caught.value.facts
        both = await asyncio.gather(write(supervisor), write(supervisor))
        assert [tokens_of(replies) for replies in both] == [whole[:8]] * 2
        assert supervisor.phase is Phase.READY
        assert supervisor.failure is None
        assert supervisor.worker_pid != pid
        # a request between death and its discovery starts the worker anew as well
        os.kill(supervisor.worker_pid, signal.SIGKILL)
        assert tokens_of(await write(supervisor)) == whole[:8]
        # a death while idle is noticed too
        os.kill(supervisor.worker_pid, signal.SIGSEGV)
        await until(lambda: supervisor.phase is Phase.DEAD)
        assert phases[-1] is Phase.DEAD
        assert supervisor.worker_pid is None
        assert "Segmentation fault" in supervisor.failure.facts["stderr"]
        await supervisor.unload()
        with pytest.raises(NoModel):
            await write(supervisor)


@scenario
async def test_a_death_while_loading_is_told_and_can_be_tried_again(models):
    async with supervising() as (supervisor, _):
        opening = asyncio.ensure_future(supervisor.open(models[0]))
        await until(lambda: supervisor.worker_pid)
        os.kill(supervisor.worker_pid, signal.SIGKILL)
        with pytest.raises(WorkerDied):
            await opening
        assert (supervisor.phase, supervisor.loaded) == (Phase.DEAD, None)
        assert (await write(supervisor))[-1].tokens == 8


@scenario
async def test_the_last_of_several_openings_wins_and_the_others_are_cancelled(models):
    async with supervising() as (supervisor, _):
        first = asyncio.ensure_future(supervisor.open(models[0]))
        await until(lambda: supervisor.worker_pid)
        early = supervisor.worker_pid
        second = asyncio.ensure_future(supervisor.open(models[0]))
        await asyncio.sleep(0)
        last = asyncio.ensure_future(supervisor.open(models[1]))
        waiting = asyncio.ensure_future(write(supervisor))
        assert (await last).name == "two"
        for overtaken in (first, second):
            with pytest.raises(asyncio.CancelledError):
                await overtaken
        assert gone(early)
        assert supervisor.loaded.name == "two"
        assert isinstance((await waiting)[-1], Done)


@scenario
async def test_an_opening_that_nobody_waits_for_any_more_is_given_up(models):
    async with supervising() as (supervisor, _):
        opening = asyncio.ensure_future(supervisor.open(models[0]))
        await until(lambda: supervisor.worker_pid)
        pid = supervisor.worker_pid
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert supervisor.phase is Phase.EMPTY
        await until(lambda: gone(pid))


@scenario
async def test_a_model_that_does_not_open_leaves_no_worker(models):
    async with supervising() as (supervisor, _):
        with pytest.raises(NotFound):
            await supervisor.open(models[0] + ".absent")
        assert supervisor.phase is Phase.EMPTY
        assert isinstance(supervisor.failure, NotFound)
        await until(lambda: not supervisor._clients)
        with pytest.raises(NoModel):
            await write(supervisor)


@scenario
async def test_closing_while_a_model_loads_leaves_nothing_and_may_be_repeated(models):
    supervisor = Supervisor()
    opening = asyncio.ensure_future(supervisor.open(models[0]))
    await until(lambda: supervisor.worker_pid)
    pid = supervisor.worker_pid
    await supervisor.close()
    await supervisor.close()
    assert gone(pid)
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert supervisor.phase is Phase.CLOSING
    with pytest.raises(NoModel):
        await supervisor.open(models[0])
    with pytest.raises(NoModel):
        await write(supervisor)


@scenario
async def test_a_refused_request_leaves_the_model_open(models):
    async with supervising() as (supervisor, _):
        await supervisor.open(models[0])
        with pytest.raises(RequestRefused):
            await write(supervisor, prompt=Tokens((4096,)))
        assert supervisor.phase is Phase.READY


def test_it_runs_under_the_loop_of_the_window_too(qapp, models):
    qasync = pytest.importorskip("qasync")

    async def body():
        async with supervising() as (supervisor, _):
            await supervisor.open(models[0])
            running = asyncio.ensure_future(write(supervisor, HUGE))
            await asyncio.sleep(0.1)
            os.kill(supervisor.worker_pid, signal.SIGKILL)
            with pytest.raises(WorkerDied):
                await running
            assert (await write(supervisor))[-1].tokens == 8

    with qasync.QEventLoop(qapp) as loop:
        loop.run_until_complete(body())


@scenario
async def test_a_model_that_is_renamed_is_called_so_and_found_when_its_worker_starts_anew(models):
    old = Path(models[0]).with_name("before.pth")
    shutil.copy(models[0], old)
    new = old.with_name("after.pth")
    async with supervising() as (supervisor, _):
        await supervisor.open(str(old))
        tokens = tokens_of(await write(supervisor))
        old.rename(new)
        supervisor.follow(str(old.with_name("other.pth")), models[1])  # not the one that is open
        supervisor.follow(str(old), str(new))
        assert (supervisor.loaded.name, supervisor.loaded.path) == ("after", str(new))
        assert tokens_of(await write(supervisor)) == tokens
        os.kill(supervisor.worker_pid, signal.SIGKILL)
        await until(lambda: supervisor.phase is Phase.DEAD)
        supervisor.follow(str(new), str(new.rename(old)))  # while no worker is there
        assert tokens_of(await write(supervisor)) == tokens
        assert supervisor.loaded.name == "before"


@scenario
async def test_a_model_that_is_renamed_while_it_is_opened_is_called_by_its_new_name(models):
    async with supervising() as (supervisor, _):
        opening = asyncio.ensure_future(supervisor.open(models[0]))
        await until(lambda: supervisor.phase is Phase.LOADING)
        supervisor.follow(models[0], models[0].replace("one", "new"))
        assert (await opening).name == "new"
        assert supervisor.loaded.name == "new"


@scenario
async def test_a_model_that_is_renamed_before_its_worker_looks_for_it_is_opened_all_the_same(
    models,
):
    moments = (
        lambda supervisor: supervisor.phase is Phase.READY,  # asked for in this moment
        lambda supervisor: supervisor.phase is Phase.LOADING,  # the worker before is closed
        lambda supervisor: supervisor.worker_pid,  # its worker begins
    )
    for number, moment in enumerate(moments):
        asked = Path(models[1]).with_name(f"asked{number}.pth")
        shutil.copy(models[1], asked)
        async with supervising() as (supervisor, _):
            await supervisor.open(models[0])
            opening = asyncio.ensure_future(supervisor.open(str(asked)))
            await asyncio.sleep(0)
            if number:
                await until(lambda: supervisor.phase is Phase.LOADING)
            await until(lambda: moment(supervisor))  # noqa: B023
            now = asked.rename(asked.with_name(f"found{number}.pth"))
            supervisor.follow(str(asked), str(now))
            assert supervisor.loaded is None or supervisor.loaded.name == "one"
            loaded = await opening
            assert (loaded.name, loaded.path) == (f"found{number}", str(now))
            assert supervisor.loaded == loaded


@scenario
async def test_a_model_that_is_gone_when_its_worker_starts_anew_can_come_back(models):
    path = Path(models[0]).with_name("lent.pth")
    shutil.copy(models[0], path)
    async with supervising() as (supervisor, _):
        await supervisor.open(str(path))
        tokens = tokens_of(await write(supervisor))
        away = path.rename(path.with_name("away.pth"))
        os.kill(supervisor.worker_pid, signal.SIGKILL)
        await until(lambda: supervisor.phase is Phase.DEAD)
        for _ in range(2):
            with pytest.raises(MovedCheckpoint) as told:
                await write(supervisor)
            assert told.value.facts == {"path": str(path)}
        away.rename(path)
        assert tokens_of(await write(supervisor)) == tokens


@scenario
async def test_a_model_that_rests_gives_its_memory_back_and_comes_again_when_it_is_asked(models):
    async with supervising() as (supervisor, phases):
        loaded = await supervisor.open(models[0])
        first = tokens_of(await write(supervisor))
        before = supervisor.worker_pid
        await supervisor.rest()
        assert supervisor.phase is Phase.RESTING
        assert supervisor.failure is None
        assert supervisor.loaded == loaded
        await until(lambda: gone(before))
        assert tokens_of(await write(supervisor)) == first
        assert phases[-1] is Phase.READY
        assert supervisor.worker_pid not in (None, before)


@scenario
async def test_adapters_are_merged_again_when_the_worker_starts_anew(models):
    path = Path(models[0]).with_name("disha.pth")
    write_pth(path, adapters.shards(random_tensors("7.0", vocabulary=256))[0])
    async with supervising() as (supervisor, _):
        plain = await supervisor.open(models[0])
        first = tokens_of(await write(supervisor))
        merged = await supervisor.open(models[0], "", [MergedAdapter(os.fsencode(path))])
        assert merged.fingerprint != plain.fingerprint
        changed = tokens_of(await write(supervisor))
        assert changed != first
        os.kill(supervisor.worker_pid, signal.SIGKILL)
        await until(lambda: supervisor.phase is Phase.DEAD)
        assert tokens_of(await write(supervisor)) == changed
        assert supervisor.loaded.fingerprint == merged.fingerprint


@scenario
async def test_a_text_that_is_asked_for_while_the_model_goes_to_rest_is_written(models):
    async with supervising() as (supervisor, _):
        await supervisor.open(models[0])
        first = tokens_of(await write(supervisor))
        resting = asyncio.create_task(supervisor.rest())
        await asyncio.sleep(0)
        assert tokens_of(await write(supervisor)) == first
        await resting
        assert supervisor.phase is Phase.READY


@scenario
async def test_so_many_threads_compute_as_are_asked_for(models):
    async with supervising() as (supervisor, _):
        for asked in (1, 3):
            supervisor.threads = asked
            await supervisor.open(models[0])
            assert (await supervisor._client.measure(1 << 20)).threads == asked
