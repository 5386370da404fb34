"""One child process, its pipes and its end, watched by threads; knows no message and no loop."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from queue import SimpleQueue
from typing import IO, BinaryIO, cast

from app.errors import WorkerError

from .frames import GarbledError, read_frame, write_frame

WORKER_ARGUMENT = "--worker"
"""The hidden first argument with which the program runs as a worker (see app.__main__)."""

STDERR_KEPT = 4096

_EXIT_GRACE_S = 0.5
_STDERR_GRACE_S = 0.3
_CHUNK = 4096


@dataclass(frozen=True)
class End:
    """How a process ended: ``exit_code`` is minus the signal's number where one ended it.

    ``stderr`` is the end of what it wrote there.  ``garbled`` tells that it was killed because it
    sent something that is not a message.
    """

    exit_code: int
    stderr: str
    garbled: bool


def worker_command() -> list[str]:
    """How to start a worker of this very program, frozen or not."""
    if getattr(sys, "frozen", False):
        return [sys.executable, WORKER_ARGUMENT]
    return [sys.executable, "-m", "app", WORKER_ARGUMENT]


class Process:
    """A running child that is spoken to in frames.

    Its three standard streams are pipes: requests go to stdin, replies come from stdout, and the
    end of stderr is kept.  ``on_frame`` (may raise GarbledError) and ``on_end`` (exactly once,
    after the last frame) are called from a thread.  Start it from a thread that outlives it: on
    Linux the child asks to be killed when that thread ends.  Raises WorkerError where the system
    starts no process.
    """

    def __init__(
        self,
        command: Sequence[str],
        on_frame: Callable[[bytes], None],
        on_end: Callable[[End], None],
    ) -> None:
        self._on_frame, self._on_end = on_frame, on_end
        self._garbled = False
        self._outbox: SimpleQueue[bytes | None] = SimpleQueue()
        self._stderr = b""
        self._child = _start(command)
        self.pid = self._child.pid
        self._stderr_reader = self._thread(self._read_stderr, "worker-stderr")
        self._thread(self._write, "worker-requests")
        self._thread(self._read, "worker-replies")

    def send(self, message: bytes) -> None:
        """Queue one message; it is lost where the process has ended."""
        self._outbox.put(message)

    def kill(self) -> None:
        """End it at once, unless it has ended."""
        self._child.kill()

    def _thread(self, work: Callable[[], None], name: str) -> threading.Thread:
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        return thread

    def _write(self) -> None:
        """A thread: sends until told to end; a pipe that nobody reads takes no more."""
        stdin = cast(BinaryIO, self._child.stdin)
        try:
            while (message := self._outbox.get()) is not None:
                write_frame(stdin, message)
        except OSError:
            pass  # it has ended: the reader of its replies says so
        finally:
            with contextlib.suppress(OSError):
                stdin.close()

    def _read(self) -> None:
        """A thread: hands frames on until the pipe ends, and then waits for the exit code."""
        with _reader(self._child.stdout) as stdout:
            try:
                while (frame := read_frame(stdout)) is not None:
                    self._on_frame(frame)
            except GarbledError:
                self._garbled = True
                self._child.kill()
        self._outbox.put(None)
        exit_code = self._exit_code()
        self._stderr_reader.join(_STDERR_GRACE_S)  # a grandchild may keep it open
        tail = self._stderr.decode("utf-8", errors="replace")
        self._on_end(End(exit_code, tail, self._garbled))

    def _exit_code(self) -> int:
        try:
            return self._child.wait(_EXIT_GRACE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self._child.wait()

    def _read_stderr(self) -> None:
        """A thread: keeps the end of what the child says beside its replies."""
        with _reader(self._child.stderr) as stderr:
            while chunk := stderr.read1(_CHUNK):
                self._stderr = (self._stderr + chunk)[-STDERR_KEPT:]


def _reader(pipe: IO[bytes] | None) -> BufferedReader:
    return cast(BufferedReader, pipe)


def _start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Start it apart from the terminal: Ctrl-C there is for us, and means another thing."""
    root = Path(__file__).resolve().parents[2]
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=None if getattr(sys, "frozen", False) else root,
            start_new_session=True,
            creationflags=_apart_on_windows(),
        )
    except OSError as error:
        raise WorkerError(why=error.strerror or "it does not start") from error


def _apart_on_windows() -> int:
    if sys.platform != "win32":
        return 0
    return subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
