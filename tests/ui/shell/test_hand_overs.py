"""What a page hands over arrives on the page that it is for."""

import asyncio
import time

from app.store.documents.document_records import Document
from app.store.records import Conversation, new_id, new_message
from app.ui.state.playground.document_text import typed_piece, whole
from app.ui.state.playground.open_document import OpenDocument
from tests.ui.conftest import settled, shown, until


async def test_a_text_goes_to_the_playground_and_a_conversation_to_the_chat(application):
    await shown(application)
    handed = application.services.handed
    text = OpenDocument(Document(id=new_id(), created=time.time()))
    text.replace(0, 0, (whole(typed_piece("User: Hi\n\nAssistant:")),))
    handed.text.emit(text)
    assert application.window.page == "playground"
    page = application.window.go("playground")
    assert page.text.editor.toPlainText() == "User: Hi\n\nAssistant:"
    page.controller.keeper.now()
    store = application.services.conversations
    (kept,) = await asyncio.wrap_future(store.documents.all())
    assert kept.title == "User: Hi"

    conversation = Conversation(id=new_id(), title="Kept", updated=time.time())
    store.add(conversation)
    store.append(new_message(conversation.id, None, "user", "Hello"))
    handed.conversation.emit(conversation.id)
    assert application.window.page == "chat"
    chat = application.window.go("chat")
    await until(lambda: chat.controller.conversation.id == conversation.id)

    handed.draft.emit("A question")
    await settled()
    assert chat.composer.edit.toPlainText() == "A question"
    assert chat.controller.conversation.id != conversation.id
