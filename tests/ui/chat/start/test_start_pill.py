"""A conversation that begins from a named state: it is kept, and every reply asks for it."""

import os

from app.store.states.conversation_starts import ConversationStart
from app.ui.shell.hand_overs import take_hand_overs
from tests.ui.chat.conftest import chat, services  # noqa: F401 (fixtures)
from tests.ui.conftest import settled, until

BOOK = ConversationStart("/states/book.safetensors", "The book & more")


async def test_replies_of_the_conversation_begin_there_also_after_it_is_opened_anew(chat):  # noqa: F811
    page, pill = chat.page, chat.page.start
    assert not pill.isVisible()
    pill.choose(BOOK)
    assert (pill.isVisible(), pill.isChecked()) == (True, True)
    await chat.say("What is it about?")
    started = chat.speaker.starts[-1]
    assert (started.path, started.other_format) == (os.fsencode(BOOK.path), True)
    ident = page.controller.conversation.id
    page.begin()
    await settled()
    assert (pill.keeper.now, pill.isVisible()) == (None, False)
    await chat.say("And without")
    assert chat.speaker.starts[-1] is None
    chat.services.conversations.starts._here.clear()  # as after a restart
    page.open(ident)
    await until(lambda: pill.keeper.now == BOOK)
    await chat.say("Go on")
    assert chat.speaker.starts[-1].path == os.fsencode(BOOK.path)
    menu = pill.menu_of_starts()
    assert [action.text() for action in menu.actions()] == [
        "The model's own beginning",
        "The book && more",
    ]
    menu.actions()[0].trigger()
    await chat.say("Plain again")
    assert chat.speaker.starts[-1] is None


async def test_the_start_goes_with_its_conversation_when_that_is_removed(chat):  # noqa: F811
    store = chat.services.conversations
    chat.page.start.choose(BOOK)
    await chat.say("Hello")
    ident = chat.page.controller.conversation.id
    store.delete(ident).result(10)
    store.restore(ident).result(10)
    store.starts._here.clear()
    assert store.starts.of(ident).result(10) == BOOK
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


async def test_the_states_page_hands_a_state_to_an_empty_chat(chat):  # noqa: F811
    await chat.say("Before")
    window = Desk(chat.page)
    take_hand_overs(chat.services, window)
    chat.services.handed.start.emit(BOOK)
    assert window.gone == ["chat"]
    assert len(chat.page.controller.tree) == 0
    assert chat.page.start.keeper.now == BOOK
