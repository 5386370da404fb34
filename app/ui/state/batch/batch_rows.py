"""Rows of a batch as they are shown: of the file, of the group that is written, of a trial."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from app.batch.batch_run import Numbered
from app.batch.output_file import OutputFile
from app.batch.prompt_template import PromptTemplate
from app.errors import Failure


class RowState(Enum):
    """Where a row is."""

    WRITING = "writing"
    DONE = "done"
    FAILED = "failed"


class ShownRow(NamedTuple):
    """``number`` counts from 1; ``why`` is the reason of its end, or what went wrong."""

    number: int
    input: str
    text: str = ""
    state: RowState = RowState.WRITING
    why: str = ""


def shown_line(line: Mapping[str, Any], column: str = "") -> ShownRow:
    """A row that has ended; ``column`` is the one that {{text}} means, if it is one."""
    failed, given = bool(line.get("error")), line.get("input", "")
    if isinstance(given, Mapping) and column in given:
        given = given[column]
    return ShownRow(
        int(line.get("row", 0)) + 1,
        _words(given),
        str(line.get("text", "")),
        RowState.FAILED if failed else RowState.DONE,
        str(line.get("error") or line.get("stop_reason", "")),
    )


def shown_waiting(numbered: Numbered, template: PromptTemplate | None) -> ShownRow:
    """A row that is being written."""
    index, row = numbered
    return ShownRow(index + 1, _words(template.input_of(row) if template else row.values))


def stored_row(output: OutputFile, row: int, column: str = "") -> ShownRow:
    """A row that lies in the output; empty where that cannot be read any more."""
    try:
        return shown_line(output.read(row) or {"row": row}, column)
    except Failure:
        return ShownRow(row + 1, "", state=RowState.DONE)


def _words(value: object) -> str:
    """A row's own words; of several columns each with its name."""
    if not isinstance(value, Mapping):
        return str(value)
    if len(value) == 1:
        return str(next(iter(value.values())))
    return "\n".join(f"{name}: {inner}" for name, inner in value.items())
