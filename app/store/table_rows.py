"""Records as rows of the tables and back; asks nothing."""

import msgspec

from .records import Conversation, Message, Reply, Status

CONVERSATION = (
    "id, title, created, updated, system, template, think, sampling, token_limit, leaf, pinned"
)
WHOLE = """text || coalesce((SELECT group_concat(piece, '') FROM (
  SELECT text AS piece FROM pieces WHERE message = messages.id ORDER BY row)), '')"""
MESSAGE = f"""id, conversation, parent, role, status, reply, created,
  CASE status WHEN 'writing' THEN {WHOLE} ELSE text END"""


def row_of(one: Conversation) -> tuple[object, ...]:
    """The values of the columns ``CONVERSATION``."""
    sampling = None if one.sampling is None else as_json(one.sampling)
    return (
        *(one.id, one.title, one.created, one.updated, one.system, one.template, one.think),
        *(sampling, one.limit, one.leaf, int(one.pinned)),
    )


def conversation_of(row: tuple[object, ...]) -> Conversation:
    """What ``row_of`` made a row of."""
    names = Conversation.__struct_fields__
    values = dict(zip(names, row, strict=True))
    stored = values["sampling"]
    values["sampling"] = None if stored is None else msgspec.json.decode(str(stored))
    return msgspec.convert(values, Conversation, strict=False)


def message_of(row: tuple[str, str, str | None, str, Status, str, float, str]) -> Message:
    """The message in the columns ``MESSAGE``."""
    ident, conversation, parent, role, status, reply, created, text = row
    return Message(
        id=ident,
        conversation=conversation,
        parent=parent,
        role="user" if role == "user" else "assistant",
        text=text,
        status=status,
        reply=_NO_REPLY if reply == "{}" else _decode_reply(reply),
        created=created,
    )


def as_json(value: object) -> str:
    """A record in one column."""
    return msgspec.json.encode(value).decode()


_NO_REPLY = Reply()
_decode_reply = msgspec.json.Decoder(Reply).decode
