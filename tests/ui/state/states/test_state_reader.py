"""A text that is read once for a named state: kept, stopped, killed, and gone on with."""

import os
import signal

import pytest
import torch

from app.errors import WorkerDied
from app.library.states.state_records import StateNote
from app.runtime.generation.engine import Engine
from app.runtime.protocol.messages import Prefilled
from app.runtime.protocol.states import StateFacts
from app.runtime.states.state_files import Binding
from app.runtime.states.state_formats import load
from app.runtime.worker.supervisor import Supervisor
from app.store.settings import Settings
from app.ui.state.notices import Notices
from app.ui.state.states import state_reader
from app.ui.state.states.many_questions import Answered, ManyQuestions
from app.ui.state.states.named_state_list import NamedStateList
from app.ui.state.states.state_fit import Fit, fit_of
from app.ui.state.states.state_reader import StateReader
from tests.support.inline_worker import InlineWorker
from tests.ui.conftest import heard, until
from tests.ui.playground.sight import Sight

BOOK = "The rook counted the letters of the tower. " * 60


class Library:
    """Named states in a folder, and what reads them; ``again`` is the next start of the program."""

    def __init__(self, sight, folder):
        self.sight, self._folder = sight, folder
        self.again()

    def again(self):
        notices, tasks = Notices(), self.sight.tasks
        settings = Settings(self._folder / "settings.json")
        self.failures = []
        notices.posted.connect(self.failures.append)
        self.named = NamedStateList(self._folder / "named", settings, tasks, notices)
        self.reader = StateReader(self.sight.session, self.named, tasks, notices)
        return self

    async def read_to_end(self):
        await until(lambda: self.reader.reading is None)
        await self.named.looked()

    def state(self, opened, state):
        binding = Binding(opened.fingerprint, opened.tokenizer.name)
        return load(self.named.files.path(state.id), opened.model.spec, binding)


@pytest.fixture
def library(qapp, tmp_path):
    return Library(Sight(qapp, tmp_path), tmp_path)


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    """The test reads little, so states are kept often."""
    monkeypatch.setattr(state_reader, "KEPT_EVERY_S", 1e-9)
    monkeypatch.setattr(state_reader, "_BYTES_PER_S", 1e15)


async def test_a_text_becomes_a_named_state_that_is_the_models_own(library):
    try:
        await library.sight.open()
        with heard(library.reader.finished) as finished:
            library.reader.begin(BOOK, StateNote(name="Tower", read="tower.txt", created=3.0))
            library.reader.begin("another", StateNote(name="Other"))  # one at a time
            await library.read_to_end()
        (state,) = library.named.states
        assert finished == [(state.id,)]
        text = BOOK.rstrip() + "\n\n"
        assert (state.name, state.note.read, state.facts.tokens) == (
            "Tower",
            "tower.txt",
            len(text),
        )
        assert fit_of(state, library.sight.session.loaded) is Fit.FITS
        opened = library.sight.session._supervisor.engine._opened
        alone = opened.model.blank()
        tokens = torch.tensor([[byte + 0 for byte in opened.tokenizer.encode(text)]])
        opened.model.forward(tokens, alone)
        found = library.state(opened, state)
        torch.testing.assert_close(found.state.wkv, alone.wkv, rtol=1e-3, atol=1e-3)
        assert (library.failures, library.named.unfinished) == ([], ())
    finally:
        await library.sight.end_with_loop()


async def test_what_was_stopped_goes_on_after_a_restart_from_what_was_kept(library):
    try:
        await library.sight.open()
        library.reader.begin(BOOK, StateNote(name="Tower"))
        await until(lambda: library.reader.reading.done > 1100)
        library.reader.stop()
        await library.read_to_end()
        (one,) = library.named.unfinished
        assert 512 <= one.done < one.job.tokens
        assert one.done % 256 == 0
        library.again()
        await library.named.looked()
        library.reader.go_on(one.id)
        await library.read_to_end()
        library.reader.begin(BOOK, StateNote(name="Undisturbed"))
        await library.read_to_end()
        other, state = library.named.states
        opened = library.sight.session._supervisor.engine._opened
        assert (other.name, state.name) == ("Undisturbed", "Tower")
        assert torch.equal(
            library.state(opened, state).state.wkv, library.state(opened, other).state.wkv
        )
        library.reader.begin("And more.", StateNote(name="More"), state)
        await library.read_to_end()
        more = next(one for one in library.named.states if one.name == "More")
        assert more.facts.tokens == state.facts.tokens + len("And more.\n\n")
    finally:
        await library.sight.end_with_loop()


async def test_another_model_no_text_and_no_room_are_told_and_nothing_is_lost(library):
    try:
        library.reader.begin(BOOK, StateNote(name="No model"))
        await library.read_to_end()
        await library.sight.open()
        library.reader.begin(BOOK, StateNote(name="Tower"))
        await until(lambda: library.reader.reading.done > 600)
        library.reader.stop()
        await library.read_to_end()
        (one,) = library.named.unfinished
        await library.sight.open(name="other", vocabulary=255)
        library.reader.go_on(one.id)
        await library.read_to_end()
        assert library.reader.failures[one.id].facts["why"] == "reading-model"
        assert [left.id for left in library.named.unfinished] == [one.id]
        library.named._settings.change(named_states_budget=0)
        library.reader.begin("x", StateNote(name="Full"))
        await library.read_to_end()
        assert len(library.failures) == 3
        assert "limit" in library.failures[-1].text
        library.reader.discard(one.id)
        await until(lambda: library.named.unfinished == ())
    finally:
        await library.sight.end_with_loop()


class Mortal(InlineWorker):
    """Dies once while it reads, and has forgotten everything when it is asked again."""

    def __init__(self, on_change):
        super().__init__(on_change)
        self.dies_at, self.computed = 700, 0

    async def look_at_states(self, asked):
        async for event in super().look_at_states(asked):
            if isinstance(event, Prefilled):
                self.computed += 1
            if self.dies_at and self.computed > 2:
                self.dies_at = 0
                self.engine = Engine(self.engine._opened, self._note, self._cancelled)
                raise WorkerDied(exit_code=-9)
            yield event


async def test_reading_goes_on_by_itself_where_the_worker_died(qapp, tmp_path):
    library = Library(Sight(qapp, tmp_path, Mortal), tmp_path)
    try:
        await library.sight.open()
        library.reader.begin(BOOK, StateNote(name="Tower"))
        await library.read_to_end()
        (state,) = library.named.states
        assert state.facts.tokens == len(BOOK.rstrip() + "\n\n")
        assert library.sight.session._supervisor.dies_at == 0
        assert library.failures == []
    finally:
        await library.sight.end_with_loop()


@pytest.mark.exhaustive
async def test_reading_survives_the_death_of_the_worker(qapp, tmp_path):
    library = Library(Sight(qapp, tmp_path, Supervisor), tmp_path)
    session = library.sight.session
    try:
        await library.sight.open()
        library.reader.begin(BOOK, StateNote(name="Tower"))
        await until(lambda: library.reader.reading.done > 512)
        os.kill(session.worker_pid, signal.SIGKILL)
        await library.read_to_end()
        (state,) = library.named.states
        assert state.facts.tokens == len(BOOK.rstrip() + "\n\n")
        assert library.failures == []
    finally:
        await library.sight.end_with_loop()


async def test_many_questions_are_one_batch_and_each_is_answered_as_alone(library):
    session = library.sight.session
    try:
        await library.sight.open()
        library.reader.begin(BOOK, StateNote(name="Tower"))
        await library.read_to_end()
        start = library.named.start(library.named.states[0]).state
        many = ManyQuestions(session, library.sight.tasks)
        engine = session._supervisor.engine
        questions = [f"What is letter {n}?" for n in range(6)]
        before = engine.forwards
        many.begin(start, [*questions, "  "], 24)
        many.begin(start, ["twice"], 24)  # a second press changes nothing
        await until(lambda: not many.running)
        assert [answer.question for answer in many.answers] == questions
        assert {answer.status for answer in many.answers} == {Answered.DONE}, many.answers
        longest = max(answer.tokens for answer in many.answers)
        assert 0 < longest <= engine.forwards - before <= longest + 6
        many.begin(start, questions, 10_000)
        await until(lambda: any(answer.tokens > 3 for answer in many.answers))
        many.stop()
        await until(lambda: not many.running)
        assert Answered.STOPPED in {answer.status for answer in many.answers}
    finally:
        await library.sight.end_with_loop()


async def test_answers_are_saved_as_lines_and_as_a_table(library, tmp_path):
    try:
        many = ManyQuestions(library.sight.session, library.sight.tasks)
        many.begin(StateFacts, ["no model is open"], 4)
        await until(lambda: not many.running)
        assert many.answers[0].status is Answered.STOPPED
        many.answers[0].text = 'she said "no",\nand left'
        await many.save(tmp_path / "a.jsonl")
        assert '"answer":"she said \\"no\\",\\nand left"' in (tmp_path / "a.jsonl").read_text(
            "utf-8"
        )
        await many.save(tmp_path / "a.csv")
        assert '"she said ""no"",\nand left"' in (tmp_path / "a.csv").read_text("utf-8-sig")
    finally:
        await library.sight.end_with_loop()
