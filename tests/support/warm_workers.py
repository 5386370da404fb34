"""Workers without the seconds that loading torch takes: forked from a process that has it loaded.

Everything after that is as in the program: a process of its own with three pipes, which runs
``app.__main__`` and is the child of whoever started it.  Tests that are about the start itself, or
about all of the memory that a worker takes, are marked ``cold``.
"""

import ctypes
import inspect
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from app.comparison.lockstep_client import LOCKSTEP_ARGUMENT
from app.system import child_process

_PR_SET_CHILD_SUBREAPER, _ID_BYTES = 36, 16
_ROOT, _ROOM = str(Path(__file__).resolve().parents[2]), "x" * 1000
_OF_PROGRAM = ((child_process.WORKER_ARGUMENT,), (LOCKSTEP_ARGUMENT,))
_OF_TESTS = ("tests.support.starved_worker", "tests.support.emulated_worker")
_OF_LIBRARIES = ("OMP_", "GOMP_", "MKL_", "OPENBLAS_", "KMP_", "LD_", "MALLOC_", "PYTHON")

_cold_start = child_process._start


class WarmStart:
    """Starts workers; the process that they come from begins with the first of them."""

    def __init__(self) -> None:
        self.cold = False
        self.source: subprocess.Popen[bytes] | None = None
        self._asked: socket.socket | None = None
        self._environment: dict[str, str] = {}
        self._one_at_a_time = threading.Lock()

    def start(self, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        """In place of ``child_process._start``."""
        words = list(command)
        if self.cold or words[:2] != [sys.executable, "-m"] or not _is_worker(words[2:]):
            return _cold_start(command)
        with self._one_at_a_time:
            environment = _of_libraries()
            if self._asked is None:
                self._environment = environment
                self.source, self._asked = _begin()
            if environment != self._environment:
                return _cold_start(command)
            pipe = subprocess.PIPE
            return _Forked(self._asked, words[2:], stdin=pipe, stdout=pipe, stderr=pipe)

    def end(self) -> None:
        """No more can be started."""
        if self.source is not None and self._asked is not None:
            self._asked.close()
            self.source.wait()


def _begin() -> "tuple[subprocess.Popen[bytes], socket.socket]":
    """Start the process, which ends with our end of the socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    words = (sys.executable, "-m", "tests.support.warm_start", str(theirs.fileno()), _ROOM)
    with theirs:
        source = subprocess.Popen(
            words, cwd=_ROOT, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),)
        )
    return source, ours


class _Forked(subprocess.Popen[bytes]):
    """A process that was started by another one for this one."""

    def __init__(self, asked: socket.socket, words: Sequence[str], **pipes: int) -> None:
        self._asked = asked
        super().__init__(words, **pipes)

    def _execute_child(self, *given: object) -> None:
        bound = inspect.signature(subprocess.Popen._execute_child).bind(self, *given)
        ends = {name: bound.arguments[name] for name in _ENDS}
        request = {"words": list(self.args), "folder": _ROOT, "environment": dict(os.environ)}
        streams = [ends["p2cread"], ends["c2pwrite"], ends["errwrite"]]
        try:
            _adopt(True)
            socket.send_fds(self._asked, [json.dumps(request).encode()], streams)
            self.pid = int(self._asked.recv(_ID_BYTES))
        finally:
            _adopt(False)
            self._close_pipe_fds(*ends.values())
        self._child_created = True


_ENDS = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")


def _is_worker(words: Sequence[str]) -> bool:
    return words[0] in _OF_TESTS or (words[0] == "app" and tuple(words[1:]) in _OF_PROGRAM)


def _adopt(wanted: bool) -> None:
    """Whether children of processes that ended become those of this one."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)


def _of_libraries() -> dict[str, str]:
    """What libraries read of the environment while they are loaded."""
    return {name: value for name, value in os.environ.items() if name.startswith(_OF_LIBRARIES)}


_warm = WarmStart()


def begin_with(item: pytest.Item) -> None:
    """How workers of this test start."""
    _warm.cold = item.get_closest_marker("cold") is not None


def children() -> set[int]:
    """The processes that this one started and has not seen the end of, zombies included."""
    source = set() if _warm.source is None else {_warm.source.pid}
    return {child.pid for child in psutil.Process().children()} - source


def use(config: pytest.Config) -> None:
    """Start workers so from now on, where processes can be forked and given to others."""
    if sys.platform == "linux":
        child_process._start = _warm.start
        config.add_cleanup(_warm.end)
