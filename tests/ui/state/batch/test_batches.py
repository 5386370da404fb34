"""Batches of the window: tried, run, paused, gone on with, beside a chat and after a restart."""

import json
import os
from pathlib import Path

import pytest

from app.batch.job import job_path
from app.batch.output_file import OutputFile
from app.cli import run as command
from app.errors import DiskFull
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.prompts import Sampling, Text
from app.ui.state.batch.batch import Stage
from app.ui.state.batch.batch_rows import RowState
from app.ui.state.batch.batches import Batches
from tests.ui.conftest import settled, until
from tests.ui.playground.conftest import (  # noqa: F401 (fixtures)
    Desk,
    desk,
    model_file,
    services,
    small_model,
)

RANDOM = Sampling(temperature=1.5, top_p=1, seed=40)


def table(folder, count=11, name="rows.csv"):
    path = folder / name
    rows = "".join(f'"a question, number {at}",{at}\n' for at in range(count))
    path.write_text(f"text,place\n{rows}", encoding="utf-8")
    return path


async def begun(desk, path, *, limit=20, group=3):  # noqa: F811
    await desk.session.opened(desk.model)
    batches = Batches(desk.services)
    batch = batches.add(path)
    await until(lambda: batch.stage is Stage.DRAFT)
    batch.configure(template="{{place}}. {{text}}:", chat=False, group=group)
    batch.configure(limit=limit, sampling=RANDOM)
    return batches, batch


def content(place):
    return Path(place).read_bytes()


def there(place):
    return os.path.lexists(place)


def by_command(model, rows, output, *more):
    asked = ["batch", "--model", str(model), "--strategy", "cpu fp32", "--input", str(rows)]
    asked += ["--template", "{{place}}. {{text}}:", "--output", str(output), "--batch", "3"]
    asked += ["--max-tokens", "20", "--temperature", "1.5", "--top-p", "1", "--seed", "40", *more]
    assert command(asked) == 0
    return content(output)


@pytest.fixture(scope="module")
def undisturbed(model_file, tmp_path_factory):  # noqa: F811
    """What the command line writes for these rows, in a worker of its own."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return by_command(model_file, table(folder), folder / "out.csv", "--presence", "0")


async def test_rows_are_tried_then_run_beside_a_chat_into_the_file_of_the_command_line(
    desk: Desk,  # noqa: F811
    tmp_path,
    undisturbed,
):
    batches, batch = await begun(desk, table(tmp_path))
    batch.try_some()
    await until(lambda: len(batch.tried) == 3)
    await until(lambda: batch.stage is Stage.DRAFT)
    assert batch.row(2).input == "a question, number 2"
    assert batch.row(2).text
    output = batch.kept.output
    assert output == str(tmp_path / "rows-output.csv")
    assert not there(output)

    batches.start(batch)
    await until(lambda: batch.stage is Stage.RUNNING and batch.row_count > 0)
    greedy = GenerateOptions(limit=15, sampling=Sampling(temperature=0, banned=(0,)))
    words = [event async for event in desk.session.generate(Text("Hello?"), greedy)]
    assert words[-1].reason == "limit"
    assert batch.stage is Stage.RUNNING, "the chat was answered meanwhile"
    batch.pause()
    await until(lambda: batch.stage is Stage.PAUSED)
    assert undisturbed.startswith(content(output))
    batches.start(batch)
    await until(lambda: batch.stage is Stage.DONE)
    assert content(output) == undisturbed
    assert [batch.row(at).number for at in range(11)] == list(range(1, 12))
    assert batch.row(10).state is RowState.DONE
    assert batch.progress.done == 11


async def test_a_closed_window_leaves_a_batch_that_the_next_one_offers_to_go_on_with(
    desk: Desk,  # noqa: F811
    tmp_path,
    undisturbed,
):
    batches, batch = await begun(desk, table(tmp_path))
    batches.start(batch)
    await until(lambda: batch.progress is not None and batch.progress.done >= 3)
    kept = desk.services.settings.now.batches[batch.kept.id]
    assert kept.running
    assert kept.begun
    batch._task.cancel()  # as the end of the program does
    batch._services.tasks._closed = True
    await until(lambda: batch._task is None)
    batch._services.tasks._closed = False
    assert desk.services.settings.now.batches[batch.kept.id].running

    later = Batches(desk.services)
    assert later.interrupted == [batch.kept.id]
    (again,) = later.all
    later.choose(again)
    again.go_on_when_read()
    await until(lambda: again.stage is Stage.DONE)
    assert content(again.kept.output) == undisturbed
    assert not desk.services.settings.now.batches[batch.kept.id].running


async def test_two_batches_run_one_after_the_other_and_have_files_of_their_own(
    desk: Desk,  # noqa: F811
    tmp_path,
):
    path = table(tmp_path, 4)
    batches, first = await begun(desk, path, limit=4)
    batches.start(first)
    await until(lambda: first.stage in (Stage.RUNNING, Stage.DONE))
    second = batches.add(path)
    await until(lambda: second.stage is Stage.DRAFT)
    second.configure(template="{{text}}", chat=False, limit=3)
    batches.start(second)
    batches.start(second)
    assert second.stage in (Stage.QUEUED, Stage.RUNNING)
    await until(lambda: first.stage is Stage.DONE and second.stage is Stage.DONE)
    assert there(first.kept.output)
    assert second.kept.output != first.kept.output
    batches.remove(first)
    third = batches.add(path)
    await until(lambda: third.stage is Stage.DRAFT)
    third.configure(template="{{text}}", chat=False, limit=100_000)  # so that it lasts
    batches.start(third)
    await until(lambda: third._task is not None)
    task = third._task
    batches.remove(third)  # while it runs
    await until(task.done)
    await settled()
    assert list(desk.services.settings.now.batches) == [second.kept.id]
    assert batches.all == [second]


async def test_what_stands_in_the_way_is_told_and_loses_nothing(
    desk: Desk,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    path = table(tmp_path, 7)
    batches, batch = await begun(desk, path, limit=4)
    mine = tmp_path / "there.csv"
    mine.write_text("mine")
    batch.configure(output=str(mine))
    batches.start(batch)
    await until(lambda: batch.failure is not None)
    assert batch.failure.facts["why"] == "output-there"
    assert batch.stage is Stage.DRAFT
    assert mine.read_text() == "mine"

    batch.configure(output=str(tmp_path / "out.jsonl"))

    append = OutputFile.append

    def full(output, lines, rows=()):
        if output.lines:
            raise DiskFull(path="out.jsonl")
        append(output, lines, rows)

    with monkeypatch.context() as patch:
        patch.setattr("app.batch.output_file.OutputFile.append", full)
        batches.start(batch)
        await until(lambda: batch.failure is not None and batch.stage is Stage.PAUSED)
    assert isinstance(batch.failure, DiskFull)

    path.write_text(path.read_text() + "one more,7\n")
    batches.start(batch)
    await until(lambda: batch.failure is not None and batch.stage is Stage.PAUSED)
    assert batch.failure.facts["why"] == "job-differs"
    assert batch.kept.done == 3
    table(tmp_path, 7)
    batches.start(batch)
    await until(lambda: batch.stage is Stage.DONE)
    lines = [json.loads(text) for text in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [one["row"] for one in lines] == list(range(7))


async def test_rows_that_fail_are_told_and_run_once_more_when_that_is_asked(
    desk: Desk,  # noqa: F811
    tmp_path,
):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "one"}\nno json\n{"text": "three"}\n')
    await desk.session.opened(desk.model)
    batches = Batches(desk.services)
    batch = batches.add(path)
    await until(lambda: batch.stage is Stage.DRAFT)
    batch.configure(chat=False, limit=3)
    batches.start(batch)
    await until(lambda: batch.stage is Stage.DONE)
    assert batch.failed == 1
    assert batch.row(1).state is RowState.FAILED
    assert "JSON" in batch.row(1).why
    before = content(batch.kept.output)
    batches.retry(batch)
    await until(lambda: batch.stage is Stage.DONE and batch._task is None)
    assert content(batch.kept.output) == before


async def test_it_waits_where_its_model_is_taken_away_and_goes_on_once_that_is_back(
    desk: Desk,  # noqa: F811
    tmp_path,
):
    batches, batch = await begun(desk, table(tmp_path), limit=60)
    batches.start(batch)
    await until(lambda: batch.stage is Stage.RUNNING and batch.row_count > 0)
    await desk.session.pause()
    await until(lambda: batch.stage is Stage.PAUSED)
    assert batch.waits_for_model
    await desk.session.opened(desk.model)
    await until(lambda: batch.stage in (Stage.RUNNING, Stage.DONE))
    batch.pause()
    await until(lambda: batch._task is None)


async def test_it_goes_on_with_the_model_and_the_way_that_it_was_begun_with_only(
    desk: Desk,  # noqa: F811
    tmp_path,
):
    batches, batch = await begun(desk, table(tmp_path), limit=30)
    batches.start(batch)
    await until(lambda: batch.progress is not None and batch.progress.done >= 3)
    batch.pause()
    await until(lambda: batch.stage is Stage.PAUSED)
    there_then, job = content(batch.kept.output), job_path(Path(batch.kept.output))
    words = job.read_text()
    for name, why in (("cpu fp32", "batch-way"), (desk.session.loaded.fingerprint, "batch-model")):
        job.write_text(words.replace(name, "another"))
        batches.start(batch)
        await until(lambda: batch.stage is Stage.PAUSED and batch.failure is not None)
        assert batch.failure.facts["why"] == why
        assert batch.wanted == (desk.session.loaded.path, "cpu fp32")
        assert batch.waits_for_model
        batch.failure = None
    assert content(batch.kept.output) == there_then
    job.write_text(words)
    await desk.session.opened(desk.model)  # as the button does
    await until(lambda: batch.stage is Stage.DONE)
    assert content(batch.kept.output).startswith(there_then)
