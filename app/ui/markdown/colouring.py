"""Code is coloured in another process, one piece after the other, within a time for each.

What takes longer stays plain, and the process is ended: the window never waits.
"""

import contextlib
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import WorkerError
from app.system.child_process import Process

from .highlight import LONGEST
from .highlight_process import Line, highlighter_command

BUDGET_MS = 1500
_BUDGET_A_LETTER_MS = 0.01
_START_MS = 20_000
_IDLE_MS = 60_000
_STRIKES = 3  # a language that took too long so often stays plain
_KEPT = 128
_decoder = msgspec.msgpack.Decoder(list[list[tuple[int, str]]])
Answer = Callable[[Sequence[Line]], None]


@dataclass(eq=False)
class Job:
    """One piece of code; ``answer`` is called with its lines, unless it was ``cancelled``."""

    language: str
    source: str
    answer: Answer
    cancelled: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.language, self.source

    @property
    def budget_ms(self) -> int:
        """How long the process may take for it."""
        return BUDGET_MS + int(len(self.source) * _BUDGET_A_LETTER_MS)


class Colouring(QObject):
    """Answers in the order in which it was asked; ``[]`` stands for "it stays plain"."""

    _framed = Signal(object, bytes)
    _ended = Signal(object)

    def __init__(self, command: Sequence[str] = (), parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._command = command or highlighter_command()
        self._jobs: deque[Job] = deque()
        self._current: Job | None = None
        self._known: OrderedDict[tuple[str, str], Sequence[Line]] = OrderedDict()
        self._strikes: Counter[str] = Counter()
        self._process: Process | None = None
        self._ready = self._gave_up = False
        self._limit = QTimer(self, singleShot=True)
        self._limit.timeout.connect(self._too_long)
        self._idle = QTimer(self, singleShot=True, interval=_IDLE_MS)
        self._idle.timeout.connect(self.close)
        self._framed.connect(self._take)
        self._ended.connect(self._note_end)

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self._process.pid if self._process else None

    def known(self, language: str, source: str) -> Sequence[Line] | None:
        """What was found out before, or that there is nothing to find out; None: ask."""
        if self._gave_up or not language or len(source) > LONGEST:
            return []
        if self._strikes[language] >= _STRIKES:
            return []
        return self._known.get((language, source))

    def ask(self, language: str, source: str, answer: Answer) -> Job:
        """Have ``source`` coloured; ``answer`` is called in this thread, later."""
        job = Job(language, source, answer)
        self._jobs.append(job)
        self._idle.stop()
        QTimer.singleShot(0, self, self._go_on)
        return job

    def close(self) -> None:
        """End the process; the next question starts another."""
        self._jobs.clear()
        self._current = None
        self._end_process()

    def _end_process(self) -> None:
        self._limit.stop()
        self._idle.stop()
        process, self._process, self._ready = self._process, None, False
        if process is not None:
            process.kill()

    def _go_on(self) -> None:
        """Begin the next piece, if none is under way."""
        while self._current is None and self._jobs:
            job = self._jobs.popleft()
            if job.cancelled:
                continue
            found = self.known(job.language, job.source)
            if found is not None:
                job.answer(found)
            else:
                self._current = job
        if self._current is None:
            self._idle.start()
        elif self._ready:
            self._send(self._current)
        elif self._process is None:
            self._start()

    def _send(self, job: Job) -> None:
        if self._limit.isActive() or self._process is None:
            return
        request = (job.language, job.source)
        try:
            frame = msgspec.msgpack.encode(request)
        except UnicodeEncodeError:  # half a character
            self._finish([])
            return
        self._process.send(frame)
        self._limit.start(job.budget_ms)

    def _start(self) -> None:
        made: list[Process] = []
        try:
            process = Process(
                self._command,
                lambda frame: self._from_thread(self._framed, made, frame),
                lambda _end: self._from_thread(self._ended, made),
            )
        except WorkerError:
            self._give_up()
            return
        made.append(process)
        self._process = process
        self._limit.start(_START_MS)

    def _from_thread(self, signal: object, made: list[Process], *more: bytes) -> None:
        """In a thread: hand something to the window's, unless that has gone already."""
        with contextlib.suppress(RuntimeError):
            signal.emit(made, *more)  # type: ignore[attr-defined]

    def _take(self, made: list[Process], frame: bytes) -> None:
        if made != [self._process]:
            return  # it was ended before this was looked at
        self._limit.stop()
        if not self._ready:
            self._ready = True
            self._go_on()
        elif self._current is not None:
            self._finish(cast(Sequence[Line], _decoder.decode(frame)))

    def _finish(self, lines: Sequence[Line]) -> None:
        job, self._current = self._current, None
        assert job is not None
        self._known[job.key] = lines
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        if not job.cancelled:
            job.answer(lines)
        QTimer.singleShot(0, self, self._go_on)

    def _too_long(self) -> None:
        ready = self._ready
        self._end_process()
        if not ready:
            self._give_up()
        elif self._current is not None:
            self._strikes[self._current.language] += 1
            self._finish([])

    def _note_end(self, made: list[Process]) -> None:
        """It ended by itself, as where memory ran out: what it was at stays plain."""
        if made == [self._process]:
            self._too_long()

    def _give_up(self) -> None:
        """It does not start here: everything stays plain."""
        self._gave_up = True
        if self._current is not None:
            self._jobs.appendleft(self._current)
            self._current = None
        QTimer.singleShot(0, self, self._go_on)


_shared: list[Colouring] = []


def shared_colouring() -> Colouring:
    """The one of the window; ``close_shared`` ends it."""
    if not _shared:
        _shared.append(Colouring())
    return _shared[0]


def close_shared() -> None:
    """End the process of the window's colouring."""
    for one in _shared:
        one.close()
    _shared.clear()
