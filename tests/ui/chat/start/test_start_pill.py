"""A conversation that begins from a named state: it is kept, and every reply asks for it."""

import os

import pytest

from app.store.states.conversation_starts import ConversationStart
from app.ui.shell.hand_overs import take_hand_overs
from tests.ui.chat.conftest import chat, services  # noqa: F401 (fixtures)
from tests.ui.conftest import settled, until


@pytest.fixture
def book(tmp_path):
    (tmp_path / "book.safetensors").write_bytes(b"whatever the worker makes of it")
    return ConversationStart(str(tmp_path / "book.safetensors"), "The book & more")


async def test_replies_of_the_conversation_begin_there_also_after_it_is_opened_anew(chat, book):  # noqa: F811
    page, pill = chat.page, chat.page.start
    assert not pill.isVisible()
    pill.choose(book)
    assert (pill.isVisible(), pill.isChecked()) == (True, True)
    await chat.say("What is it about?")
    started = chat.speaker.starts[-1]
    assert (started.path, started.other_format) == (os.fsencode(book.path), True)
    ident = page.controller.conversation.id
    page.begin()
    await settled()
    assert (pill.keeper.now, pill.isVisible()) == (None, False)
    await chat.say("And without")
    assert chat.speaker.starts[-1] is None
    chat.services.conversations.starts._here.clear()  # as after a restart
    page.open(ident)
    await until(lambda: pill.keeper.now == book)
    await chat.say("Go on")
    assert chat.speaker.starts[-1].path == os.fsencode(book.path)
    os.unlink(book.path)
    await chat.say("And now it is gone")
    failed = page.controller.tree.path()[-1].reply
    assert (failed.failure, failed.failure_facts["why"]) == ("request-refused", "start-gone")
    menu = pill.menu_of_starts()
    assert [action.text() for action in menu.actions()] == [
        "The model's own beginning",
        "The book && more",
    ]
    menu.actions()[0].trigger()
    await chat.say("Plain again")
    assert chat.speaker.starts[-1] is None


async def test_the_start_goes_with_its_conversation_when_that_is_removed(chat, book):  # noqa: F811
    store = chat.services.conversations
    chat.page.start.choose(book)
    await chat.say("Hello")
    ident = chat.page.controller.conversation.id
    store.delete(ident).result(10)
    store.restore(ident).result(10)
    store.starts._here.clear()
    assert store.starts.of(ident).result(10) == book
    store.delete(ident).result(10)
    store.remove([ident]).result(10)
    assert store.starts.of(ident).result(10) is None


class Desk:
    """A window that has a chat."""

    def __init__(self, page):
        self.page, self.gone = page, []

    def go(self, key):
        self.gone.append(key)
        return self.page


async def test_the_states_page_hands_a_state_to_an_empty_chat(chat, book):  # noqa: F811
    await chat.say("Before")
    window = Desk(chat.page)
    take_hand_overs(chat.services, window)
    chat.services.handed.start.emit(book)
    assert window.gone == ["chat"]
    assert len(chat.page.controller.tree) == 0
    assert chat.page.start.keeper.now == book
