"""The States page: what is shown of states and texts, and what is done by mouse and keys."""

import dataclasses
import os

import pytest
import torch
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QHBoxLayout, QWidget

from app.ui.state.session import Session
from app.ui.states.state_list_model import StateRole
from app.ui.states.states_page import StatesPage
from app.ui.widgets.pointer import Pointer
from tests.runtime.small_models import small_file
from tests.support.checkpoints import write_pth
from tests.support.inline_worker import InlineWorker
from tests.ui.chat.conftest import services  # noqa: F401 (a fixture)
from tests.ui.conftest import double_click_over, heard, settled, until

BOOK = "The rook counted the letters of the tower. " * 12


class Opener:
    """What the window would open."""

    def __init__(self):
        self.opened = []

    def open(self, path, *, chat=True):
        self.opened.append((path, chat))


class Stage:
    """The page in a window of its own, on an engine in this process."""

    def __init__(self, made, folder):
        self.session = Session(InlineWorker(lambda: self.session.note_change()), made.tasks)
        self.services = dataclasses.replace(made, session=self.session)
        self.opener, self.folder = Opener(), folder
        self.posted = []
        made.notices.posted.connect(self.posted.append)
        self.frame = QWidget()

    async def show(self):
        self.page = StatesPage(self.services, self.opener)
        QHBoxLayout(self.frame).addWidget(self.page)
        self.frame.resize(1200, 760)
        Pointer(QApplication.instance(), self.frame)
        self.frame.show()
        self.frame.activateWindow()
        self.page.arrived()
        await until(lambda: self.page.named.known)
        return self.page

    async def open(self, name="small", **sizes):
        path = small_file(self.folder, name=name, **sizes)
        await self.session.opened(path, "cpu fp32")
        self.session.note_change()
        await settled()
        return path

    async def read(self, words=BOOK, name="Tower"):
        """By the card, as a person does it."""
        page = self.page
        QTest.mouseClick(page.head.read, Qt.MouseButton.LeftButton)
        card = page.verbs.reading_card
        card.name.setText(name)
        card.text.setPlainText(words)
        await double_click_over()
        QTest.mouseClick(card.read, Qt.MouseButton.LeftButton)
        await until(lambda: any(state.name == name for state in page.named.states))

    def lines(self):
        model = self.page.model
        return [
            (model.index(row).data(), model.index(row).data(StateRole.BELOW))
            for row in range(model.rowCount())
        ]

    async def end_with_loop(self):
        await self.services.tasks.close()
        self.close()
        await self.session.close()

    def close(self):
        self.frame.hide()
        self.frame.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def stage(services, tmp_path):  # noqa: F811
    return Stage(services, tmp_path)


async def test_a_text_is_read_and_talked_to_asked_and_kept(stage):
    page = await stage.show()
    assert page._stack.currentWidget() is page.blank
    page.verbs.read_text()
    assert not page.verbs.reading_card.read.isEnabled(), "no model reads it"
    page.verbs.reading_card.close_card()
    await stage.open()
    await stage.read()
    assert page._stack.currentWidget() is not page.blank
    ((name, below),) = stage.lines()
    assert name == "Tower"
    assert f"{len(BOOK.rstrip()) + 2} tokens" in below
    assert page.details.verbs["chat"].isVisible()
    with heard(stage.services.handed.start) as begun:
        for press in (QTest.mouseClick, QTest.mouseDClick):
            press(page.details.verbs["chat"], Qt.MouseButton.LeftButton)
        page.list.setFocus()
        QTest.keyClick(page.list, Qt.Key.Key_Return)
    assert {start.name for (start,) in begun} == {"Tower"}
    assert len(begun) == 2
    page.verbs.act("inspect", page.row)
    await until(page.details.picture.isVisible)
    page.verbs.act("ask", page.row)
    card = page.verbs.questions_card
    card.questions.setPlainText("Who?\n\nWhy?\n")
    card.limit.setValue(3)
    card.asked.emit()
    await until(lambda: page.verbs.many.answers and not page.verbs.many.running)
    assert card.model.rowCount() == 2
    assert card.save.isVisible()


async def test_two_presses_of_delete_take_one_state_and_each_comes_back(stage):
    page = await stage.show()
    await stage.open()
    await stage.read(name="One")
    page.verbs.act("duplicate", page.row)
    await until(lambda: len(page.named.states) == 2)
    await settled()
    page.list.setFocus()
    stage.posted.clear()
    chosen = page.row.name
    QTest.keyClick(page.list, Qt.Key.Key_Delete)
    await until(lambda: len(page.named.trashed) == 1)
    (undo,) = [notice for notice in stage.posted if notice.act is not None]
    assert chosen in undo.text
    assert page.trash.text() == "Trash · 1"
    page.trash.click()
    assert [line[0] for line in stage.lines()] == [chosen]
    assert page.details.verbs["restore"].isVisible()
    assert not page.details.verbs["chat"].isVisible()
    undo.act()
    await until(lambda: len(page.named.states) == 2)
    assert page.row.name == chosen
    page.verbs.act("delete", page.row)
    await until(lambda: page.named.trashed)
    page.trash.click()
    page.details.acted.emit("remove")
    await until(lambda: not page.named.trashed)
    assert len(list(page.named.files.folder.glob("*.safetensors"))) == 1


async def test_names_and_words_are_kept_when_another_state_is_shown(stage):
    page = await stage.show()
    await stage.open()
    await stage.read(name="One")
    page.details.name.setText("The first & only")
    page.details.name.editingFinished.emit()
    await until(lambda: page.named.states[0].name == "The first & only")
    page.details.about.setPlainText("for questions 🐦")
    await stage.read(name="Two")
    await until(lambda: any(state.note.about for state in page.named.states))
    first = next(state for state in page.named.states if state.name.startswith("The first"))
    assert first.note.about == "for questions 🐦"


async def test_states_from_outside_and_damaged_ones_say_what_they_are(stage, tmp_path):
    page = await stage.show()
    await stage.open()
    spec = stage.session.loaded.spec
    shape = (spec.heads, spec.head_size, spec.head_size)
    tuned = {f"blocks.{i}.att.time_state": torch.ones(shape) for i in range(spec.layers)}
    page.verbs.bring_in([write_pth(tmp_path / "tuned.pth", tuned), tmp_path / "none.pth"])
    await until(lambda: page.named.states and page.named.states[0].fingerprint)
    assert page.named.states[0].model == "small", "it fits the open model by its sizes"
    assert len(stage.posted) == 1, "what is not there is told"
    ident = page.named.states[0].id
    other = await stage.open(name="other", vocabulary=255)
    await until(lambda: page.details.verbs["chat"].isHidden())
    assert page.model.index(0).data(StateRole.DIM)
    page.named.bind(ident, stage.session.loaded)
    await until(page.details.verbs["chat"].isVisible)
    assert page.named.states[0].note.model_path == str(other)
    os.truncate(page.named.files.path(ident), 40)
    page.named.refresh()
    await until(lambda: page.named.states[0].failure is not None)
    assert "damaged" in stage.lines()[0][1]
    assert page.details.verbs["delete"].isVisible()
    assert page.details.verbs["export"].isHidden()


async def test_what_was_begun_by_a_killed_window_is_offered_with_its_model(stage):
    page = await stage.show()
    path = await stage.open()
    page.verbs.reader.begin(BOOK * 9, page.named.files._note("none"))
    await until(lambda: page.reader.reading and page.reader.reading.done > 256)
    page.unfinished.verbs["stop"].click()
    await until(lambda: page.named.unfinished and page.reader.reading is None)
    await until(page.unfinished.verbs["go on"].isVisible)
    assert "stopped at" in stage.lines()[0][1]
    await stage.open(name="other", vocabulary=255)
    await until(page.unfinished.verbs["go on"].isHidden)
    await double_click_over()
    page.unfinished.verbs["discard"].click()
    await until(lambda: not page.named.unfinished)
    assert path.exists()
