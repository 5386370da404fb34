"""Messages of a request as turns of a conversation."""

import json
from collections.abc import Sequence

from app.errors import RequestRefused, ServerRefused
from app.runtime.protocol.prompts import Turn
from app.server.http.request_body import check_length
from app.server.replies.tool_prompt import call_text, result_text

from .request_fields import Content, Message

_READ_PARTS = ("text", "input_text", "output_text", "refusal")
_SYSTEM = ("system", "developer")


def turns_of(messages: Sequence[Message]) -> tuple[Turn, ...]:
    """The turns; what tools have answered is said by the user.

    Raises ServerRefused for an unknown role and for what is no text, RequestRefused for nothing.
    """
    turns = tuple(turn for one in messages if (turn := _turn(one)) is not None)
    check_length(*(turn.text for turn in turns))
    if not any(turn.role != "system" for turn in turns):
        raise RequestRefused(why="no-turns")
    return turns


def text_of(content: Content) -> str:
    """The text of a message.  Raises ServerRefused for pictures and other things."""
    if content is None or isinstance(content, str):
        return content or ""
    texts = []
    for part in content:
        if part.type not in _READ_PARTS:
            raise ServerRefused(why="picture", value=part.type[:40])
        texts.append(part.text or part.refusal or "")
    return "\n".join(texts)


def _turn(message: Message) -> Turn | None:
    text = text_of(message.content)
    if message.role in _SYSTEM:
        return Turn("system", text) if text else None
    if message.role == "user":
        return Turn("user", text)
    if message.role in ("tool", "function"):
        return Turn("user", result_text(text))
    if message.role == "assistant":
        return Turn("assistant", _reply(message, text))
    wanted = "system,developer,user,assistant,tool"
    raise ServerRefused(
        why="field-value", name="messages.role", value=message.role[:40], wanted=wanted
    )


def _reply(message: Message, text: str) -> str:
    calls = []
    for one in message.tool_calls or ():
        arguments = one.function.arguments
        told = arguments if isinstance(arguments, str) else json.dumps(arguments)
        calls.append(call_text(one.function.name, told))
    return "\n".join([text, *calls] if text else calls)
