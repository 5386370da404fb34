"""The forms of an output: lines of JSON, or a table with the columns of its input.

Each row ends where its bytes end, and can be told from one that was cut.
"""

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from .row_files import Row

_SPLITTING = {ord(c): f"\\u{ord(c):04x}" for c in "\x7f\x85\u2028\u2029"}
_DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_OWN = ("row", "output", "stop_reason", "tokens", "error")


class Stored(NamedTuple):
    """Where a row that is in the file ends, in bytes, its number, and whether it failed.

    ``number`` is None for what is no row of a batch.
    """

    end: int
    number: int | None
    failed: bool


class OutputForm(ABC):
    """How rows become bytes and are found again."""

    head = b""
    """What stands before the first row."""

    @abstractmethod
    def bytes_of(self, line: dict[str, Any], row: Row) -> bytes:
        """One row: what came of it, and the row of the input."""

    @abstractmethod
    def stored(self, file: BinaryIO) -> Iterator[Stored]:
        """The whole rows of a file, from its beginning, up to the first that is cut."""

    @abstractmethod
    def line_in(self, written: bytes) -> dict[str, Any]:
        """What came of a row, as JSON lines have it, from its bytes; {} where they are none."""


class JsonLines(OutputForm):
    """A line of JSON for each row."""

    def bytes_of(self, line: dict[str, Any], row: Row) -> bytes:
        return line_of(line)

    def stored(self, file: BinaryIO) -> Iterator[Stored]:
        end = 0
        for written in file:
            if not written.endswith(b"\n") or not written.strip(b"\0\n"):
                return  # cut, or zeros that a power failure has left
            end += len(written)
            line = self.line_in(written)
            number = line.get("row")
            yield Stored(end, number if isinstance(number, int) else None, "error" in line)

    def line_in(self, written: bytes) -> dict[str, Any]:
        try:
            found = json.loads(written)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


class Table(OutputForm):
    """CSV or TSV as RFC 4180 has it: a header, the input's own ``columns``, and what came of them.

    The number of the row comes first; ``output``, ``stop_reason``, how many ``tokens`` it has and
    the ``error`` last.  A name that is a column of the input already gets a _ behind it.
    """

    def __init__(self, columns: Sequence[str], delimiter: str = ",") -> None:
        self._columns, self._delimiter = tuple(columns), delimiter
        self._own = tuple(_free(name, columns) for name in _OWN)
        self.head = self._record((self._own[0], *self._columns, *self._own[1:]))

    def bytes_of(self, line: dict[str, Any], row: Row) -> bytes:
        values = [row.values.get(name, "") for name in self._columns]
        if row.broken and values:
            values[0] = row.raw
        own = (line["text"], line["stop_reason"], len(line["tokens"]), line.get("error", ""))
        return self._record((line["row"], *values, *own))

    def stored(self, file: BinaryIO) -> Iterator[Stored]:
        """A record ends at the first line end outside of quotes."""
        end, parts, quotes = 0, list[bytes](), 0
        for written in file:
            parts.append(written)
            quotes += written.count(b'"')
            if quotes % 2 or not written.endswith(b"\n"):
                continue
            record, parts, quotes = b"".join(parts), [], 0
            if not record.strip(b"\0\r\n"):
                return
            end += len(record)
            if end == len(record) and record == self.head:
                continue
            line = self.line_in(record)
            yield Stored(end, line.get("row"), bool(line.get("error")))

    def line_in(self, written: bytes) -> dict[str, Any]:
        try:
            text = io.StringIO(written.decode("utf-8"), newline="")
            (record,) = csv.reader(text, delimiter=self._delimiter, strict=True)
            number, *values = record
            text_of, reason, tokens, error = values[len(self._columns) :]
            line = {"row": int(number), "input": dict(zip(self._columns, values, strict=False))}
            line |= {"text": text_of, "stop_reason": reason, "token_count": int(tokens)}
        except (ValueError, csv.Error):
            return {}
        return {**line, "error": error} if error else line

    def _record(self, fields: Iterable[Any]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self._delimiter).writerow(fields)
        return text.getvalue().encode("utf-8", "replace")


def form_of(path: Path, columns: Sequence[str]) -> OutputForm:
    """By the ending of its name: a table for .csv and .tsv, else lines of JSON."""
    delimiter = _DELIMITERS.get(path.suffix.lower())
    return JsonLines() if delimiter is None else Table(columns, delimiter)


def line_of(row: dict[str, Any]) -> bytes:
    """One line of JSON in UTF-8, also for readers that split at every line end of Unicode.

    Half a surrogate pair, which is no UTF-8, is written as JSON's escape.
    """
    text = json.dumps(row, ensure_ascii=False, allow_nan=False).translate(_SPLITTING)
    try:
        return f"{text}\n".encode()
    except UnicodeEncodeError:
        return f"{json.dumps(row, allow_nan=False)}\n".encode("ascii")


def _free(name: str, columns: Sequence[str]) -> str:
    while name in columns:
        name += "_"
    return name
