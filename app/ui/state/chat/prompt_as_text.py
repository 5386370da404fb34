"""A conversation as the model has read it: its exact prompt as a document of the playground."""

import time

from app.runtime.protocol.prompts import Text, Tokens
from app.runtime.protocol.token_spans import TokenSpan, unpack
from app.store.documents.document_records import Document, Made, TextPiece, WritingSettings
from app.store.records import Message, new_id
from app.ui.state.playground.document_text import DocumentText, whole
from app.ui.state.playground.open_document import OpenDocument
from app.ui.state.services import Services

from .conversation import ConversationController
from .reply_stream import with_tokens


def open_prompt(services: Services, controller: ConversationController, ident: str) -> None:
    """Show the prompt of a message in the playground, with the reply to it behind.

    ``ident`` is a reply, or a message of the person whose reply is to come.
    """
    services.tasks.start(_open(services, controller, ident))


async def _open(services: Services, controller: ConversationController, ident: str) -> None:
    message, session = controller.tree[ident], services.session
    reply = message if message.role == "assistant" else None
    last = reply.parent if reply else ident
    if last is None:
        return
    asked = controller.request(last)
    chat = await with_tokens(asked, services.conversations, message.conversation)
    prompt = await session.encode(chat, document=False)
    pieces = [
        TextPiece(
            new_id(), prompt.text, prompt.vocabulary, unpack(prompt.ids), unpack(prompt.lengths)
        )
    ]
    if reply is not None and len(reply.text) > len(asked.lead):
        tokens = await _tokens_of(services, controller, reply)
        pieces.append(await _reply_piece(services, reply, len(asked.lead), tokens))
    title = controller.conversation.title
    settings = WritingSettings(sampling=controller.conversation.sampling)
    document = Document(id=new_id(), title=title, created=time.time(), settings=settings)
    shown = OpenDocument(document)
    shown.replace(0, 0, DocumentText(whole(one) for one in pieces).slices)
    services.handed.text.emit(shown)


async def _tokens_of(
    services: Services, controller: ConversationController, reply: Message
) -> TokenSpan | None:
    known = controller.tree.tokens.get(reply.id)
    if known is not None:
        return known
    return (await services.tasks.thread(_stored, services, reply)).get(reply.id)


def _stored(services: Services, reply: Message) -> dict[str, TokenSpan]:
    return services.conversations.tokens(reply.conversation).result()


async def _reply_piece(
    services: Services, reply: Message, begin: int, span: TokenSpan | None
) -> TextPiece:
    """The reply's own words, as the tokens that it was written as where these give them."""
    session, words, made = services.session, reply.text[begin:], Made(reply=reply.reply)
    vocabulary = session.loaded.vocabulary if session.loaded else ""
    if span is not None and span.vocabulary == vocabulary and span.start <= begin:
        told = await session.encode(Tokens(unpack(span.ids)))
        if told.text == reply.text[span.start :] and span.start == begin:
            return TextPiece(
                new_id(), words, vocabulary, unpack(told.ids), unpack(told.lengths), made
            )
    told = await session.encode(Text(words))
    return TextPiece(new_id(), words, told.vocabulary, unpack(told.ids), unpack(told.lengths), made)
