"""How likely a text is, token by token: what is asked of a worker, and what it answers."""

import msgspec

from .message_base import Message
from .prompts import Prompt


class Score(Message, frozen=True, tag=True, kw_only=True):
    """Tell how likely ``prompt`` is as it stands; answered by Scored events and one Done.

    ``top`` asks for that many best tokens at each place as well.
    """

    prompt: Prompt
    top: int = 0


class TokenScore(msgspec.Struct, frozen=True):
    """One token of a text, and what was known of its place from the tokens before it.

    ``logprob`` is its log-probability, ``entropy`` that of all tokens that could stand there (both
    in nats), ``rank`` its place among them, 1 being the likeliest; ``top`` are the likeliest (id,
    log-probability), first to last.  Before the first token nothing is known: None.
    """

    token: int
    logprob: float | None = None
    entropy: float | None = None
    rank: int | None = None
    top: tuple[tuple[int, float], ...] = ()


class Scored(Message, frozen=True, tag=True, kw_only=True):
    """The next tokens of the text that is scored; ``done`` of ``total`` are known with these."""

    tokens: tuple[TokenScore, ...]
    done: int
    total: int
