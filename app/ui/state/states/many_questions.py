"""Many questions that are asked of one state in one batch, and their answers; no widget.

All begin from the same state, which is read once; as many as memory sensibly holds are computed
together.
"""

import asyncio
import contextlib
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from app.batch.groups import group_size
from app.errors import Failure, NoModel
from app.runtime.families.family import family_named
from app.runtime.planning.machine import this_machine
from app.runtime.planning.strategy import parse
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Loaded, Piece
from app.runtime.protocol.prompts import Chat, Prompt, Text, Turn
from app.runtime.protocol.states import StartState
from app.system.atomic_file import writing
from app.ui.state.session import Session
from app.ui.state.tasks import Tasks

_REPAINT_MS = 100


class Answered(Enum):
    """How an answer stands."""

    WAITING = "waiting"
    BEGUN = "begun"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class _Asked:
    """What all questions have in common."""

    loaded: Loaded
    start: StartState
    options: GenerateOptions
    together: asyncio.Semaphore


@dataclass
class Answer:
    """One question and what was answered; ``tokens`` were written for it."""

    question: str
    text: str = ""
    tokens: int = 0
    status: Answered = Answered.WAITING
    failure: Failure | None = None


class ManyQuestions(QObject):
    """``begun`` when other questions are asked, ``changed`` a few times a second meanwhile and when
    all have ended.
    """

    begun = Signal()
    changed = Signal()

    def __init__(self, session: Session, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._tasks = session, tasks
        self.answers: list[Answer] = []
        self._task: asyncio.Task[None] | None = None
        self._due = QTimer(self, singleShot=True, interval=_REPAINT_MS)
        self._due.timeout.connect(self.changed)

    @property
    def running(self) -> bool:
        """Whether answers are being written."""
        return self._task is not None

    @property
    def ended(self) -> int:
        """How many answers have ended."""
        going = (Answered.WAITING, Answered.BEGUN)
        return sum(answer.status not in going for answer in self.answers)

    def begin(self, start: StartState, questions: Sequence[str], limit: int) -> None:
        """Ask all of them; nothing happens while others are being answered, or without any."""
        asked = [question.strip() for question in questions if question.strip()]
        if self.running or not asked:
            return
        self.answers = [Answer(question) for question in asked]
        self._task = self._tasks.start(self._ask(start, limit), self._end)
        self.begun.emit()

    def stop(self) -> None:
        """Stop; what was written stays."""
        if self._task is not None:
            self._task.cancel()

    async def save(self, place: Path) -> None:
        """Write questions and answers as JSON lines, or as CSV where the name ends so.

        Raises DiskFull and StoreError.
        """
        await self._tasks.thread(_write, place, [*self.answers])

    async def _ask(self, start: StartState, limit: int) -> None:
        loaded = self._session.loaded
        if loaded is None:
            raise NoModel
        most = await self._tasks.thread(_most_together, loaded)
        family = family_named(loaded.family, loaded.tokenizer)
        sampling = family.recommended("off", _template(loaded))
        options = GenerateOptions(limit=limit, sampling=sampling)
        asked = _Asked(loaded, start, options, asyncio.Semaphore(most))
        running = [asyncio.ensure_future(self._answer(one, asked)) for one in self.answers]
        try:
            await asyncio.gather(*running)
        except BaseException:
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            raise

    async def _answer(self, answer: Answer, asked: _Asked) -> None:
        async with asked.together:
            answer.status = Answered.BEGUN
            try:
                await self._write(answer, asked)
                answer.status = Answered.DONE
            except Failure as failure:
                answer.status, answer.failure = Answered.FAILED, failure
            self._show_soon()

    async def _write(self, answer: Answer, asked: _Asked) -> None:
        prompt = _prompt(answer.question, asked.loaded)
        events = self._session.generate(prompt, asked.options, asked.start)
        async with contextlib.aclosing(events):
            async for event in events:
                if isinstance(event, Piece):
                    answer.text += event.text if answer.text else event.text.lstrip()
                    answer.tokens += len(event.tokens)
                    self._show_soon()
                elif isinstance(event, Done) and event.taken_back:
                    answer.text = answer.text[: -event.taken_back]

    def _end(self) -> None:
        self._task = None
        self._due.stop()
        for answer in self.answers:
            if answer.status in (Answered.WAITING, Answered.BEGUN):
                answer.status = Answered.STOPPED
        self.changed.emit()

    def _show_soon(self) -> None:
        if not self._due.isActive():
            self._due.start()


def _template(loaded: Loaded) -> str:
    return next(iter(loaded.templates), "")


def _prompt(question: str, loaded: Loaded) -> Prompt:
    """A message of a chat, or where the model has no template the question as it stands."""
    template = _template(loaded)
    if not template:
        return Text(question)
    return Chat(turns=(Turn("user", question),), template=template)


def _most_together(loaded: Loaded) -> int:
    return group_size(loaded.spec, parse(loaded.strategy), this_machine())


def _write(place: Path, answers: Sequence[Answer]) -> None:
    with writing(place) as file:
        file.write(_table(answers) if place.suffix.lower() == ".csv" else _lines(answers))


def _lines(answers: Sequence[Answer]) -> bytes:
    rows = [{"question": one.question, "answer": one.text, "tokens": one.tokens} for one in answers]
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def _table(answers: Sequence[Answer]) -> bytes:
    """With the mark of UTF-8, which spreadsheets look for."""
    written = io.StringIO(newline="")
    table = csv.writer(written)
    table.writerow(("question", "answer", "tokens"))
    table.writerows((one.question, one.text, one.tokens) for one in answers)
    return written.getvalue().encode("utf-8-sig")
