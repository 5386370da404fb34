"""How busy the machine is now and was in the last minutes; knows no widget."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil
from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.system.gpus import Gpu
from app.ui.state.gpu_list import GpuList
from app.ui.state.machine_memory import Machine, Reading
from app.ui.state.session import Session

KEPT_S = 300.0
"""So much of the past is kept, and shown."""

_IDLE_MS, _WRITING_MS = 2000, 500
_MOST = int(KEPT_S * 1000 / _WRITING_MS)
_LEAST_S = 0.2  # between two counts of tokens


@dataclass(frozen=True)
class Sample:
    """``at`` is in seconds of a clock that only goes forward.

    ``cpu`` is the share of all cores that was busy since the last one.  ``tokens_per_s`` is None
    while no text is written, and while a prompt is read.
    """

    at: float
    cpu: float
    memory: Reading
    gpus: tuple[Gpu, ...] = ()
    tokens_per_s: float | None = None


class Readings(QObject):
    """``sampled`` some times a minute or, while a text is written, twice a second.

    Only between ``start`` and ``stop``: whoever shows them calls these when it can be seen, and no
    longer.  ``samples`` are the last minutes, the newest at the right.  Cards are asked in a
    thread, and only where there are any.
    """

    sampled = Signal()

    def __init__(
        self,
        session: Session,
        gpus: GpuList,
        look: Callable[[], Sequence[Gpu]],
        clock: Callable[[], float] = time.monotonic,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._gpus, self._look, self._clock = session, gpus, look, clock
        self.machine = Machine()
        self.samples: deque[Sample] = deque(maxlen=_MOST)
        self._cards: tuple[Gpu, ...] = ()
        self._looking = False
        self._written, self._written_at = 0, 0.0
        self._speed: float | None = None
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.CoarseTimer)
        self._timer.timeout.connect(self.sample)
        session.writing_changed.connect(self._note_writing)

    @property
    def running(self) -> bool:
        """Whether samples are taken."""
        return self._timer.isActive()

    @property
    def last(self) -> Sample | None:
        """The newest one."""
        return self.samples[-1] if self.samples else None

    def start(self) -> None:
        """Take samples from now on, the first at once."""
        self._timer.start(self._pace())
        self.sample()

    def stop(self) -> None:
        """Take no more."""
        self._timer.stop()

    def sample(self) -> None:
        """Take one now; well under a millisecond."""
        at = self._clock()
        self._take(at, self._tokens_per_s(at) if self._session.writing else None)

    def _take(self, at: float, tokens_per_s: float | None) -> None:
        self._look_at_cards()
        memory = self.machine.read(self._session.worker_pid)
        busy = psutil.cpu_percent(None) / 100
        cards = self._cards or self._gpus.found
        self.samples.append(Sample(at, min(1.0, busy), memory, cards, tokens_per_s))
        while at - self.samples[0].at > KEPT_S:
            self.samples.popleft()
        self.sampled.emit()

    def _pace(self) -> int:
        return _WRITING_MS if self._session.writing else _IDLE_MS

    def _note_writing(self) -> None:
        """A text begins or ends; of one that was over between two samples the end is one."""
        at = self._clock()
        if self.running and not self._session.writing and at - self._written_at >= _LEAST_S:
            self._take(at, self._tokens_per_s(at))
        self._written, self._written_at = self._session.tokens_written, at
        self._speed = None
        if self.running:
            self._timer.start(self._pace())

    def _tokens_per_s(self, at: float) -> float | None:
        """Since the last count; a count that comes too soon tells the same again."""
        passed, written = at - self._written_at, self._session.tokens_written
        if passed >= _LEAST_S:
            speed = (written - self._written) / passed
            # before the first token the prompt is still being read
            self._speed = speed if speed or self._speed is not None else None
            self._written, self._written_at = written, at
        return self._speed

    def _look_at_cards(self) -> None:
        if self._gpus.found and not self._looking and not self._session.tasks.ended:
            self._looking = True
            self._session.tasks.start(self._ask_cards(), self._rest)

    async def _ask_cards(self) -> None:
        self._cards = tuple(await self._session.tasks.thread(self._look))

    def _rest(self) -> None:
        self._looking = False
