"""Weights that are read from the file just before their turn, into memory that is used again.

A model's streamed weights are cut into stages: a layer is one, and so is each part of the head.
There are two slots, and stage s always has slot s % 2, so every weight has an address of its own
for good and a recorded token can be run again.  While one stage computes, a thread of its own reads
the next one into the other slot; behind the last stage comes the first one of the next token.  So
no more than two stages are ever in memory, whatever the size of the model.
"""

import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch

from app.runtime.planning.footprint import SLOTS
from app.system.memory import available_bytes

from .stage import Block, Stage

_READERS = 4  # a disk is fastest when several reads are waiting


class LayerStream:
    """``begin`` and ``end`` each stage in turn; another one than the next may be asked for, too.

    One thread at a time may use it.  ``close`` runs when it is gone and nothing is read any more.
    """

    def __init__(self, stages: Sequence[Stage], close: Callable[[], None]) -> None:
        self._reading = _Reading(stages, close)
        weakref.finalize(self, self._reading.stop)

    def begin(self, stage: int) -> None:
        """See Turns."""
        self._reading.begin(stage)

    def end(self, stage: int) -> None:
        """See Turns."""
        self._reading.end(stage)


class _Reading:
    """What the model's thread and the reading one share.

    ``lies`` tells for each slot which stage is in it (None: none).  What is wanted next is stage
    ``next`` and the one behind it, but for the slot of the stage that is ``at_work``.
    """

    def __init__(self, stages: Sequence[Stage], close: Callable[[], None]) -> None:
        self._stages, self._close = stages, close
        self._changed = threading.Condition()
        self._lies: list[int | None] = [None] * SLOTS
        self._next, self._at_work = 0, -1
        self._failed: dict[int, BaseException] = {}
        self._thread: threading.Thread | None = None
        self._stopped = self._past_cache = False

    def begin(self, stage: int) -> None:
        with self._changed:
            self._at_work = -1  # what failed before its end
            if stage != self._next:
                self._next = stage
                self._failed.clear()
            self._start()
            self._changed.notify_all()
            while self._lies[stage % SLOTS] != stage:
                if stage in self._failed:
                    raise self._failed.pop(stage)
                self._changed.wait()
            self._at_work = stage

    def end(self, stage: int) -> None:
        with self._changed:
            self._at_work, self._next = -1, (stage + 1) % len(self._stages)
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            if self._thread is None:
                self._close()

    def _start(self) -> None:
        if self._thread is None:
            # what does not fit into the file cache would only be looked for there, and thrown out
            streamed = sum(stage.nbytes for stage in self._stages)
            self._past_cache = streamed > available_bytes()
            thread = threading.Thread(target=self._run, name="layers", daemon=True)
            thread.start()
            self._thread = thread

    def _run(self) -> None:
        with ThreadPoolExecutor(_READERS, "layer bytes") as readers:
            while (stage := self._wanted()) is not None:
                failure = self._read(stage, readers)
                with self._changed:
                    if failure is None:
                        self._lies[stage % SLOTS] = stage
                    else:
                        self._failed[stage] = failure
                    self._changed.notify_all()
        self._close()

    def _wanted(self) -> int | None:
        """The stage to be read now, its slot emptied; None at the end."""
        with self._changed:
            while not self._stopped:
                following = (self._next + 1) % len(self._stages)
                for stage in dict.fromkeys((self._next, following)):
                    if self._may_be_read(stage):
                        self._lies[stage % SLOTS] = None
                        return stage
                self._changed.wait()
            return None

    def _may_be_read(self, stage: int) -> bool:
        slot = stage % SLOTS
        if self._lies[slot] == stage or stage in self._failed:
            return False
        taken = self._at_work >= 0 and self._at_work % SLOTS == slot
        # with an odd number of stages the first one has the slot of the last
        waits = stage != self._next and self._next % SLOTS == slot
        return not taken and not waits

    def _read(self, index: int, readers: ThreadPoolExecutor) -> BaseException | None:
        """Fill a stage's slot; what went wrong is raised where the stage is waited for."""
        try:
            with torch.inference_mode():
                self._stages[index].fill(lambda blocks: list(readers.map(self._read_block, blocks)))
        except BaseException as failure:  # noqa: BLE001 - ``begin`` raises it
            return failure
        return None

    def _read_block(self, block: Block) -> None:
        stretch, out = block
        with torch.inference_mode():  # of each thread
            stretch.read(out, past_cache=self._past_cache)
