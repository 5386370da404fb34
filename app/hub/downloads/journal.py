"""The file that holds the queue of downloads; it is written at once, in a thread."""

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from app.errors import Fact, StoreError
from app.hub.catalogue.entries import Entry
from app.system.atomic_file import replacing, retry_while_in_use
from app.system.bug_hook import SurvivingBugs
from app.system.file_lock import locked
from app.system.json_file import decode, encode
from app.system.small_file import read_small

_LARGEST = 16 << 20


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One download as it is kept; ``work``: what its owner does with it now, for who looks on.

    ``into`` is its folder in ``folder``, as ``Destination`` has it; None from earlier versions.
    ``wrong_hashes``: so often other bytes came than were promised.
    """

    id: str
    entry: Entry
    folder: str
    into: str | None = None
    state: Literal["queued", "paused", "done", "failed"] = "queued"
    work: Literal["", "running", "waiting", "checking"] = ""
    done_bytes: int = 0
    code: str = ""
    facts: dict[str, Fact] = {}
    wrong_hashes: int = 0


class _Pages(msgspec.Struct, frozen=True):
    layout: int
    lines: tuple[Line, ...]


class Journal:
    """``path`` holds the lines; ``trouble`` says why they could not be read or written.

    The program that was first to ``claim`` it owns it until it releases it or ends; others only
    read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1
        self.trouble: StoreError | None = None

    def claim(self) -> bool:
        """Whether this program owns the journal from now on; False while another one does."""
        if self._handle >= 0:
            return True
        beside = self._path.with_name(f"{self._path.name}.lock")
        try:
            beside.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return True  # what cannot be written there cannot be spoiled: the first write says why
        if not locked(handle):
            os.close(handle)
            return False
        self._handle = handle
        return True

    def release(self) -> None:
        """Let another program own the journal."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def read(self) -> tuple[Line, ...]:
        """The lines that were written last; the owner renames a damaged file out of the way."""
        try:
            lines = decode(read_small(self._path, _LARGEST), _Pages).lines
            if self._handle < 0:  # who only reads has no other trouble, and it is over
                self.trouble = None
            return lines
        except FileNotFoundError:
            return ()
        except OSError as error:
            self.trouble = StoreError(str(error), path=str(self._path), why="refused")
        except ValueError as damage:
            self.trouble = StoreError(str(damage), path=str(self._path), why="damaged")
            if self._handle >= 0:
                kept = self._path.with_name(f"{self._path.name}.broken")
                with contextlib.suppress(OSError):
                    retry_while_in_use(os.replace, self._path, kept)
                    self.trouble.facts["kept"] = str(kept)
        return ()

    def write(self, lines: tuple[Line, ...]) -> None:
        """Write the lines; returns when they are on the disk."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self._path) as file:
                file.write(encode(_Pages(1, lines)))
        except OSError as error:
            self.trouble = StoreError(str(error), path=str(self._path), why="refused")
        except StoreError as failure:
            self.trouble = failure


class SerialExecutor:
    """Calls functions in order, in a thread that exists only while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[Callable[[], None]] = []
        self._thread: threading.Thread | None = None

    def add(self, chore: Callable[[], None]) -> None:
        """Call ``work`` soon, after what was added before."""
        with self._lock:
            self._left.append(chore)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="downloads")
                self._thread.start()

    def finish(self) -> None:
        """Wait until everything was called."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._left:
                    self._thread = None
                    return
                chore = self._left.pop(0)
            with SurvivingBugs():
                chore()
