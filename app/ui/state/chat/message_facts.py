"""What a message tells about its conversation and its own end; changes nothing."""

from app.errors import BY_CODE, Failure
from app.store.records import Message

_TITLE_LENGTH = 60


def title_of(text: str) -> str:
    """The first line of a text, cut at a word."""
    line = " ".join(text.strip().split("\n", 1)[0].split())
    if len(line) <= _TITLE_LENGTH:
        return line
    cut = line[:_TITLE_LENGTH]
    at = cut.rfind(" ")
    return cut[: at if at > _TITLE_LENGTH // 2 else _TITLE_LENGTH] + "…"


def failure_of(message: Message) -> Failure | None:
    """The failure that ended a stored reply."""
    reply = message.reply
    if not reply.failure:
        return None
    family = BY_CODE.get(reply.failure, Failure)
    return family(reply.detail, **reply.failure_facts)
