"""A grid is written way by way, the cells of each together, and equals single runs."""

import asyncio

import msgspec
import psutil
import pytest

from app.comparison.grid_run import Ended, Grew, GridRun, Opening
from app.errors import NotFound, WorkerDied
from app.runtime.planning.machine import Machine
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.prompts import Sampling, Tokens
from app.runtime.worker.client import Client
from app.store.comparisons.comparison_records import Grid, ModelRun, Place
from app.store.documents.document_records import WritingSettings
from tests.runtime.small_models import Desk, ask, small_file

from .engine_client import EngineClient

LIMIT = 10
FREE = Sampling(temperature=1.5, top_p=1.0, banned=(0,))


async def options_of(settings, sampling, _encode):
    return GenerateOptions(limit=settings.limit, sampling=sampling, stops=settings.stops)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(small_file(tmp_path_factory.mktemp("grid")))


def grid_of(model, strategies=("cpu fp32", "cpu int8"), **more):
    settings = (
        WritingSettings(sampling=FREE, limit=LIMIT),
        WritingSettings(sampling=Sampling(temperature=0, banned=(0,)), limit=LIMIT),
    )
    return Grid(
        **{"start": "Say {{text}}:", "prompts": ("rook", "crow and jay"), "seeds": (5, 9)}
        | {"settings": settings, "ways": tuple(ModelRun(model, one, "S") for one in strategies)}
        | more
    )


def written(grid, way, **more):
    """The answers of a way, and all that was told."""
    told = []

    async def write():
        run = GridRun(grid, options_of, told.append, **more)
        await run.write(way, range(len(grid.rows)))

    asyncio.run(write())
    return {step.place: step.answer for step in told if isinstance(step, Ended)}, told


def requests_of(grid, opened):
    """What the cells of a way ask for, each as a text that is written by itself."""
    for number, row in enumerate(grid.rows):
        settings = grid.settings[row.settings]
        ids = tuple(opened.tokenizer.encode(grid.text_of(row)))
        sampling = msgspec.structs.replace(settings.sampling, seed=row.seed)
        request = ask(number + 1, limit=LIMIT, sampling=sampling)
        yield msgspec.structs.replace(request, prompt=Tokens(ids, document=True))


def test_cells_of_a_way_run_as_one_batch_and_equal_single_runs(model):
    grid, clients = grid_of(model), EngineClient.fresh()
    answers, told = written(grid, 1, start=clients)
    (client,) = clients.started
    assert len(answers) == len(grid.rows) == 8
    assert client.together == [8]
    assert client.closed
    opened = clients.opened_files[model, "cpu int8"]
    asked = list(requests_of(grid, opened))
    batch = Desk(opened)
    batch.run(*asked)
    assert client.engine.forwards == batch.engine.forwards
    forwards = 0
    for place, request in zip(sorted(answers), asked, strict=True):
        desk = Desk(opened)
        ids, text = desk.run(request)[:2]
        forwards += desk.engine.forwards
        assert (answers[place].ids, answers[place].text) == (tuple(ids), text), place
        assert answers[place].reply.seed == grid.rows[place.row].seed
    assert client.engine.forwards < forwards / 3
    assert isinstance(told[0], Opening)
    grown = "".join(step.words for step in told if isinstance(step, Grew) and step.place.row == 3)
    assert grown == answers[Place(3, 1)].text


def test_where_memory_holds_few_texts_they_come_in_groups_and_stay_the_same(model):
    grid, few, many = grid_of(model), EngineClient.fresh(), EngineClient.fresh()
    small = Machine(memory_total=1 << 30, memory_available=(256 << 20) + 30_000)
    answers, _ = written(grid, 0, start=few, look=lambda: small)
    assert len(few.started[0].together) > 1
    together, _ = written(grid, 0, start=many)
    assert {place: one.ids for place, one in answers.items()} == {
        place: one.ids for place, one in together.items()
    }


def test_a_worker_writes_the_same_and_one_that_is_killed_says_so_in_every_cell(model):
    grid = grid_of(model)
    started = []

    def start():
        started.append(Client())
        return started[-1]

    mine, _ = written(grid, 0, start=EngineClient.fresh())
    answers, _ = written(grid, 0, start=start)
    assert {place: one.ids for place, one in answers.items()} == {
        place: one.ids for place, one in mine.items()
    }
    endless = grid_of(model, settings=(WritingSettings(sampling=FREE, limit=10**6),), prompts=())
    told = []

    def note(step):
        told.append(step)
        if isinstance(step, Grew):
            psutil.Process(started[-1].pid).kill()

    async def write():
        with pytest.raises(WorkerDied):
            await GridRun(endless, options_of, note, start=start).write(0, range(2))

    asyncio.run(write())
    ended = [step for step in told if isinstance(step, Ended)]
    assert [step.answer.reply.failure for step in ended] == ["worker-died"] * 2
    assert all(not psutil.pid_exists(client.pid) for client in started)


def test_cancelled_at_any_step_its_worker_ends_and_a_file_that_is_gone_is_a_failure(model):
    grid, clients = grid_of(model), EngineClient.fresh()

    async def write():
        for last in (0, 1, 2, 30):
            told, tasks = [], []

            def note(step, last=last, told=told, tasks=tasks):
                told.append(step)
                if len(told) == last:
                    tasks[0].cancel()

            run = GridRun(grid, options_of, note, start=clients)
            tasks.append(asyncio.ensure_future(run.write(0, range(8))))
            await asyncio.sleep(0)
            if not last:
                tasks[0].cancel()
            with pytest.raises(asyncio.CancelledError):
                await tasks[0]
            assert len(told) < 80
        gone = grid_of(model + ".gone", strategies=("cpu fp32",))
        with pytest.raises(NotFound):
            await GridRun(gone, options_of, lambda _: None, start=clients).write(0, range(1))

    asyncio.run(write())
    assert all(client.killed and client.closed for client in clients.started)
