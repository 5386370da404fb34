"""What each token of the open model's vocabulary is: asked of a worker once, and its answer."""

from .message_base import Message


class ReadVocabulary(Message, frozen=True, tag=True, kw_only=True):
    """Tell the bytes of every token of the open model; answered by one Vocabulary."""


class Vocabulary(Message, frozen=True, tag=True, kw_only=True):
    """``pieces[id]`` are the bytes of a token, none where it has no text.

    ``identity`` tells this vocabulary from others; ``ends`` are the tokens that end a reply.
    """

    identity: str
    pieces: tuple[bytes, ...]
    ends: tuple[int, ...] = ()
