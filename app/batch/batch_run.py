"""One run of a batch: rows become prompts, prompts texts, and each group's lines go to the disk.

Rows run in fixed groups.  All texts of a group begin together and use nothing that was remembered
of others, so a group that is run again has the same bytes.  Row i has the seed of the job + i.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

from app.errors import Failure, RequestRefused
from app.messages.failures import one_line
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.prompts import Chat, Prompt, Text, Turn
from app.runtime.protocol.states import StartState

from .batch_worker import Asked, BatchWorker, Result, WrittenText
from .groups import in_groups
from .output_file import OutputFile
from .prompt_template import PromptTemplate
from .row_files import Row


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` rows have a text; ``rows_per_s`` is of this run (0: not known yet)."""

    done: int
    total: int
    rows_per_s: float = 0.0

    @property
    def left_s(self) -> float | None:
        """How long the others will take, if that is known."""
        return (self.total - self.done) / self.rows_per_s if self.rows_per_s else None


@dataclass(frozen=True)
class RowRequests:
    """How a row is asked for: its template, as a ``chat`` or as it stands, and how to go on.

    ``options`` have the seed of row 0.  ``chat`` is what all conversations have in common.
    """

    template: PromptTemplate
    options: GenerateOptions
    start: StartState | None = None
    chat: Chat | None = None

    def prompt(self, row: Row) -> Prompt:
        """Raises RequestRefused where the row has none."""
        text = self.template.filled(row)
        if self.chat is None:
            return Text(text)
        return msgspec.structs.replace(self.chat, turns=(Turn("user", text),))

    def options_of(self, index: int) -> GenerateOptions:
        """With the row's own seed."""
        sampling = self.options.sampling
        own = msgspec.structs.replace(sampling, seed=(sampling.seed or 0) + index)
        return msgspec.structs.replace(self.options, sampling=own)


class BatchRun:
    """Writes the rows that ``output`` does not have yet; ``report`` hears of each text.

    ``kept`` rows were there before it; ``tokens`` and ``seconds`` are of this run.
    """

    def __init__(
        self,
        requests: RowRequests,
        output: OutputFile,
        total: int,
        report: Callable[[Progress], None],
    ) -> None:
        self._requests, self._output, self._total = requests, output, total
        self._report = report
        self.kept = output.lines
        self._in_group = 0
        self._began = time.perf_counter()
        self.tokens, self.seconds = 0, 0.0

    @property
    def progress(self) -> Progress:
        """How far it is."""
        done = self._output.lines + self._in_group
        seconds = self.seconds or time.perf_counter() - self._began
        new = done - self.kept
        return Progress(done, self._total, new / seconds if new and seconds > 0 else 0.0)

    def _note_text(self) -> None:
        """A text of the group that is being written has ended."""
        self._in_group = min(self._in_group + 1, self._total - self._output.lines)
        self._report(self.progress)

    async def run(self, rows: Iterable[Row], worker: BatchWorker, group: int) -> None:
        """All rows from the first one that is missing, in groups of ``group``.

        Raises WorkerDied where the worker does whatever row it is given, DiskFull and StoreError.
        """
        self._began = time.perf_counter()
        numbered = islice(enumerate(rows), self.kept, None)
        for some in in_groups(numbered, group):
            self._in_group = 0
            lines = await self._lines(some, worker)
            self._in_group = 0
            self._output.append(lines)
            self._report(self.progress)
        self.seconds = time.perf_counter() - self._began

    async def _lines(
        self, some: list[tuple[int, Row]], worker: BatchWorker
    ) -> list[dict[str, Any]]:
        asked: list[Asked] = []
        results: dict[int, Result] = {}
        waiting = []
        for index, row in some:
            try:
                asked.append((self._requests.prompt(row), self._requests.options_of(index)))
                waiting.append(index)
            except RequestRefused as failure:
                results[index] = failure
        written = await worker.write(asked, self._requests.start, self._note_text)
        results.update(zip(waiting, written, strict=True))
        return [self._line(index, row, results[index]) for index, row in some]

    def _line(self, index: int, row: Row, result: Result) -> dict[str, Any]:
        """As a reply of a chat the text begins without the space that its template leaves."""
        line: dict[str, Any] = {"row": index, "input": self._requests.template.input_of(row)}
        if isinstance(result, Failure):
            return {**line, **_failed(result)}
        self.tokens += len(result.tokens)
        return {**line, **_written(result, answers=self._requests.chat is not None)}


def _written(result: WrittenText, *, answers: bool) -> dict[str, Any]:
    text = result.text.lstrip() if answers else result.text
    return {"text": text, "tokens": result.tokens, "stop_reason": result.reason}


def _failed(failure: Failure) -> dict[str, Any]:
    return {"text": "", "tokens": [], "stop_reason": "error", "error": one_line(failure)}
