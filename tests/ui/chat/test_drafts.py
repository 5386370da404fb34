"""What is typed and not sent stays with its conversation, whatever happens to the window."""

import os
import signal
import subprocess
import sys

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from app.store.conversations import open_conversations
from app.store.drafts import NEW, Draft, Edit
from tests.ui.conftest import settled, until
from tests.ui.transcript.test_branches import _fill_disk, _make_room

from .conftest import Scene, _services
from .speaker import Speaker, loaded


class Windows:
    """Opens windows on one data folder, and closes them."""

    def __init__(self, qapp, folder) -> None:
        self._qapp, self._folder, self._open = qapp, folder, []

    async def __call__(self) -> Scene:
        scene = Scene(_services(self._qapp, self._folder, Speaker(model=loaded())))
        self._open.append(scene)
        assert scene.page.isVisible()
        if scene.services.settings.now.conversation:
            await until(lambda: len(scene.page.controller.tree))
        await until(lambda: scene.page.pane._looking is not None)
        await settled(30)
        return scene

    async def close(self, scene: Scene) -> None:
        self._open.remove(scene)
        await scene.end_with_loop()
        scene.services.library.close()
        scene.services.conversations.close()
        scene.services.settings.close()

    async def end_with_loop(self) -> None:
        for scene in list(self._open):
            await self.close(scene)


@pytest.fixture
def windows(qapp, tmp_path):
    return Windows(qapp, tmp_path)


def field(scene: Scene) -> str:
    return scene.page.composer.edit.toPlainText()


def paste(scene: Scene, text: str) -> None:
    mime = QMimeData()
    mime.setText(text)
    scene.page.composer.edit.insertFromMimeData(mime)


async def conversation(scene: Scene, words: str) -> str:
    scene.page.begin()
    await scene.say(words)
    return scene.page.controller.conversation.id


async def show(scene: Scene, ident: str) -> None:
    scene.page.open(ident)
    await until(lambda: scene.page.controller.conversation.id == ident)


async def test_each_conversation_has_its_own_draft_and_so_has_the_new_one(chat):
    first = await conversation(chat, "First")
    QTest.keyClicks(chat.page.composer.edit, "half a thought")
    paste(chat, "book " * 2000)
    second = await conversation(chat, "Second")
    assert field(chat) == "", "it follows nobody"
    QTest.keyClicks(chat.page.composer.edit, "for the second")
    chat.page.begin()
    QTest.keyClicks(chat.page.composer.edit, "for a new one")
    await show(chat, first)
    assert (field(chat), len(chat.page.composer._pasted)) == ("half a thought", 1)
    await show(chat, second)
    assert (field(chat), chat.page.composer._pasted) == ("for the second", [])
    chat.page.begin()
    assert field(chat) == "for a new one"
    chat.page.begin()
    assert field(chat) == "for a new one"
    await show(chat, first)
    QTest.keyClick(chat.page.composer.edit, Qt.Key.Key_Return)
    await chat.answered()
    assert chat.texts()[-2] == "half a thought\n\n" + "book " * 2000
    assert field(chat) == ""
    assert chat.page.drafts.of(first) == Draft()


async def test_all_that_was_typed_is_there_again_after_a_restart(windows):
    chat = await windows()
    first = await conversation(chat, "First")
    second = await conversation(chat, "Second")
    QTest.keyClicks(chat.page.composer.edit, "    next")
    paste(chat, "book " * 2000)
    asked = chat.page.controller.tree.path()[0].id
    chat.page.sending.edit(asked)
    QTest.keyClicks(chat.page.composer.edit, " thought")
    chat.page.begin()
    QTest.keyClicks(chat.page.composer.edit, "new")
    chat.page.panel.system.setPlainText("Be brief.")
    await windows.close(chat)
    chat = await windows()
    await until(lambda: field(chat))
    assert (field(chat), chat.page.controller.conversation.system) == ("new", "Be brief.")
    assert chat.page.panel.system.toPlainText() == "Be brief."
    await show(chat, second)
    assert (field(chat), chat.page.composer.editing) == ("Second thought", asked)
    assert chat.page.composer._chips.isHidden(), "the card waits for its message"
    QTest.keyClick(chat.page.composer.edit, Qt.Key.Key_Return)
    await chat.answered()
    assert chat.texts()[0] == "Second thought"
    assert (field(chat), chat.page.composer._chips.isHidden()) == ("    next", False)
    QTest.keyClick(chat.page.composer.edit, Qt.Key.Key_Return)
    await chat.answered()
    assert chat.texts()[2] == "    next\n\n" + "book " * 2000, "sent once, with its message"
    await show(chat, first)
    assert field(chat) == ""
    chat.page.begin()
    await chat.say("new")
    chat.page.begin()
    assert (field(chat), chat.page.controller.conversation.system) == ("", "")


async def test_an_edit_carries_the_words_of_the_field_alone(chat):
    await chat.say("First question")
    paste(chat, "book " * 2000)
    QTest.keyClick(chat.page.composer.edit, Qt.Key.Key_Up)
    QTest.keyClicks(chat.page.composer.edit, " please")
    assert chat.page.composer._chips.isHidden()
    paste(chat, "page " * 2000)
    QTest.keyClick(chat.page.composer.edit, Qt.Key.Key_Return)
    await chat.answered()
    assert chat.texts()[0] == ("First question please" + "page " * 2000).rstrip()
    assert not chat.page.composer._chips.isHidden()
    QTest.keyClick(chat.page.composer.edit, Qt.Key.Key_Return)
    await chat.answered()
    assert chat.texts()[2] == "book " * 2000
    assert chat.page.composer._pasted == []


async def test_an_edit_that_is_left_for_another_one_waits(chat):
    await chat.say("One")
    await chat.say("Two")
    one, two = (
        message.id for message in chat.page.controller.tree.path() if message.role == "user"
    )
    chat.page.composer.edit.setPlainText("next")
    chat.page.sending.edit(one)
    QTest.keyClicks(chat.page.composer.edit, " more")
    chat.page.sending.edit(two)
    assert field(chat) == "Two"
    assert chat.page.drafts.of(chat.page.controller.conversation.id).edits == (
        Edit(one, "One more"),
    )
    chat.page.sending.edit(one)
    assert field(chat) == "One more"
    QTest.keyClick(chat.page.composer.edit, Qt.Key.Key_Escape)
    assert field(chat) == "next"
    assert chat.page.drafts.of(chat.page.controller.conversation.id) == Draft(text="next")


async def test_a_number_being_typed_belongs_to_its_conversation(chat):
    ident = await conversation(chat, "First")
    chat.page._toggle_panel()
    limit = chat.page.panel.limit
    limit.setFocus()
    limit.selectAll()
    QTest.keyClicks(limit, "777")
    chat.page.panel.fields._fields["top_k"].lineEdit().setText("9")
    before = chat.page.controller.recommended().top_k
    chat.page.begin()
    await settled()
    assert chat.page.controller.sampling().top_k == before
    kept = chat.services.conversations.open(ident).result(10).conversation
    assert (kept.limit, kept.sampling.top_k) == (777, 9)


async def test_a_draft_comes_back_with_its_deleted_conversation(chat):
    ident = await conversation(chat, "First")
    QTest.keyClicks(chat.page.composer.edit, "half a thought")
    chat.page.pane.delete(chat.page.controller.conversation)
    await until(lambda: field(chat) == "")
    chat.services.conversations.restore(ident)
    await show(chat, ident)
    assert field(chat) == "half a thought"


async def test_words_stay_when_an_example_is_asked(chat):
    QTest.keyClicks(chat.page.composer.edit, "half a thought")
    chat.page._ask("What is RWKV?")
    await chat.answered()
    assert field(chat) == "half a thought"
    chat.page.begin()
    assert field(chat) == "", "they belong to the conversation that began below them"


async def test_two_windows_lose_nothing(windows):
    one, two = await windows(), await windows()
    QTest.keyClicks(one.page.composer.edit, "from one")
    QTest.keyClicks(two.page.composer.edit, "from two")
    await windows.close(one)
    two.page._look_again()
    await until(lambda: "from one" in field(two))
    assert field(two) == "from two\n\nfrom one"
    await windows.close(two)
    again = await windows()
    await until(lambda: field(again) == "from two\n\nfrom one")


async def test_a_full_disk_costs_nothing_else_and_the_draft_is_stored_later(chat):
    said = []
    chat.services.notices.posted.connect(said.append)
    database = chat.services.conversations._database
    chat.page  # noqa: B018 (builds it)
    await settled()
    _fill_disk(database)
    chat.page.composer.edit.setPlainText("half a thought" + "x" * 100_000)
    chat.page.drafts.keep()
    await until(lambda: chat.page.drafts._unstored)
    assert said == []
    _make_room(database)
    chat.page.drafts.keep()
    stored = "SELECT count(*) FROM drafts"
    await until(lambda: database.read(lambda file: file.execute(stored).fetchone()).result(9)[0])


async def test_a_rename_under_way_is_left_alone_and_survives(windows):
    chat = await windows()
    ident = await conversation(chat, "First")
    view = chat.page.pane.list
    await until(lambda: chat.page.pane.model.rowCount() == 2)
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_F2)
    QTest.keyClicks(view.findChild(QLineEdit), "Corv")
    chat.page.pane.model.note_writing()
    chat.services.conversations.pin(ident, pinned=True).result(10)
    await settled(100)
    assert view.findChild(QLineEdit).text() == "Corv", "a change of the list takes nothing away"
    assert chat.page.drafts.of(ident).title == "Corv"
    chat.page.drafts.keep()
    chat.services.conversations.drafts.release().result(10)  # as a kill leaves them
    other = await windows()
    view = other.page.pane.list
    await until(lambda: view.findChild(QLineEdit) is not None)
    assert view.findChild(QLineEdit).text() == "Corv"
    QTest.keyClicks(view.findChild(QLineEdit), "ids")
    QTest.keyClick(view.findChild(QLineEdit), Qt.Key.Key_Return)
    await until(lambda: other.page.head.title.text() == "Corvids")
    assert other.page.drafts.of(ident).title == ""


PROGRAM = """
import asyncio, sys
from pathlib import Path
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop
from tests.ui.chat.conftest import _services
from tests.ui.chat.speaker import Speaker, loaded
from app.ui.chat.chat_page import ChatPage

app = QApplication([])
services = _services(app, Path(sys.argv[1]), Speaker(model=loaded()))

async def live():
    page = ChatPage(services)
    page.show()
    QTest.keyClicks(page.composer.edit, "half a thought")
    page.composer.attach("a book")
    page.panel.system.setPlainText("Be brief.")
    await asyncio.sleep(1)
    print("typed a second ago", flush=True)
    await asyncio.sleep(60)

loop = QEventLoop(app)
asyncio.set_event_loop(loop)
with loop:
    loop.run_until_complete(live())
"""


def test_what_was_typed_a_second_ago_survives_the_kill_of_the_program(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    store, trouble = open_conversations(tmp_path / "conversations.sqlite3")
    assert trouble is None
    left = store.drafts.take().result(10)
    store.close()
    assert left == {NEW: Draft(text="half a thought", cards=("a book",), system="Be brief.")}
