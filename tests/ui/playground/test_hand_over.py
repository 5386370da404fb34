"""From the chat to the playground and back: the exact prompt, and a text as a conversation."""

import asyncio

from app.runtime.protocol.prompts import Sampling
from app.runtime.protocol.token_spans import unpack
from app.ui.state.chat.conversation import ConversationController
from app.ui.state.chat.prompt_as_text import open_prompt
from app.ui.state.playground.as_conversation import become_conversation, turns_in
from app.ui.state.playground.open_document import OpenDocument
from tests.ui.conftest import heard, until

from .conftest import GREEDY, Desk


async def test_the_exact_prompt_of_a_reply_is_a_text_with_the_tokens_the_model_has_read(desk: Desk):
    await desk.begun()
    talk = ConversationController(desk.services)
    talk.configure(limit=9, sampling=GREEDY, system="Be short.", template="")
    talk.send("Hi")
    await until(lambda: talk.writing is None)
    reply = talk.tree.path()[-1]
    assert reply.status == "done"
    with heard(desk.services.handed.text) as came:
        open_prompt(desk.services, talk, reply.id)
        await until(lambda: came)
    shown: OpenDocument = came[0][0]
    desk.page.take(shown)
    text = desk.text
    assert "Be short." in text
    assert text.endswith("Assistant:" + reply.text)
    assert [run.written for run in shown.text.runs(0, len(text))] == [False, True]
    asked = desk.supervisor.asked[-1]
    ids = desk.controller.ids()
    assert ids == (*asked, *unpack(talk.tree.tokens[reply.id].ids))
    before = len(desk.supervisor.done)
    desk.controller.configure(limit=3, sampling=GREEDY)
    await desk.go_on()
    assert desk.supervisor.done[before].computed_tokens <= 1, "the chat's state was found"
    talk.deleteLater()


def test_turns_are_found_where_a_text_is_written_in_turns():
    text = "System: Be short.\n\nUser: Hi\n\nthere\n\nAssistant: Hello\n\nUser: Bye\n\nAssistant:"
    assert turns_in(text) == [
        ("System", "Be short."),
        ("User", "Hi\n\nthere"),
        ("Assistant", "Hello"),
        ("User", "Bye"),
    ]
    assert turns_in("Once upon a time\n\nUser: no") == []


async def test_a_piece_becomes_a_conversation_that_keeps_its_tokens(desk: Desk):
    await desk.begun("Once upon")
    await desk.go_on()
    piece = desk.text[len("Once upon") :]
    with heard(desk.services.handed.conversation) as came:
        become_conversation(desk.services, desk.controller.open_document)
        await until(lambda: came)
    store = desk.services.conversations
    opened = await asyncio.wrap_future(store.open(came[0][0]))
    assert [(one.role, one.text) for one in opened.messages] == [
        ("user", "Once upon"),
        ("assistant", piece),
    ]
    assert opened.messages[1].reply.model == desk.session.loaded.name
    tokens = await asyncio.wrap_future(store.tokens(came[0][0]))
    assert tokens[opened.messages[1].id].vocabulary == desk.controller.vocabulary


async def test_turns_become_messages_and_a_text_without_a_reply_a_draft(desk: Desk):
    await desk.begun("System: Be short.\n\nUser: Hi\n\nAssistant: Hello\n\nUser: Bye\n\nAssistant:")
    desk.controller.configure(sampling=Sampling(temperature=0.5))
    with heard(desk.services.handed.conversation) as came:
        become_conversation(desk.services, desk.controller.open_document)
        await until(lambda: came)
    opened = await asyncio.wrap_future(desk.services.conversations.open(came[0][0]))
    assert opened.conversation.system == "Be short."
    assert opened.conversation.sampling == Sampling(temperature=0.5)
    assert [one.text for one in opened.messages] == ["Hi", "Hello", "Bye"]
    desk.controller.begin("Only a question")
    with heard(desk.services.handed.draft) as drafts:
        become_conversation(desk.services, desk.controller.open_document)
    assert drafts == [("Only a question",)]
