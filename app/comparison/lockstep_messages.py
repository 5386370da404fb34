"""What crosses the pipe to the process in which two models read one text."""

import msgspec

from app.runtime.planning.machine import Limits
from app.store.comparisons.comparison_records import Figures, TokenDifference

LOCKSTEP_ARGUMENT = "--lockstep"
"""The hidden first argument with which the program reads a text with two models."""


class ReadTogether(msgspec.Struct, frozen=True, kw_only=True):
    """Read a prompt and its answer with two models, each a path (os.fsencode) and a strategy.

    ``ids`` are as which the answer was written, in a ``vocabulary``: they hold where that is the
    models'.  ``threads`` compute, 0 for one a core.
    """

    sides: tuple[tuple[bytes, str], tuple[bytes, str]]
    prompt: str
    answer: str = ""
    ids: tuple[int, ...] = ()
    vocabulary: str = ""
    limits: Limits = Limits()
    threads: int = 0


class SideOpening(msgspec.Struct, frozen=True, tag=True):
    """So many layers of a side, 0 or 1, are in memory."""

    side: int
    done: int
    total: int


class TokensRead(msgspec.Struct, frozen=True, tag=True):
    """``done`` of ``total`` tokens are read; ``tokens`` are the newest of them."""

    done: int
    total: int
    tokens: tuple[TokenDifference, ...] = ()


class ReadBoth(msgspec.Struct, frozen=True, tag=True):
    """The end: how both differ; so many of the tokens were the prompt's."""

    figures: Figures
    prompt_tokens: int


class NotRead(msgspec.Struct, frozen=True, tag=True):
    """The end: a Failure's code, detail and facts."""

    code: str
    detail: str = ""
    facts: dict[str, str | int | float] = {}


Told = SideOpening | TokensRead | ReadBoth | NotRead

encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(ReadTogether).decode
decode_told = msgspec.msgpack.Decoder(Told).decode
