"""Records as rows of the tables and back; asks nothing.

A row may hold anything: a bit may have flipped on the disk, another program may have written there.
What can be read of it becomes a record, which then says that it is damaged.
"""

import math
from typing import Any, get_args

import msgspec

from app.runtime.protocol.prompts import Sampling
from app.system.json_file import decode

from .records import Conversation, Message, Reply, ReplyOptions, Role, Status, Think

CONVERSATION = (
    "id, title, created, updated, system, template, think, sampling, token_limit, leaf, pinned,"
    " folder, archived, own_title, options"
)
FIELDS = tuple(name for name in Conversation.__struct_fields__ if name != "damaged")
"""Of a Conversation, in the order of the columns."""
WHOLE = """coalesce(text, '') || coalesce((SELECT group_concat(piece, '') FROM (
  SELECT text AS piece FROM pieces WHERE message = messages.id ORDER BY row)), '')"""
MESSAGE = f"""row, id, conversation, parent, role, status, reply, created, name,
  CASE status WHEN 'writing' THEN {WHOLE} ELSE text END"""

_THINK = frozenset(get_args(Think))
_ROLES = frozenset(get_args(Role))
_STATUSES = frozenset(get_args(Status))
_LATEST = 4e9  # seconds since 1970: no calendar of a system is asked for more
_MOST_TOKENS = 1 << 31
_USUAL = Conversation(id="")
_NO_REPLY = Reply()
_DAMAGED = Reply(failure="store", failure_facts={"why": "row"})


def row_of(one: Conversation) -> tuple[object, ...]:
    """The values of the columns ``CONVERSATION``."""
    sampling = None if one.sampling is None else as_json(one.sampling)
    return (
        *(one.id, one.title, one.created, one.updated, one.system, one.template, one.think),
        *(sampling, one.limit, one.leaf, int(one.pinned)),
        *(one.folder, int(one.archived), int(one.own_title), as_json(one.options)),
    )


def conversation_of(row: tuple[Any, ...]) -> Conversation:
    """What ``row_of`` made a row of, or what can be read of it."""
    ident, title, created, updated, system, template, think, sampling, limit, *rest = row
    leaf, pinned, folder, archived, own_title, options = rest
    texts = (ident, title, system, template, think)
    sound = all(type(one) is str for one in texts)
    usual = type(limit) is int and 1 <= limit <= _MOST_TOKENS
    return Conversation(
        id=text_of(ident),
        title=text_of(title),
        created=time_of(created),
        updated=time_of(updated),
        system=text_of(system),
        template=text_of(template),
        think=think if think in _THINK else "off",
        sampling=None if sampling is None else _sampling(text_of(sampling)),
        limit=limit if usual else _USUAL.limit,
        leaf=leaf if type(leaf) is str else None,
        pinned=bool(pinned),
        folder=text_of(folder),
        archived=bool(archived),
        own_title=bool(own_title),
        options=_USUAL.options if options == "{}" else _options(text_of(options)),
        damaged=not (sound and usual and _is_number(created) and _is_number(updated)),
    )


def message_of(row: tuple[Any, ...]) -> Message:
    """The message in the columns ``MESSAGE``, or what can be read of it."""
    number, ident, conversation, parent, role, status, reply, created, name, text = row
    told = _NO_REPLY if reply == "{}" else _reply(reply)
    texts = type(ident) is str and type(text) is str and type(conversation) is str
    known = texts and role in _ROLES and status in _STATUSES
    if known and told is not None and _is_number(created):
        return Message(
            id=ident,
            conversation=conversation,
            parent=parent if type(parent) is str else None,
            role=role,
            text=text,
            status=status,
            reply=told,
            created=created,
            name=text_of(name),
        )
    return Message(
        id=text_of(ident) or f"damaged-{number}",
        conversation=text_of(conversation),
        parent=parent if type(parent) is str else None,
        role="user" if role == "user" else "assistant",
        text=text_of(text),
        status="done" if role == "user" else "failed",
        reply=_DAMAGED,
        created=time_of(created),
    )


def text_of(value: object) -> str:
    """A text out of a column that may hold anything."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else "" if value is None else str(value)


def number_of(value: object) -> float:
    """A number out of a column that may hold anything; 0 where it is none."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def time_of(value: object) -> float:
    """Seconds since 1970 that every calendar knows."""
    return min(max(number_of(value), 0.0), _LATEST)


def as_json(value: object) -> str:
    """A record in one column."""
    return msgspec.json.encode(value).decode()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= _LATEST


def _sampling(text: str) -> Sampling | None:
    try:
        return decode(text.encode("utf-8", "replace"), Sampling)
    except ValueError:
        return None


def _options(text: str) -> ReplyOptions:
    try:
        return decode(text.encode("utf-8", "replace"), ReplyOptions)
    except ValueError:
        return _USUAL.options


def _reply(stored: object) -> Reply | None:
    """None where it cannot be read."""
    if not isinstance(stored, str):
        return None
    try:
        return decode(stored.encode("utf-8", "replace"), Reply)
    except ValueError:
        return None
