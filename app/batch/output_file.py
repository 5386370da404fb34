"""The output of a batch, sorted by row, on the disk group by group; knows no model."""

import contextlib
import os
import threading
from array import array
from collections.abc import Iterable, Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO

from app.errors import NotFound, RequestRefused, StoreError, Unreadable
from app.system.atomic_file import replacing, unwritten
from app.system.file_lock import locked

from .output_forms import JsonLines, OutputForm, Stored
from .row_files import Row

_JSON_LINES = JsonLines()
_NO_ROW = Row()
_BLOCK = 1 << 20


class OutputFile:
    """The file at ``path``, which nobody else appends to meanwhile; may be used by two threads.

    So many ``lines`` are in it, and those in ``failed_rows`` tell of an error.

    ``resume`` goes on with what is there; without it there must be nothing.  Raises RequestRefused
    (why "output-exists", "output-busy"), DiskFull and StoreError.
    """

    def __init__(self, path: Path, *, resume: bool, form: OutputForm = _JSON_LINES) -> None:
        self.path, self._form = path, form
        self._ends, self._failed = array("q"), set[int]()
        self._lock = threading.RLock()
        self._file = self._opened(resume=resume)

    @property
    def lines(self) -> int:
        """How many rows are in it."""
        return len(self._ends)

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return len(self._failed)

    @property
    def failed_rows(self) -> list[int]:
        """Which of them failed, in order."""
        return sorted(self._failed)

    def keep_groups_of(self, rows: int, total: int) -> None:
        """Take back what follows the last whole group of ``rows``: a kill may have cut it.

        The last group of the ``total`` rows may be smaller.  Raises RequestRefused (why
        "output-other") for lines that are not those of a batch, or more than it has.
        """
        whole = self._whole_lines()
        if len(whole) > total:
            raise RequestRefused(why="output-other", path=str(self.path))
        kept = whole if len(whole) == total else whole[: len(whole) // rows * rows]
        self._note(kept)
        self._cut(kept[-1].end if kept else 0)

    def append(self, lines: Iterable[dict[str, Any]], rows: Sequence[Row] = ()) -> None:
        """Write what came of some ``rows``, all in one go, and wait until it is on the disk.

        Raises DiskFull and StoreError; nothing of them is left in the file then.
        """
        new = list(lines)
        written = [self._bytes(line, rows, at) for at, line in enumerate(new)]
        with self._lock:
            before = self._file.seek(0, os.SEEK_END)
            head = b"" if before else self._form.head
            try:
                rest = memoryview(b"".join((head, *written)))
                while rest:  # the system may take a part of it
                    rest = rest[self._file.write(rest) :]
                os.fsync(self._file.fileno())
            except OSError as error:
                with contextlib.suppress(OSError, StoreError):
                    self._cut(before)
                raise unwritten(error, str(self.path)) from error
            end = before + len(head)
            for line, one in zip(new, written, strict=True):
                end += len(one)
                if "error" in line:
                    self._failed.add(len(self._ends))
                self._ends.append(end)

    def replace(self, lines: Mapping[int, dict[str, Any]], rows: Mapping[int, Row]) -> None:
        """Other lines for rows that are in it already; the whole file is written anew.

        Raises DiskFull and StoreError; then it is as it was.
        """
        new = {at: self._form.bytes_of(line, rows.get(at, _NO_ROW)) for at, line in lines.items()}
        with self._lock:
            try:
                with replacing(self.path, through_links=True) as file:
                    self._copy_to(file, new)
                    self._file.close()  # Windows replaces no open file
            finally:
                if self._file.closed:
                    self._file = self._opened(resume=True)
            self._note(self._whole_lines())

    def read(self, row: int) -> dict[str, Any]:
        """What came of a row that is in it; also after it was closed.  Raises Unreadable."""
        with self._lock:
            if not 0 <= row < len(self._ends):
                return {}
            start = self._ends[row - 1] if row else len(self._form.head)
            size = self._ends[row] - start
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                return self._form.line_in(file.read(size))
        except OSError as error:
            raise Unreadable(path=str(self.path), said=error.strerror or "") from error

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is in it."""
        return os.fstat(self._file.fileno()).st_size == 0

    def close(self) -> None:
        """Close it, which also frees it for others; what is being written is waited for."""
        with self._lock:
            self._file.close()

    def _bytes(self, line: dict[str, Any], rows: Sequence[Row], at: int) -> bytes:
        return self._form.bytes_of(line, rows[at] if at < len(rows) else _NO_ROW)

    def _opened(self, *, resume: bool) -> FileIO:
        """Unbuffered, so that nothing is left to be written by itself after a failure; locked."""
        file = self._found(resume=resume)
        if not locked(file.fileno()):
            file.close()
            raise RequestRefused(why="output-busy", path=str(self.path))
        file.seek(0)  # locking may have moved it
        return file

    def _found(self, *, resume: bool) -> FileIO:
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

    def _whole_lines(self) -> list[Stored]:
        """Every row that is whole; each has its number."""
        self._file.seek(0)
        whole: list[Stored] = []
        with open(os.dup(self._file.fileno()), "rb") as file:
            for one in self._form.stored(file):
                if one.number != len(whole):
                    raise RequestRefused(why="output-other", path=str(self.path))
                whole.append(one)
        return whole

    def _note(self, kept: Sequence[Stored]) -> None:
        self._ends = array("q", [one.end for one in kept])
        self._failed = {at for at, one in enumerate(kept) if one.failed}

    def _copy_to(self, file: BinaryIO, new: Mapping[int, bytes]) -> None:
        """All of it with the ``new`` bytes of some rows; what lies between them as it is."""
        at = 0
        for row in sorted(new):
            start = self._ends[row - 1] if row else len(self._form.head)
            self._copy(file, at, start)
            file.write(new[row])
            at = self._ends[row]
        self._copy(file, at, self._file.seek(0, os.SEEK_END))

    def _copy(self, file: BinaryIO, start: int, end: int) -> None:
        self._file.seek(start)
        while start < end:
            block = self._file.read(min(_BLOCK, end - start))
            if not block:
                return
            file.write(block)
            start += len(block)

    def _cut(self, size: int) -> None:
        try:
            self._file.truncate(size)
            self._file.seek(size)
        except OSError as error:
            raise unwritten(error, str(self.path)) from error
