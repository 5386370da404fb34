"""Conversations and messages as values; they know no table."""

import os
import time
from typing import Literal

import msgspec

from app.runtime.protocol.chat_template import Template
from app.runtime.protocol.prompts import Sampling

Role = Literal["user", "assistant"]
Status = Literal["writing", "done", "stopped", "failed", "interrupted"]
Think = Literal["off", "on", "fake"]


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The footer of a reply: how it was made; 0 and "" stand for what was never known.

    ``reason`` is the Done's reason.  Of the prompt's tokens ``computed_tokens`` were read for it,
    the others were remembered; None where that is not known.  ``approximate``: weights of another
    format had a part in what was remembered, or it was rounded.  ``failure`` is a Failure's code,
    with its detail and facts.  ``edited``: a person wrote it, or its beginning.
    """

    model: str = ""
    strategy: str = ""
    reason: str = ""
    prompt_tokens: int = 0
    computed_tokens: int | None = None
    approximate: bool = False
    tokens: int = 0
    prefill_s: float = 0.0
    decode_s: float = 0.0
    first_token_s: float = 0.0
    seed: int | None = None
    failure: str = ""
    detail: str = ""
    failure_facts: dict[str, str | int | float] = {}
    edited: bool = False

    @property
    def tokens_per_s(self) -> float:
        """The speed of decoding; the first token belongs to the prefill."""
        return (self.tokens - 1) / self.decode_s if self.decode_s > 0 and self.tokens > 1 else 0.0


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message; those with one ``parent`` (None: the beginning) are each other's branches.

    ``name`` is what a person calls the branch that it begins.
    """

    id: str
    conversation: str
    parent: str | None
    role: Role
    text: str = ""
    status: Status = "done"
    reply: Reply = Reply()
    created: float = 0.0
    name: str = ""


class ReplyOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How replies are made, beyond the fields of a Conversation.

    ``answers`` are written at once to each message.  ``thought_limit`` is the most tokens of a
    thought, 0 for any number.  ``form`` is a template of the conversation's own, in place of a
    known one.  ``persona`` is the id of the one that it began with.
    """

    answers: int = 1
    thought_limit: int = 0
    form: Template | None = None
    persona: str = ""


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation without its messages; times are seconds since 1970.

    ``leaf`` is the last message of the branch that is shown.  ``sampling`` None is what the
    model recommends, ``limit`` the most tokens of a reply.  ``folder`` is the name of the one that
    it lies in ("": none).  ``own_title``: a person gave it its title.  ``damaged``: not all of it
    can be read.
    """

    id: str
    title: str = ""
    created: float = 0.0
    updated: float = 0.0
    system: str = ""
    template: str = ""
    think: Think = "off"
    sampling: Sampling | None = None
    limit: int = 2048
    leaf: str | None = None
    pinned: bool = False
    folder: str = ""
    archived: bool = False
    own_title: bool = False
    options: ReplyOptions = ReplyOptions()
    damaged: bool = False


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation in which words were found, and the words around the first place.

    ``message`` is the message that holds them; "" where it is the title.
    """

    conversation: Conversation
    excerpt: str
    message: str = ""


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation and all its messages of all branches, oldest first."""

    conversation: Conversation
    messages: tuple[Message, ...]
    trashed: bool = False


class Trashed(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation in the trash: since when (seconds since 1970), its size, how long it stays."""

    conversation: Conversation
    since: float
    messages: int
    left_s: float


def new_id() -> str:
    """A name that no other record has; later ones sort after earlier ones."""
    return f"{time.time_ns():016x}{os.urandom(6).hex()}"


def new_message(
    conversation: str, parent: str | None, role: Role, text: str = "", status: Status = "done"
) -> Message:
    """A message of now."""
    return Message(
        id=new_id(),
        conversation=conversation,
        parent=parent,
        role=role,
        text=text,
        status=status,
        created=time.time(),
    )
