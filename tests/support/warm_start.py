"""A process that has loaded what a worker needs, and becomes one whenever it is asked to.

``python -m tests.support.warm_start FD ROOM`` serves the socket FD: a request is a piece of JSON
with the words of a command, its folder and its environment; its three standard streams come with
it.  The answer is the process's id.  ROOM is any long word, which the words of the command take
the place of where the system lists processes.  See ``warm_workers``, which asks.
"""

import contextlib
import ctypes
import gc
import json
import os
import runpy
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any

_MOST_BYTES, _MOST_FILES, _STREAMS, _ID_BYTES = 1 << 18, 1 << 10, 3, 16
_SOON_S = 0.0005


def load() -> None:
    """What a worker loads before it reads its model, and nothing that starts a thread."""
    import app.runtime.generation.engine
    import app.runtime.generation.remembered
    import app.runtime.loading.loading
    import app.runtime.worker.worker  # noqa: F401


def serve(asked: socket.socket) -> None:
    """Start a process for each request, until nobody asks any more."""
    while True:
        request, streams, _, _ = socket.recv_fds(asked, _MOST_BYTES, _STREAMS)
        if not request:
            return
        read, write = os.pipe()
        between = os.fork()
        if not between:
            _leave_behind(json.loads(request), streams, write)
        for one in (*streams, write):
            os.close(one)
        os.waitpid(between, 0)  # then its child belongs to whoever asked
        asked.send(os.read(read, _ID_BYTES))
        os.close(read)


def _leave_behind(request: dict[str, Any], streams: list[int], write: int) -> None:
    """Start the worker and end, so that it gets another parent."""
    between = os.getpid()
    if pid := os.fork():
        os.write(write, str(pid).encode())
        os._exit(0)
    while os.getppid() == between:
        time.sleep(_SOON_S)
    try:
        _become(request, streams)
    finally:
        _end(sys.exception())


def _end(error: BaseException | None) -> None:
    """As Python ends a program, but for what the process that this was may not clean up."""
    code = error.code if isinstance(error, SystemExit) else int(error is not None)
    if not isinstance(error, SystemExit | None):
        traceback.print_exception(error)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else code is not None)


def _become(request: dict[str, Any], streams: list[int]) -> None:
    os.setsid()
    for place, one in enumerate(streams):
        os.dup2(one, place)
    os.closerange(_STREAMS, _MOST_FILES)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    module, *arguments = request["words"]
    sys.argv = [module, *arguments]
    _be_listed_as([sys.executable, "-m", module, *arguments])
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _be_listed_as(words: list[str]) -> None:
    """Write the command over the one that this process was started with."""
    stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = map(int, stat[45:47])  # arg_start and arg_end, see proc(5)
    told = b"".join(word.encode() + bytes(1) for word in words)[: end - begin - 1]
    ctypes.memmove(begin, told.ljust(end - begin, bytes(1)), end - begin)


if __name__ == "__main__":
    # as app.__main__ has it for a worker, before torch is there
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "passive"
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    load()
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
