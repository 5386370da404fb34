"""The output of a batch: JSON lines, sorted by row, on the disk group by group; knows no model."""

import contextlib
import json
import os
from collections.abc import Iterable
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

from app.errors import NotFound, RequestRefused, StoreError
from app.system.atomic_file import unwritten
from app.system.file_lock import locked

_SPLITTING = {ord(c): f"\\u{ord(c):04x}" for c in "\x7f\x85\u2028\u2029"}


class _Line(NamedTuple):
    """Where a line ends, in bytes, and whether it tells of an error."""

    end: int
    failed: bool


class OutputFile:
    """The file at ``path``, which nobody else appends to meanwhile.

    So many ``lines`` are in it, and ``failed`` of them tell of an error.

    ``resume`` goes on with what is there; without it there must be nothing.  Raises RequestRefused
    (why "output-exists", "output-busy"), DiskFull and StoreError.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        self.path, self.lines, self.failed = path, 0, 0
        self._file = self._opened(resume=resume)
        if not locked(self._file.fileno()):
            self._file.close()
            raise RequestRefused(why="output-busy", path=str(path))
        self._file.seek(0)  # locking may have moved it

    def keep_groups_of(self, rows: int, total: int) -> None:
        """Take back what follows the last whole group of ``rows``: a kill may have cut it.

        The last group of the ``total`` rows may be smaller.  Raises RequestRefused (why
        "output-other") for lines that are not those of a batch, or more than it has.
        """
        whole = self._whole_lines()
        if len(whole) > total:
            raise RequestRefused(why="output-other", path=str(self.path))
        kept = whole if len(whole) == total else whole[: len(whole) // rows * rows]
        self.lines, self.failed = len(kept), sum(line.failed for line in kept)
        self._cut(kept[-1].end if kept else 0)

    def append(self, rows: Iterable[dict[str, Any]]) -> None:
        """Write one line for each, all in one go, and wait until they are on the disk.

        Raises DiskFull and StoreError; nothing of them is left in the file then.
        """
        rows = list(rows)
        lines = [line_of(row) for row in rows]
        before = self._file.tell()
        try:
            rest = memoryview(b"".join(lines))
            while rest:  # the system may take a part of it
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            with contextlib.suppress(OSError, StoreError):
                self._cut(before)
            raise unwritten(error, str(self.path)) from error
        self.lines += len(rows)
        self.failed += sum("error" in row for row in rows)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is in it."""
        return os.fstat(self._file.fileno()).st_size == 0

    def close(self) -> None:
        """Close it, which also frees it for others."""
        self._file.close()

    def _opened(self, *, resume: bool) -> FileIO:
        """Unbuffered, so that nothing is left to be written by itself after a failure."""
        try:
            if not resume:
                return self.path.open("x+b", buffering=0)
            with contextlib.suppress(FileNotFoundError):
                return self.path.open("r+b", buffering=0)
            return self.path.open("x+b", buffering=0)
        except FileExistsError as error:
            raise RequestRefused(why="output-exists", path=str(self.path)) from error
        except FileNotFoundError as error:
            raise NotFound(path=str(self.path.parent)) from error
        except OSError as error:
            raise unwritten(error, str(self.path)) from error

    def _whole_lines(self) -> list["_Line"]:
        """Every line that is whole and has its number."""
        self._file.seek(0)
        whole: list[_Line] = []
        end = 0
        with open(os.dup(self._file.fileno()), "rb") as file:
            for line in file:
                if not line.endswith(b"\n") or not line.strip(b"\0\n"):
                    break  # cut, or zeros that a power failure has left
                end += len(line)
                row = _row_in(line)
                if row.get("row") != len(whole):
                    raise RequestRefused(why="output-other", path=str(self.path))
                whole.append(_Line(end, "error" in row))
        return whole

    def _cut(self, size: int) -> None:
        try:
            self._file.truncate(size)
            self._file.seek(size)
        except OSError as error:
            raise unwritten(error, str(self.path)) from error


def line_of(row: dict[str, Any]) -> bytes:
    """One line of JSON in UTF-8, also for readers that split at every line end of Unicode.

    Half a surrogate pair, which is no UTF-8, is written as JSON's escape.
    """
    text = json.dumps(row, ensure_ascii=False, allow_nan=False).translate(_SPLITTING)
    try:
        return f"{text}\n".encode()
    except UnicodeEncodeError:
        return f"{json.dumps(row, allow_nan=False)}\n".encode("ascii")


def _row_in(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
