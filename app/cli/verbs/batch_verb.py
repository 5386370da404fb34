"""``rookery batch``: rows of a file through a prompt template, many at once."""

import asyncio
import contextlib
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from app.batch.batch_run import BatchRun, Progress, RowRequests
from app.batch.batch_worker import BatchWorker
from app.batch.begun_job import Beginning, job_before, seeded
from app.batch.job import Job, job_path
from app.batch.output_file import OutputFile
from app.batch.output_forms import form_of
from app.batch.prompt_template import PromptTemplate, names_in, template_for
from app.batch.row_files import RowFile, Summary
from app.cli.choices import (
    adapters_of,
    generate_options,
    grammar_of,
    limits_of,
    model_of,
    state_of,
)
from app.cli.output import Progress as Line
from app.cli.output import loading_line, note, note_loaded, note_state, note_thinking, print_json
from app.errors import RequestRefused, TextRefused
from app.messages.translate import tr
from app.messages.units import duration
from app.runtime.families.family import family_named
from app.runtime.planning.machine import this_machine
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.grammars import Grammar
from app.runtime.protocol.messages import Loaded
from app.runtime.protocol.prompts import Chat
from app.runtime.protocol.states import StateLoaded

_NEXT_S = 10.0  # between two lines of progress where no terminal shows it


def run(options: Namespace) -> int:
    """Write the output.  Raises the failures of rows, template, output, loading and writing."""
    grammar = grammar_of(options, options.input)
    rows = RowFile(options.input)
    found = rows.summary()
    if not found.rows:
        raise RequestRefused(why="rows-none", path=options.input)
    template = template_for(options.template, options.column, found)
    if not names_in(options.template):
        told = tr("the template names no column, so all rows have the same prompt")
        note(f"rookery: {told}")
    before = job_before(Path(options.output), resume=options.resume)
    try:
        asyncio.run(_Batch(options, (rows, found), (template, grammar), before).run())
    except KeyboardInterrupt:
        told = tr("stopped; the same command with --resume goes on from the rows that are done")
        note(f"rookery: {told}")
        raise
    return 0


class _Batch:
    """One run of the verb: a worker, its job, and the output."""

    def __init__(
        self,
        options: Namespace,
        rows: tuple[RowFile, Summary],
        form: tuple[PromptTemplate, Grammar | None],
        before: Job | None,
    ) -> None:
        self._options, self._before = options, before
        self._template, self._grammar = form
        self._rows, self._found = rows
        self._path = Path(options.output)
        self._shown = _Shown()

    async def run(self) -> None:
        strategy = self._options.strategy
        if not strategy and self._before is not None:
            strategy = self._before.strategy
        path, adapters = str(model_of(self._options)), adapters_of(self._options)
        worker = BatchWorker(path, strategy, limits_of(self._options), adapters)
        try:
            loaded = await worker.open(self._shown.loading)
            self._shown.clear()
            note_loaded(loaded)
            start = state_of(self._options)
            state = await worker.load_state(start) if start else None
            if state:
                note_state(state)
            chat = self._chat(loaded)
            usual = self._usual(loaded, chat)
            requests = RowRequests(self._template, seeded(usual, self._before), start, chat)
            with contextlib.closing(self._opened()) as output:
                job = self._beginning(loaded, requests, state).make_ready(output, self._before)
                batch = BatchRun(requests, output, self._found.rows, self._shown.progress)
                await batch.run(self._rows, worker, job.group)
                if self._options.retry:
                    await batch.retry(self._rows, worker, job.group)
        finally:
            self._shown.clear()
            await worker.close()
        self._tell(batch, output, job)

    def _opened(self) -> OutputFile:
        form = form_of(self._path, self._found.columns)
        return OutputFile(self._path, resume=self._options.resume, form=form)

    def _chat(self, loaded: Loaded) -> Chat | None:
        """What each row's conversation has in common; the guide, without --model, only answers."""
        options = self._options
        if not (options.chat or options.chat_template or options.think != "off"):
            if options.model is not None:
                return None
            note(tr("The guide answers; --model FILE continues the texts with a model instead."))
        template = options.chat_template or next(iter(loaded.templates), "")
        if not template:
            raise TextRefused
        note_thinking(options.think, template)
        return Chat(turns=(), template=template, think=options.think)

    def _usual(self, loaded: Loaded, chat: Chat | None) -> GenerateOptions:
        family = family_named(loaded.family, loaded.tokenizer)
        usual = family.recommended(chat.think, chat.template) if chat else loaded.sampling
        return generate_options(self._options, usual, self._grammar)

    def _beginning(
        self, loaded: Loaded, requests: RowRequests, state: StateLoaded | None
    ) -> Beginning:
        start = state.facts.checksum if state else ""
        group = self._options.batch
        return Beginning(loaded, requests, self._found, this_machine(), start, group)

    def _tell(self, batch: BatchRun, output: OutputFile, job: Job) -> None:
        progress, written = batch.progress, output.lines - batch.kept
        total = self._found.rows
        told = tr(
            "{lines} of {total} rows are in {name}: {kept} from before, {written} written now in "
            "{seconds} s ({rate} rows/s)"
        ).format(
            lines=output.lines,
            total=total,
            name=repr(self._path.name),
            kept=batch.kept,
            written=written,
            seconds=f"{batch.seconds:.1f}",
            rate=f"{progress.rows_per_s:.2f}",
        )
        note(f"rookery: {told}")
        if output.failed:
            told = tr('{} of them failed; their lines say why, as "error"').format(output.failed)
            note(f"rookery: {told}")
        if self._options.json:
            print_json(
                {
                    "rows": output.lines,
                    "written": written,
                    "resumed": batch.kept,
                    "failed": output.failed,
                    "tokens": batch.tokens,
                    "seconds": batch.seconds,
                    "rows_per_s": progress.rows_per_s,
                    "tokens_per_s": batch.tokens / batch.seconds if batch.seconds else 0.0,
                    "batch": job.group,
                    "seed": job.options["seed"],
                    "strategy": job.strategy,
                    "output": str(self._path),
                    "job": str(job_path(self._path)),
                }
            )


class _Shown:
    """Progress on stderr: one line that changes on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._line, self._next_s = Line(), 0.0

    def loading(self, done: Any) -> None:
        self._line.show(loading_line(done.done, done.total))

    def progress(self, progress: Progress) -> None:
        words = tr("{done} of {total} rows").format(done=progress.done, total=progress.total)
        if progress.left_s is not None:
            told = tr("{rate} rows/s, {time} left")
            rate, left = f"{progress.rows_per_s:.2f}", duration(progress.left_s)
            words = f"{words}, {told.format(rate=rate, time=left)}"
        if self._line.is_seen:
            self._line.show(words)
        elif time.monotonic() >= self._next_s and progress.done < progress.total:
            self._next_s = time.monotonic() + _NEXT_S
            note(f"rookery: {words}")

    def clear(self) -> None:
        self._line.clear()
