"""What a batch of the window asks of the open model, and its output made ready; no widget."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import NamedTuple

from app.batch.batch_run import RowRequests
from app.batch.begun_job import Beginning, job_before, seeded
from app.batch.job import Job
from app.batch.output_file import OutputFile
from app.batch.output_forms import form_of
from app.batch.prompt_template import PromptTemplate
from app.batch.row_files import Summary
from app.errors import NoModel, RequestRefused, TextRefused
from app.runtime.families.family import family_named
from app.runtime.planning.machine import this_machine
from app.runtime.protocol.messages import Loaded
from app.runtime.protocol.prompts import Chat, Text
from app.store.kept_batches import KeptBatch
from app.ui.state.chat.template_choice import usual_template
from app.ui.state.playground.token_words import options_of
from app.ui.state.services import Services
from app.ui.state.session import Session


class Prepared(NamedTuple):
    """All that a run needs; ``model`` is the path of the model, ``chat_template`` "" for none."""

    requests: RowRequests
    output: OutputFile
    job: Job
    model: str
    chat_template: str


def open_output(kept: KeptBatch, found: Summary) -> OutputFile:
    """The output of a batch that has begun, with its whole groups noted.

    Raises RequestRefused, DiskFull and StoreError.
    """
    path = Path(kept.output)
    before = job_before(path, resume=True)
    output = OutputFile(path, resume=True, form=form_of(path, found.columns))
    try:
        output.keep_groups_of(before.group if before else 1, found.rows)
    except BaseException:
        output.close()
        raise
    return output


async def opened_model(session: Session) -> Loaded:
    """The model that is open, waited for where it is being opened.  Raises NoModel."""
    if session.loaded is None or session.waits:
        await session.encode(Text(""))
    if session.loaded is None:
        raise NoModel
    return session.loaded


async def requests_of(
    services: Services, kept: KeptBatch, template: PromptTemplate, before: Job | None
) -> RowRequests:
    """How each row is asked for.  Raises as ``options_of`` and ``Session.encode`` do."""
    session = services.session
    loaded = await opened_model(session)
    chat, sampling = None, kept.settings.sampling or loaded.sampling
    if kept.chat:
        name = kept.chat_template or usual_template(services.settings, loaded)
        if not name:
            raise TextRefused
        chat = Chat(turns=(), template=name)
        family = family_named(loaded.family, loaded.tokenizer)
        sampling = kept.settings.sampling or family.recommended("off", name)
    options = await options_of(kept.settings, sampling, session.encode)
    return RowRequests(template, seeded(options, before), None, chat)


async def prepared(
    services: Services, kept: KeptBatch, found: Summary, template: PromptTemplate
) -> Prepared:
    """The job and the output, opened to be written; whoever gets it closes that.

    Raises RequestRefused, where another model is open than it was begun with why "batch-model" or
    "batch-way"; NoModel, DiskFull and StoreError.
    """
    thread, path = services.tasks.thread, Path(kept.output)
    if not kept.begun and await thread(path.exists):
        raise RequestRefused(why="output-there", path=str(path))
    before = await thread(lambda: job_before(path, resume=True)) if kept.begun else None
    loaded = await opened_model(services.session)
    if before is not None:
        _check_model(before, loaded, kept)
    requests = await requests_of(services, kept, template, before)
    gpus, rates = services.gpus, services.session.rates
    machine = await thread(this_machine, rates, gpus=gpus.usable)
    beginning = Beginning(loaded, requests, found, machine, "", kept.group)
    output, job = await _kept_whole(thread(_made_ready, beginning, path, kept, before))
    name = requests.chat.template if requests.chat else ""
    return Prepared(requests, output, job, loaded.path, name)


async def _kept_whole(work: Awaitable[tuple[OutputFile, Job]]) -> tuple[OutputFile, Job]:
    """What a thread has opened is closed again where nobody waits for it any more."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_close_left)
        raise


def _close_left(task: "asyncio.Future[tuple[OutputFile, Job]]") -> None:
    if not task.cancelled() and task.exception() is None:
        task.result()[0].close()


def _made_ready(
    beginning: Beginning, path: Path, kept: KeptBatch, before: Job | None
) -> tuple[OutputFile, Job]:
    form = form_of(path, beginning.found.columns)
    output = OutputFile(path, resume=kept.begun, form=form)
    try:
        return output, beginning.make_ready(output, before)
    except BaseException:
        output.close()
        raise


def _check_model(before: Job, loaded: Loaded, kept: KeptBatch) -> None:
    if before.model != loaded.fingerprint:
        name = Path(kept.model).name if kept.model else ""
        raise RequestRefused(why="batch-model", found=loaded.name, wanted=name)
    if before.strategy != loaded.strategy:
        raise RequestRefused(why="batch-way", found=loaded.strategy, wanted=before.strategy)
