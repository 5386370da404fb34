"""What is done with states: read, asked, brought in and out; the cards for it, and no list."""

import os
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.documents.document_client import read_documents
from app.errors import Failure
from app.library.states.state_norms import norms_in
from app.library.states.state_records import NamedState, StateNote, Unfinished
from app.messages.documents.document_failures import left_out_words
from app.messages.translate import tr
from app.runtime.checkpoint.file_names import MODEL_ENDINGS
from app.ui.state.model_opener import ModelOpener
from app.ui.state.models.model_names import plain_name
from app.ui.state.services import Services
from app.ui.state.states.many_questions import ManyQuestions
from app.ui.state.states.named_state_list import PAGE
from app.ui.state.states.state_fit import Fit, fit_of
from app.ui.state.states.state_reader import StateReader
from app.ui.widgets.dialogs import ask, ask_where

from .questions_card import QuestionsCard
from .reading_card import ReadingCard

_NO_TEXTS = frozenset((*MODEL_ENDINGS, ".st", ".state", ".bin"))
_NAMED = 3  # files that are named in what was read


class StateVerbs(QObject):
    """``begun`` when a text begins to be read; ``inspected`` carries an id and norms of heads."""

    begun = Signal()
    inspected = Signal(str, object)

    def __init__(self, services: Services, opening: ModelOpener, page: QWidget) -> None:
        super().__init__(page)
        self._services, self._opening, self._page = services, opening, page
        self.named = services.named_states
        session, tasks = services.session, services.tasks
        self.reader = StateReader(session, self.named, tasks, services.notices, self)
        self.many = ManyQuestions(session, tasks, self)
        self._reading_card: ReadingCard | None = None
        self._questions_card: QuestionsCard | None = None
        self._asked: NamedState | None = None

    def read_text(self) -> None:
        """Ask what is to be read."""
        loaded = self._services.session.loaded
        fitting = [s for s in self.named.states if fit_of(s, loaded) is Fit.FITS]
        name = plain_name(loaded.name, loaded.spec.parameters).partition(",")[0] if loaded else ""
        self.reading_card.offer(fitting, name)

    @property
    def reading_card(self) -> ReadingCard:
        """The only one of this window."""
        if self._reading_card is None:
            self._reading_card = ReadingCard(self._services.theme, self._page.window())
            self._reading_card.wanted.connect(self._read)
        return self._reading_card

    @property
    def questions_card(self) -> QuestionsCard:
        """The only one of this window."""
        if self._questions_card is None:
            window = self._page.window()
            card = self._questions_card = QuestionsCard(self._services.theme, self.many, window)
            card.asked.connect(self._ask_all)
            card.file_chosen.connect(lambda path: self._start(partial(self._questions_from, path)))
            card.save_wanted.connect(lambda place: self._start(partial(self.many.save, place)))
        return self._questions_card

    def _read(self, name: str, typed: str, files: tuple[Path, ...], base: str) -> None:
        self._start(partial(self._begin_reading, name, typed, files, base))

    async def _begin_reading(
        self, name: str, typed: str, files: tuple[Path, ...], base: str
    ) -> None:
        text, read = typed, tr("a text of {} characters").format(f"{len(typed):,}")
        if files:
            source = await read_documents(files)
            text, read = source.text, _named(source.files)
            if source.left_out:
                told = left_out_words([(one.name, one.why) for one in source.left_out])
                self._services.notices.news(told, about=PAGE)
        loaded = self._services.session.loaded
        note = StateNote(
            name=name, read=read, created=time.time(), model_path=loaded.path if loaded else ""
        )
        self.reader.begin(text, note, self.named.get(base))
        self.begun.emit()

    def _ask_all(self) -> None:
        card = self.questions_card
        if self._asked is not None:
            start = self.named.start(self._asked).state
            self.many.begin(start, card.lines, card.limit.value())

    def _offer_questions(self, state: NamedState) -> None:
        self._asked = state
        self.questions_card.offer(state.name)

    async def _questions_from(self, path: Path) -> None:
        source = await read_documents((path,))
        self.questions_card.questions.setPlainText(source.text.strip())

    def act(self, verb: str, row: NamedState) -> None:
        """One of the verbs of ``StateDetails``, with this state."""
        loaded, named = self._services.session.loaded, self.named
        acts = {
            "chat": lambda: self._services.handed.start.emit(named.start(row)),
            "ask": lambda: self._offer_questions(row),
            "open": lambda: self._opening.open(Path(row.note.model_path), chat=False),
            "inspect": lambda: self._start(partial(self._inspect, row)),
            "duplicate": lambda: named.duplicate(row.id),
            "export": lambda: self._export(row),
            "check": lambda: self._start(partial(self._check, row)),
            "bind": lambda: named.bind(row.id, loaded) if loaded is not None else None,
            "delete": lambda: named.delete(row.id),
            "restore": lambda: named.restore(row.id),
            "remove": lambda: named.remove((row.id,)),
        }
        acts[verb]()

    def act_unfinished(self, verb: str, row: Unfinished) -> None:
        """One of the verbs of ``UnfinishedDetails``, but "stop", with this text."""
        acts = {
            "go on": partial(self.reader.go_on, row.id),
            "discard": partial(self.reader.discard, row.id),
            "open": partial(self._opening.open, Path(row.job.note.model_path), chat=False),
        }
        acts[verb]()

    async def _inspect(self, state: NamedState) -> None:
        path = self.named.files.path(state.id)
        norms = await self._services.tasks.thread(norms_in, path)
        self.inspected.emit(state.id, norms)

    async def _check(self, state: NamedState) -> None:
        await self._services.tasks.thread(self.named.files.check, state.id)
        self._services.notices.news(tr("“{}” is whole.").format(state.name), about=PAGE)

    def _export(self, state: NamedState) -> None:
        name = f"{state.name.replace('/', '-')}.safetensors"
        ask_where(self._page, tr("Export the state"), name, partial(self.named.bring_out, state.id))

    def ask_files(self) -> None:
        """Let the person choose states to bring in."""
        dialog = QFileDialog(self._page, tr("Import states"), str(Path.home()))
        kinds = "*.safetensors *.pth *.st *.state"
        dialog.setNameFilters([tr("States ({})").format(kinds), tr("All files (*)")])
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(lambda chosen: self.bring_in([Path(one) for one in chosen]))
        ask(dialog)

    def take_dropped(self, paths: Sequence[Path]) -> bool:
        """Offer to read files of text and folders; True where that is what they are."""
        if not paths or any(map(_has_weights, paths)):
            return False
        if not self.reading_card.isVisible():
            self.read_text()
        self.reading_card.take_files(paths)
        return True

    def bring_in(self, paths: Sequence[Path]) -> None:
        """Copy states from outside into the list."""
        self.named.bring_in(paths, self._services.session.loaded)

    def _start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._services.tasks.start(self._told_of(work))

    async def _told_of(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        except Failure as failure:
            self._services.notices.failure(failure, about=PAGE)


def _has_weights(path: Path) -> bool:
    """Whether it is called as models and states are, or is a folder in which such a file lies."""
    inside = os.listdir(path) if path.is_dir() and os.access(path, os.R_OK) else ()
    return any(Path(name).suffix.lower() in _NO_TEXTS for name in (path.name, *inside))


def _named(files: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    first = ", ".join(files[:_NAMED])
    more = len(files) - _NAMED
    return tr("{} and {} more").format(first, more) if more > 0 else first
