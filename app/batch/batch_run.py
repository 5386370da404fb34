"""One run of a batch: rows become prompts, prompts texts, and each group's lines go to the disk.

Rows run in fixed groups.  All texts of a group begin together and use nothing that was remembered
of others, so a group that is run again has the same bytes.  Row i has the seed of the job + i.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

from app.errors import Failure, RequestRefused
from app.messages.failures import one_line
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.prompts import Chat, Prompt, Text, Turn
from app.runtime.protocol.states import StartState

from .group_writer import Asked, GroupWriter, Result, WrittenText
from .groups import in_groups
from .output_file import OutputFile
from .prompt_template import PromptTemplate
from .row_files import Row, RowFile

Numbered = tuple[int, Row]


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
        return msgspec.structs.replace(self.chat, turns=(*self.chat.turns, Turn("user", text)))

    def options_of(self, index: int) -> GenerateOptions:
        """With the row's own seed."""
        sampling = self.options.sampling
        own = msgspec.structs.replace(sampling, seed=(sampling.seed or 0) + index)
        return msgspec.structs.replace(self.options, sampling=own)

    async def lines(
        self, some: list[Numbered], writer: GroupWriter, on_line: Callable[[dict[str, Any]], None]
    ) -> list[dict[str, Any]]:
        """What comes of some rows that are written together; ``on_line`` is told of each.

        Raises as ``GroupWriter.write`` does.
        """
        asked: list[Asked] = []
        found: dict[int, dict[str, Any]] = {}
        waiting: list[Numbered] = []
        for index, row in some:
            try:
                asked.append((self.prompt(row), self.options_of(index)))
                waiting.append((index, row))
            except RequestRefused as failure:
                found[index] = self.line(index, row, failure)
                on_line(found[index])
        written = await writer.write(
            asked, self.start, lambda place, result: on_line(self.line(*waiting[place], result))
        )
        for (index, row), result in zip(waiting, written, strict=True):
            found[index] = self.line(index, row, result)
        return [found[index] for index, _ in some]

    def line(self, index: int, row: Row, result: Result) -> dict[str, Any]:
        """As a reply of a chat the text begins without the space that its template leaves."""
        line: dict[str, Any] = {"row": index, "input": self.template.input_of(row)}
        if isinstance(result, Failure):
            return {**line, **_failed(result)}
        return {**line, **_written(result, answers=self.chat is not None)}


class BatchRun:
    """Writes the rows that ``output`` does not have yet; ``report`` hears of each text.

    ``kept`` rows were there before it; ``tokens`` and ``seconds`` are of this run.  ``group`` are
    the rows that are written now, and ``ended`` what came of those of them that have ended.
    """

    def __init__(
        self,
        requests: RowRequests,
        output: OutputFile,
        total: int,
        report: Callable[[Progress], None],
    ) -> None:
        self._requests, self._output = requests, output
        self._report = report
        self.kept = self._done = output.lines
        self._total, self._new = total, 0
        self._began = time.perf_counter()
        self.tokens, self.seconds = 0, 0.0
        self.group: list[Numbered] = []
        self.ended: dict[int, dict[str, Any]] = {}

    @property
    def progress(self) -> Progress:
        """How far it is."""
        seconds = self.seconds or time.perf_counter() - self._began
        new = self._new + len(self.ended)
        rate = new / seconds if new and seconds > 0 else 0.0
        return Progress(self._done + len(self.ended), self._total, rate)

    async def run(self, rows: RowFile, writer: GroupWriter, group: int) -> None:
        """All rows from the first one that is missing, in groups of ``group``.

        Raises WorkerDied where the worker does whatever row it is given, NoModel where the model
        is taken away, RequestRefused (why "rows-changed"), DiskFull and StoreError.
        """
        numbered = islice(enumerate(rows.rows()), self.kept, None)
        await self._all(in_groups(numbered, group), rows, writer, self._append)

    async def retry(self, rows: RowFile, writer: GroupWriter, group: int) -> None:
        """The rows that failed, once more, in groups of their own.  Raises as ``run`` does."""
        failed = set(self._output.failed_rows)
        numbered = ((index, row) for index, row in enumerate(rows.rows()) if index in failed)
        self._done, self._total, self._new = 0, len(failed), 0
        await self._all(in_groups(numbered, group), rows, writer, self._replace)

    async def _all(
        self,
        groups: Iterator[list[Numbered]],
        rows: RowFile,
        writer: GroupWriter,
        keep: Callable[[list[dict[str, Any]]], None],
    ) -> None:
        """Files are read and written in threads, so that whoever shows this goes on meanwhile."""
        self._began, before = time.perf_counter(), self.seconds
        try:
            while self._start(await asyncio.to_thread(next, groups, [])):
                lines = await self._requests.lines(self.group, writer, self._note)
                await asyncio.to_thread(rows.check_unchanged)
                await asyncio.to_thread(keep, lines)
                self.tokens += sum(len(line["tokens"]) for line in lines)
                self._done, self._new = self._done + len(lines), self._new + len(lines)
                self._start([])
                self._report(self.progress)
        finally:
            self._start([])
            self.seconds = before + time.perf_counter() - self._began

    def _start(self, group: list[Numbered]) -> bool:
        self.group, self.ended = group, {}
        return bool(group)

    def _note(self, line: dict[str, Any]) -> None:
        """A text of the group that is being written has ended."""
        self.ended[line["row"]] = line
        self._report(self.progress)

    def _append(self, lines: list[dict[str, Any]]) -> None:
        self._output.append(lines, [row for _, row in self.group])

    def _replace(self, lines: list[dict[str, Any]]) -> None:
        self._output.replace({line["row"]: line for line in lines}, dict(self.group))


def _written(result: WrittenText, *, answers: bool) -> dict[str, Any]:
    text = result.text.lstrip() if answers else result.text
    return {"text": text, "tokens": result.tokens, "stop_reason": result.reason}


def _failed(failure: Failure) -> dict[str, Any]:
    return {"text": "", "tokens": [], "stop_reason": "error", "error": one_line(failure)}
