"""A text as a conversation: its turns where it is written in turns, else question and reply."""

import re
import time

from app.runtime.protocol.token_spans import TokenSpan, pack
from app.store.documents.document_records import Slice
from app.store.records import Conversation, Message, Reply, Role, new_id
from app.ui.state.services import Services
from app.ui.state.tasks import stored

from .open_document import OpenDocument, title_of, written_slice

_TURN = re.compile(r"(?:\A|\n\n)(System|User|Assistant|Instruction|Response):[ \n]?")
_ROLES: dict[str, Role] = {
    "User": "user",
    "Instruction": "user",
    "Assistant": "assistant",
    "Response": "assistant",
}


def turns_in(text: str) -> list[tuple[str, str]]:
    """Who says what, where the text is written in turns from its beginning; else nothing.

    A last turn that is still empty is none.
    """
    marks = list(_TURN.finditer(text))
    if not marks or marks[0].start():
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    turns = [
        (mark[1], text[mark.end() : end].strip()) for mark, end in zip(marks, ends, strict=True)
    ]
    return [turn for turn in turns if turn[1]]


def become_conversation(services: Services, shown: OpenDocument) -> None:
    """Make a conversation of a document's text, and show it in the chat.

    Its turns become messages.  Of another text what stands before the last piece of the model is
    the question and the piece the reply; a text without one is a draft of a question.
    """
    text = shown.text.text
    turns = turns_in(text)
    place = shown.piece_here()
    if len(turns) > 1:
        system = "\n\n".join(words for who, words in turns if who == "System")
        said = [(_ROLES[who], words) for who, words in turns if who in _ROLES]
    elif place is not None and text[: place[0]].strip():
        system = ""
        said = [("user", text[: place[0]].strip()), ("assistant", text[slice(*place)])]
    else:
        services.handed.draft.emit(turns[0][1] if turns else text.strip())
        return
    conversation = Conversation(
        id=new_id(),
        title=shown.document.title or title_of(text),
        created=time.time(),
        updated=time.time(),
        system=system,
        sampling=shown.document.settings.sampling,
    )
    messages, tokens = _messages(conversation, said, _written(shown))
    services.tasks.start(_keep(services, conversation, messages, tokens))


async def _keep(
    services: Services,
    conversation: Conversation,
    messages: list[Message],
    tokens: dict[str, TokenSpan],
) -> None:
    await stored(services.conversations.keep_whole(conversation, messages, tokens))
    services.handed.conversation.emit(conversation.id)


def _messages(
    conversation: Conversation, said: list[tuple[Role, str]], written: Slice | None
) -> tuple[list[Message], dict[str, TokenSpan]]:
    """The messages one after the other; the model's piece keeps its tokens where it is one."""
    messages: list[Message] = []
    tokens: dict[str, TokenSpan] = {}
    for role, words in said:
        reply = Reply()
        ident = new_id()
        if role == "assistant" and written and written.text.strip() == words.strip():
            reply = written.piece.made.reply if written.piece.made else reply
            if words == written.text and written.end == len(written.piece.text):
                piece = written.piece
                tokens[ident] = TokenSpan(piece.vocabulary, 0, pack(piece.ids))
        messages.append(
            Message(
                id=ident,
                conversation=conversation.id,
                parent=messages[-1].id if messages else None,
                role=role,
                text=words,
                reply=reply,
                created=time.time(),
            )
        )
    return messages, tokens


def _written(shown: OpenDocument) -> Slice | None:
    last = shown.last_written
    return written_slice(last) if last else None
