"""The worker process: reads requests from a pipe, runs them together, writes replies."""

import faulthandler
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, BinaryIO

from app.errors import Failure, KernelError, NoModel, RequestRefused
from app.kernels.allocation import allocations_named, load_torch
from app.runtime.loading.preflight import look_at
from app.runtime.planning.machine import Rates
from app.runtime.protocol import messages
from app.runtime.protocol.encodings import Encode
from app.runtime.protocol.messages import (
    Cancel,
    EngineWork,
    Generate,
    GenerateTogether,
    Load,
    LoadProgress,
    Measure,
    Measured,
    MeasureRates,
    Quit,
    Rated,
    Reply,
    Work,
    failed,
)
from app.runtime.protocol.scores import Score
from app.runtime.protocol.states import (
    HandOver,
    KeepStates,
    LoadState,
    Park,
    StateCache,
    StatesNotKept,
    TakeOver,
)
from app.runtime.protocol.vocabulary_messages import ReadVocabulary
from app.system import crash_log
from app.system.frames import GarbledError, decoded, read_frame, write_frame
from app.system.memory import give_back_freed
from app.system.pipes import die_with_parent, take_pipes

if TYPE_CHECKING:
    from app.runtime.generation.engine import Engine
    from app.runtime.generation.lane import Lane
    from app.runtime.planning.plan import Plan

_STDERR = 2
_FLUSH_S = 0.8  # the other process waits little longer

EXIT_DEAF, EXIT_GARBLED, EXIT_LOST = 1, 3, 4
"""Exit codes: a request could not be read (no memory, say), a request was no message, and the GPU
has failed, so that only a new process can use it."""


def main() -> int:
    """Serve the parent process until it sends Quit or ends."""
    requests, replies = take_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    if not faulthandler.is_enabled():  # else into a file of its own, see app.system.crash_log
        faulthandler.enable(_STDERR)
    Worker(requests, replies).serve()
    return 0


class Worker:
    """Loads one model and runs all texts asked of it in one engine.

    A thread reads the requests, so that a Cancel is seen before the next token, and the end of the
    parent process at once, while the main thread computes.
    """

    def __init__(self, requests: BinaryIO, replies: BinaryIO) -> None:
        self._requests, self._replies = requests, replies
        self._inbox: SimpleQueue[Work | GenerateTogether | KeepStates] = SimpleQueue()
        self._sending = threading.Lock()
        self._cancelled: set[int] = set()
        self._engine: Engine | None = None
        self._parked = False

    def serve(self) -> None:
        """Run until the process ends."""
        threading.Thread(target=self._listen, name="requests", daemon=True).start()
        while True:
            self._take_requests()
            if self._engine and not self._engine.idle:
                self._step(self._engine)

    def _step(self, engine: "Engine") -> None:
        try:
            engine.step()
        except KernelError:
            engine.lost = True
        if engine.lost:
            os._exit(EXIT_LOST)

    def _listen(self) -> None:
        """A thread: reads requests and then exits without clean-up, which nothing here needs."""
        exit_code = EXIT_DEAF
        try:
            self._read_requests()
            exit_code = 0
        except GarbledError as error:
            os.write(_STDERR, f"not a request: {error}\n".encode())
            exit_code = EXIT_GARBLED
        finally:
            if exit_code == EXIT_DEAF:
                traceback.print_exc()
                crash_log.leave(sys.exception() or EOFError())
            os._exit(exit_code)

    def _read_requests(self) -> None:
        while (frame := read_frame(self._requests)) is not None:
            request = decoded(messages.decode_request, frame)
            if isinstance(request, Quit):
                self._flush()
                return
            if isinstance(request, Cancel):
                self._cancelled.add(request.id)
            else:
                self._inbox.put(request)

    def _take_requests(self) -> None:
        """Begin all that was asked for; waits for a request only where no text is running."""
        try:
            while True:
                idle = self._engine is None or self._engine.idle
                if self._engine and idle and self._inbox.empty() and not self._parked:
                    self._engine.prepare()
                request = self._inbox.get(block=idle)
                if isinstance(request, GenerateTogether):
                    lane = self._engine.begin_together() if self._engine else None
                    for text in request.texts:
                        self._begin(text, lane)
                elif isinstance(request, KeepStates):
                    self._keep_states(request.cache)
                else:
                    self._begin(request)
        except Empty:
            pass

    def _begin(self, request: Work, lane: "Lane | None" = None) -> None:
        self._parked = isinstance(request, Park)
        try:
            if isinstance(request, Load):
                self._load(request)
            elif self._engine is None:
                raise NoModel
            elif isinstance(request, Measure):
                self._measure(request)
            elif isinstance(request, MeasureRates):
                self._measure_rates(request)
            elif isinstance(request, Generate):
                self._engine.start(request, lane)
            else:
                _ask(self._engine, request)
        except Failure as failure:
            self._send(failed(request.id, failure))
            if self._engine and isinstance(failure, KernelError):
                os._exit(EXIT_LOST)

    def _load(self, request: Load) -> None:
        if self._engine:
            raise RequestRefused(why="model-open")
        path = Path(os.fsdecode(request.path))
        look_at(path, request.strategy)
        load_torch()

        # here, while the pipe is being watched: torch takes its time
        from app.runtime.generation.engine import Engine
        from app.runtime.generation.remembered import store_beside
        from app.runtime.loading.backends import Backends
        from app.runtime.loading.loading import open_model

        backends = Backends(
            limits=request.limits, rates=request.rates, preferences=request.preferences
        )

        def report(done: int, total: int) -> None:
            self._send(_progress(request.id, done, total, backends.trying))

        opened = open_model(
            *(path, request.strategy, report, backends),
            threads=request.threads,
            adapters=request.adapters,
        )
        store = store_beside(opened, request.limits)
        self._engine = Engine(opened, self._send, self._cancelled, store)
        self._keep_states(request.cache)
        self._send(opened.loaded(request.id))

    def _keep_states(self, cache: StateCache | None) -> None:
        """In this folder from now on, or in memory only."""
        if self._engine is not None:
            self._engine.remembered.keep_in(cache, self._tell_unkept)

    def _tell_unkept(self, failure: Failure) -> None:
        """Called in another thread."""
        told = StatesNotKept(id=0, code=failure.code, detail=failure.detail, facts=failure.facts)
        self._send(told)

    def _flush(self) -> None:
        """Have what waits for the disk written, but do not let the other process wait long."""
        disk = self._engine.remembered.disk if self._engine else None
        if disk is not None:
            disk.flush(_FLUSH_S)

    def _measure(self, request: Measure) -> None:
        import torch

        from app.kernels.read_bandwidth import read_bandwidth
        from app.system.memory import peak_memory_bytes, resident_bytes

        peak, resident = peak_memory_bytes(), resident_bytes()
        with allocations_named():
            speed = read_bandwidth(block_bytes=request.block_bytes)
        self._send(
            Measured(
                id=request.id,
                read_bandwidth_bytes_per_s=speed,
                peak_memory_bytes=peak,
                resident_memory_bytes=resident,
                threads=torch.get_num_threads(),
            )
        )

    def _measure_rates(self, request: MeasureRates) -> None:
        from app.kernels import open_ops
        from app.kernels.machine_speed import all_multiply_per_s, read_per_s

        with allocations_named():
            rates = Rates(read_per_s(), all_multiply_per_s(open_ops("cpu")))
        give_back_freed()
        self._send(Rated(id=request.id, rates=rates))

    def _send(self, reply: Reply) -> None:
        try:
            with self._sending:
                write_frame(self._replies, messages.encode(reply))
        except OSError:
            os._exit(0)  # the other process is gone


def _ask(engine: "Engine", request: EngineWork) -> None:
    if isinstance(request, LoadState):
        engine.load_state(request)
    elif isinstance(request, HandOver | TakeOver | Park):
        engine.hand_over(request)
    elif isinstance(request, Encode | ReadVocabulary):
        engine.encode(request)
    elif isinstance(request, Score):
        engine.score(request)
    else:
        engine.start(request)


def _progress(request: int, done: int, total: int, plan: "Plan | None") -> LoadProgress:
    if plan is None:
        return LoadProgress(id=request, done=done, total=total)
    room = int(plan.facts.get("room_bytes", 0))
    strategy = plan.strategy.text
    return LoadProgress(id=request, done=done, total=total, strategy=strategy, room_bytes=room)
