"""Rows of a CSV, TSV or JSONL file, or the lines of a text; knows no template and no model.

A file is read as a stream, so its size does not matter.  It is UTF-8, or UTF-16 or UTF-32 where its
first bytes say so.  What makes one row useless is told with that row and does not end the others.
"""

import codecs
import csv
import hashlib
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from app.errors import NotFound, RequestRefused, Unreadable

Kind = Literal["csv", "tsv", "jsonl", "text"]

TEXT = "text"
"""The column that a line of a text, or a JSON line that is a string, stands in."""

_KINDS: dict[str, Kind] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
_MARKS = (  # the longer ones first: that of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
_BLOCK = 1 << 20
_LARGEST_FIELD = 2**31 - 1  # a C long, which has 32 bits on Windows


@dataclass(frozen=True)
class Row:
    """One row: its values by column, as texts, or ``broken``: why there are none.

    ``raw`` is what stood there, where it could not be taken apart.
    """

    values: dict[str, str] = field(default_factory=dict)
    broken: RequestRefused | None = None
    raw: str = ""


@dataclass(frozen=True)
class Summary:
    """What one reading of all rows showed.

    ``columns`` are the names, in the order in which they came; ``repeated`` are those that stand
    twice in a header.  ``digest`` tells the bytes of the file from others.
    """

    columns: tuple[str, ...]
    repeated: frozenset[str]
    rows: int
    digest: str


class RowFile:
    """The rows of the file at ``path``; "-" is stdin.  What is no file is kept in memory.

    The name's ending tells what it is; without one that is known, each line is a row.  Raises
    Unreadable.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.kind: Kind = _KINDS.get(Path(path).suffix.lower(), "text")
        self._columns: dict[str, None] = {}
        self._repeated: set[str] = set()
        self._seen: tuple[int, int] | None = None
        self._piped = self._of_pipe()

    def rows(self) -> Iterator[Row]:
        """All rows, from the first; may be called again.

        Raises NotFound, Unreadable, and RequestRefused for quotes in a CSV or TSV that do not
        close, since nobody knows then where a row ends.
        """
        with self._opened() as file:
            yield from self._read(file)

    def summary(self) -> Summary:
        """Read it once to its end.  Raises as ``rows`` does."""
        with self._opened() as file:
            self._seen = self._looks()
            digest = hashlib.sha256()
            while block := file.read(_BLOCK):
                digest.update(block)
        self._columns, self._repeated = {}, set()
        count = sum(1 for _ in self.rows())
        return Summary(tuple(self._columns), frozenset(self._repeated), count, digest.hexdigest())

    def check_unchanged(self) -> None:
        """Raise RequestRefused (why "rows-changed") if it is another file than it was then."""
        if self._seen is not None and self._looks() != self._seen:
            raise RequestRefused(why="rows-changed", path=self.path)

    def _looks(self) -> tuple[int, int] | None:
        """Its size and when it was changed, by which two versions of it are told apart."""
        if self._piped is not None:
            return None
        try:
            found = os.stat(self.path)
        except (OSError, ValueError):
            return 0, 0
        return found.st_size, found.st_mtime_ns

    def _of_pipe(self) -> bytes | None:
        """All of what can be read only once."""
        if self.path == "-":
            return sys.stdin.buffer.read()
        try:
            is_pipe = Path(self.path).exists() and not Path(self.path).is_file()
            return Path(self.path).read_bytes() if is_pipe else None
        except (OSError, ValueError) as error:
            raise Unreadable(path=self.path, said=getattr(error, "strerror", "") or "") from error

    def _opened(self) -> BinaryIO:
        if self._piped is not None:
            return io.BytesIO(self._piped)
        try:
            return Path(self.path).open("rb")
        except FileNotFoundError as error:
            raise NotFound(path=self.path) from error
        except (OSError, ValueError) as error:
            raise Unreadable(path=self.path, said=getattr(error, "strerror", "") or "") from error

    def _read(self, file: BinaryIO) -> Iterator[Row]:
        newline = "" if self.kind in ("csv", "tsv") else None
        try:
            encoding = _encoding_of(file)
            with io.TextIOWrapper(file, encoding=encoding, newline=newline) as lines:
                yield from self._taken_apart(lines)
        except UnicodeError as error:
            raise Unreadable(path=self.path, why="not-utf8") from error
        except OSError as error:
            raise Unreadable(path=self.path, said=error.strerror or "") from error

    def _taken_apart(self, lines: Iterable[str]) -> Iterator[Row]:
        if self.kind in ("csv", "tsv"):
            return self._table(lines)
        return self._json_lines(lines) if self.kind == "jsonl" else self._text_lines(lines)

    def _text_lines(self, lines: Iterable[str]) -> Iterator[Row]:
        self._columns[TEXT] = None
        for line in lines:
            yield Row({TEXT: line.removesuffix("\n")})

    def _json_lines(self, lines: Iterable[str]) -> Iterator[Row]:
        for line in lines:
            if not line.strip():
                continue
            row = _row_of_json(line.strip())
            self._columns.update(dict.fromkeys(row.values))
            yield row

    def _table(self, lines: Iterable[str]) -> Iterator[Row]:
        """Empty lines are no rows.  A row may be short; one with too many fields is broken."""
        csv.field_size_limit(_LARGEST_FIELD)
        dialect = "excel-tab" if self.kind == "tsv" else "excel"
        records = csv.reader(lines, dialect=dialect, strict=True)
        try:
            names = self._header(next((record for record in records if record), []))
            for record in records:
                if record:
                    yield _row_of_fields(names, record)
        except csv.Error as error:
            raise RequestRefused(
                why="rows-unread", path=self.path, line=records.line_num, said=str(error)
            ) from error

    def _header(self, record: list[str]) -> list[str]:
        names = [name.strip() for name in record]
        self._columns.update((name, None) for name in names if name)
        self._repeated |= {name for name in names if names.count(name) > 1}
        return names


def _encoding_of(file: BinaryIO) -> str:
    """By the mark at its beginning, or by the zeros of UTF-16 without one; UTF-8 otherwise."""
    begin = file.read(4)
    file.seek(0)
    for mark, encoding in _MARKS:
        if begin.startswith(mark):
            return encoding
    if len(begin) >= 2 and any(begin):
        for zeros, encoding in ((begin[::2], "utf-16-be"), (begin[1::2], "utf-16-le")):
            if not any(zeros):
                return encoding
    return "utf-8"


def _row_of_fields(names: list[str], record: list[str]) -> Row:
    if len(record) > len(names):
        return Row(
            broken=RequestRefused(why="row-fields", found=len(record), wanted=len(names)),
            raw=",".join(record),
        )
    # of two columns with one name neither is taken before the person says which
    return Row({name: value for name, value in zip(names, record, strict=False) if name})


def _row_of_json(line: str) -> Row:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return Row(broken=RequestRefused(why="row-no-json"), raw=line)
    if isinstance(value, str):
        return Row({TEXT: value})
    if not isinstance(value, dict):
        return Row(broken=RequestRefused(why="row-no-object"), raw=line)
    return Row({name: _as_text(inner) for name, inner in value.items()})


def _as_text(value: Any) -> str:
    """A text as it is, nothing for null, and everything else as JSON writes it."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
