"""A child process as such: frames both ways, its end, its last words, garbage on the pipe."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from app.errors import WorkerError
from app.system.child_process import STDERR_KEPT, Process, worker_command
from app.system.frames import LIMIT, GarbledError, read_frame, write_frame

ROOT = Path(__file__).resolve().parents[2]
ECHO = """
import sys
from app.errors import WorkerError
from app.system.frames import read_frame, write_frame
while (frame := read_frame(sys.stdin.buffer)) is not None:
    write_frame(sys.stdout.buffer, frame.upper())
"""


def children():
    """The processes that this one started and has not seen the end of, zombies included."""
    return {child.pid for child in psutil.Process().children()}


class Watched:
    """A process of a few lines of Python, and what it sent."""

    def __init__(self, script):
        self.frames, self.ends = queue.Queue(), queue.Queue()
        self.process = Process([sys.executable, "-c", script], self.frames.put, self.ends.put)

    def end(self):
        return self.ends.get(timeout=10)

    def leave(self):
        """As the worker leaves: its requests end."""
        self.process._outbox.put(None)
        return self.end()


def open_files():
    return set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()


def test_frames_go_both_ways_whatever_their_size():
    watched = Watched(ECHO)
    for message in (b"", b"hello", b"x" * 3_000_000):
        watched.process.send(message)
        assert watched.frames.get(timeout=10) == message.upper()
    assert watched.leave().exit_code == 0


def test_the_end_brings_the_exit_code_and_the_last_words():
    watched = Watched("import sys; print('x' * 9000 + 'farewell', file=sys.stderr); sys.exit(7)")
    end = watched.end()
    assert (end.exit_code, end.why) == (7, "")
    assert end.stderr.rstrip().endswith("xxxfarewell")
    assert len(end.stderr) <= STDERR_KEPT


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_signal_is_told_as_its_negative_number():
    watched = Watched(ECHO)
    watched.process.send(b"up")
    watched.frames.get(timeout=10)
    os.kill(watched.process.pid, signal.SIGKILL)
    assert watched.end().exit_code == -signal.SIGKILL


def test_garbage_on_the_pipe_ends_the_process():
    watched = Watched("import sys, time; print('Hello from a library', flush=True); time.sleep(60)")
    assert watched.end().why == "garbled"
    assert watched.frames.empty()


def test_a_message_cut_by_death_is_dropped():
    script = "import sys; sys.stdout.buffer.write((99).to_bytes(4, 'little') + b'half')"
    watched = Watched(script)
    assert watched.end().why == ""
    assert watched.frames.empty()


def test_a_process_that_closes_its_pipe_but_lingers_is_taken_down():
    watched = Watched("import os, time; os.close(1); time.sleep(60)")
    end = watched.end()
    assert end.exit_code != 0
    assert end.why == "closed"


def test_a_process_that_reads_no_requests_any_more_is_taken_down():
    watched = Watched(
        "import os, sys, time; os.close(0); sys.stdout.buffer.write(bytes(4)); "
        "sys.stdout.flush(); time.sleep(60)"
    )
    watched.frames.get(timeout=10)
    watched.process.send(b"anyone there?")
    assert watched.end().why == "closed"


@pytest.mark.skipif(sys.platform == "win32", reason="sleep")
def test_a_grandchild_that_holds_the_replies_open_does_not_hide_the_end():
    script = (
        "import subprocess, sys; sys.stdout.buffer.write(bytes(4)); sys.stdout.flush(); "
        "subprocess.Popen(['sleep', '5'], stdin=-3, stderr=-3); sys.exit(6)"
    )
    watched = Watched(script)
    assert watched.end().exit_code == 6
    assert watched.frames.qsize() == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_of_who_takes_the_replies_ends_the_process_and_is_not_swallowed(monkeypatch):
    bugs = queue.Queue()
    monkeypatch.setattr(threading, "excepthook", lambda bug: bugs.put(bug.exc_type))
    ends = queue.Queue()
    script = (
        "import sys, time; sys.stdout.buffer.write(bytes(4)); sys.stdout.flush(); time.sleep(9)"
    )
    Process([sys.executable, "-c", script], lambda frame: 1 // len(frame), ends.put)
    assert ends.get(timeout=10).exit_code != 0
    assert bugs.get(timeout=10) is ZeroDivisionError


@pytest.mark.skipif(sys.platform == "win32", reason="sleep")
def test_a_grandchild_that_holds_stderr_open_does_not_delay_the_news():
    script = (
        "import subprocess; "
        "print(subprocess.Popen(['sleep', '600'], stdin=-3, stdout=-3).pid, file=sys.stderr)"
    )
    end = Watched("import sys; " + script).end()
    assert end.exit_code == 0
    os.kill(int(end.stderr), signal.SIGKILL)


def test_messages_to_a_dead_process_are_lost_quietly():
    watched = Watched("")
    watched.process.send(b"x" * 1_000_000)
    assert watched.end().exit_code == 0
    watched.process.send(b"anyone there?")
    watched.process.kill()


@pytest.mark.skipif(not open_files(), reason="needs /proc")
def test_nothing_of_a_process_is_left_behind():
    Watched(ECHO).leave()
    before, others = open_files(), children()
    for _ in range(3):
        Watched(ECHO).leave()
    deadline = time.monotonic() + 5
    while open_files() != before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert open_files() == before
    assert children() <= others


def test_the_worker_takes_garbage_for_the_end():
    worker = subprocess.Popen(
        worker_command(), cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    _, said = worker.communicate(b"GET / HTTP/1.1\r\n", timeout=10)
    assert worker.returncode == 3
    assert said.startswith(b"not a request")


def test_a_worker_whose_requests_end_leaves(tmp_path):
    worker = subprocess.Popen(
        worker_command(),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    replies, said = worker.communicate(b"", timeout=10)
    assert (worker.returncode, replies, said) == (0, b"", b"")


def test_a_program_that_does_not_start_is_a_failure(tmp_path):
    with pytest.raises(WorkerError) as caught:
        Process([str(tmp_path / "absent")], print, print)
    assert caught.value.facts["said"] == "No such file or directory"


def test_a_worker_without_a_stderr_object_still_tells_how_it_ended():
    """As in a windowed program, whose standard streams are None."""
    script = "import sys; sys.stdout = sys.stderr = sys.stdin = None; " + (
        "from app.runtime.worker import worker; "
        "worker.Worker._read_requests = lambda self: 1 / 0; worker.main()"
    )
    worker = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True)
    assert worker.returncode == 1
    assert b"ZeroDivisionError" in worker.stderr


def test_a_frame_that_is_too_long_is_garbage(tmp_path):
    stream = tmp_path / "stream"
    stream.write_bytes((LIMIT + 1).to_bytes(4, "little") + b"x")
    with stream.open("rb") as opened, pytest.raises(GarbledError):
        read_frame(opened)


def test_frames_survive_a_file(tmp_path):
    with (tmp_path / "stream").open("w+b") as stream:
        for message in (b"one", b"", b"three"):
            write_frame(stream, message)
        stream.seek(0)
        assert [read_frame(stream) for _ in range(4)] == [b"one", b"", b"three", None]
