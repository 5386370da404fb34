"""A child process with frames on its pipes, watched by threads; knows no messages, no asyncio."""

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, BinaryIO, Literal, cast

from app.errors import WorkerError

from .crash_log import trace_left_by
from .frames import GarbledError, read_frame, write_frame

if TYPE_CHECKING:
    from .oom_kills import OomKills

WORKER_ARGUMENT = "--worker"
"""The hidden first argument with which the program runs as a worker (see app.__main__)."""

STDERR_KEPT = 4096

_EXIT_GRACE_S = 0.5
_REPLIES_GRACE_S = 1.0
_STDERR_GRACE_S = 0.3
_CHUNK = 4096
_NO_MEMORY = (0xC0000017, 0xC000012D)  # STATUS_NO_MEMORY, STATUS_COMMITMENT_LIMIT


@dataclass(frozen=True)
class End:
    """How a process ended: ``exit_code`` is minus the signal's number where one ended it.

    ``stderr`` is the end of what it wrote there, and where it was when a signal ended it.  ``why``
    says that it was killed here because it sent something that is not a message ("garbled") or
    closed a pipe ("closed"), or that the system killed it because memory ran out ("no-memory");
    else "".
    """

    exit_code: int
    stderr: str
    why: Literal["", "garbled", "closed", "no-memory"] = ""

    @property
    def signal_name(self) -> str:
        """SIGSEGV, say; "" where no signal ended it."""
        if self.exit_code >= 0:
            return ""
        try:
            return signal.Signals(-self.exit_code).name
        except ValueError:
            return f"signal {-self.exit_code}"


def worker_command() -> list[str]:
    """How to start a worker of this very program, frozen or not."""
    if getattr(sys, "frozen", False):
        return [sys.executable, WORKER_ARGUMENT]
    return [sys.executable, "-m", "app", WORKER_ARGUMENT]


class Process:
    """A running child that is spoken to in frames.

    Its three standard streams are pipes: requests go to stdin, replies come from stdout, and the
    end of stderr is kept.  ``on_frame`` (may raise GarbledError) and ``on_end`` (exactly once,
    after the last frame) are called from threads.  A child that cannot be spoken to any more, since
    one of its pipes is closed or carries something else, is killed; ``on_end`` is always called.
    Start it from a thread that outlives it: on Linux the child asks to be killed when that thread
    ends.  Raises WorkerError if the system starts no process.
    """

    def __init__(
        self,
        command: Sequence[str],
        on_frame: Callable[[bytes], None],
        on_end: Callable[[End], None],
        *,
        machine: Path = Path("/"),
    ) -> None:
        self._on_frame, self._on_end = on_frame, on_end
        self._why: Literal["", "garbled", "closed", "no-memory"] = ""
        self._killed = False
        self._over = self._handling = False
        self._frames = 0
        self._outbox: SimpleQueue[bytes | None] = SimpleQueue()
        self._stderr = b""
        self._exited = threading.Event()
        self._child = _start(command)
        self.pid = self._child.pid
        self._machine = machine
        self._oom_kills: OomKills | None = None
        self._stderr_reader = self._thread(self._read_stderr, "worker-stderr")
        self._thread(self._write, "worker-requests")
        self._reader = self._thread(self._read, "worker-replies")
        self._thread(self._wait, "worker-end")

    def send(self, message: bytes) -> None:
        """Queue one message; it is lost if the process has ended."""
        self._outbox.put(message)

    def kill(self) -> None:
        """Kill the process; does nothing if it has ended."""
        self._killed = True
        self._child.kill()

    def _thread(self, work: Callable[[], None], name: str) -> threading.Thread:
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        return thread

    def _write(self) -> None:
        """A thread: sends until there is a None in the queue, or the child reads no more."""
        from .oom_kills import OomKills  # in this thread: a start must not wait for it

        stdin = cast(BinaryIO, self._child.stdin)
        kills = self._oom_kills = OomKills(self.pid, self._machine)
        try:
            while (message := self._outbox.get()) is not None:
                write_frame(stdin, message)
                kills.note()  # afterwards: nobody waits for it
        except OSError:
            self._kill_unless_exiting()
        finally:
            with contextlib.suppress(OSError):
                stdin.close()

    def _read(self) -> None:
        """A thread: hands frames on until the pipe ends."""
        with _reader(self._child.stdout) as stdout:
            try:
                while (frame := read_frame(stdout)) is not None and not self._over:
                    self._handle(frame)
            except GarbledError:
                self._why = "garbled"
                self.kill()
            finally:  # also after a bug in on_frame, which threading.excepthook reports
                self._kill_unless_exiting()

    def _handle(self, frame: bytes) -> None:
        self._handling = True
        try:
            self._on_frame(frame)
        finally:
            self._frames += 1
            self._handling = False

    def _wait(self) -> None:
        """A thread: waits until the process has ended, and reports it."""
        exit_code = self._child.wait()
        self._exited.set()
        self._outbox.put(None)
        self._wait_for_replies()
        self._over = True
        self._stderr_reader.join(_STDERR_GRACE_S)  # a grandchild may hold it open
        trace = trace_left_by(self.pid, exit_code).encode()[: STDERR_KEPT // 2]
        said = self._stderr[-(STDERR_KEPT - len(trace)) :] + trace
        if not self._killed and _starved(exit_code, self._oom_kills):
            self._why = "no-memory"
        self._on_end(End(exit_code, said.decode("utf-8", errors="replace"), self._why))

    def _wait_for_replies(self) -> None:
        """Wait until the pipe ends; if a grandchild holds it open, until nothing comes from it."""
        seen = -1
        while self._reader.is_alive() and (self._handling or seen != self._frames):
            seen = self._frames
            self._reader.join(_REPLIES_GRACE_S)

    def _kill_unless_exiting(self) -> None:
        """A process without one of its pipes is of no use; one that ends by itself has a moment."""
        if not self._exited.wait(_EXIT_GRACE_S):
            self._why = self._why or "closed"
            self.kill()

    def _read_stderr(self) -> None:
        """A thread: keeps the last ``STDERR_KEPT`` bytes of stderr."""
        with _reader(self._child.stderr) as stderr:
            while chunk := stderr.read1(_CHUNK):
                self._stderr = (self._stderr + chunk)[-STDERR_KEPT:]


def _starved(exit_code: int, oom_kills: "OomKills | None") -> bool:
    """Whether the system ended it for lack of memory; nobody here has killed it."""
    if sys.platform == "win32":
        return exit_code in _NO_MEMORY
    return exit_code == -signal.SIGKILL and oom_kills is not None and oom_kills.grew()


def _reader(pipe: IO[bytes] | None) -> BufferedReader:
    return cast(BufferedReader, pipe)


def _start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Start it in a session of its own, so that Ctrl-C in the terminal does not reach it."""
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
        raise WorkerError(said=error.strerror or str(error)) from error


def _apart_on_windows() -> int:
    if sys.platform != "win32":
        return 0
    return subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
