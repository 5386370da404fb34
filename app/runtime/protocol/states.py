"""Messages about states: saving one to a file, loading one, taking some while a text is read."""

from typing import Literal

import msgspec

from .message_base import Message
from .prompts import Prompt


class StartState(msgspec.Struct, frozen=True):
    """The file of a state that a text begins from; the path in bytes, as in ``Load``.

    ``other_format``: one that was made with weights of another format may serve, as after a
    change of strategy; what comes of it is marked approximate.
    """

    path: bytes
    other_format: bool = False


class StateCache(msgspec.Struct, frozen=True, kw_only=True):
    """The folder in which a worker keeps the states of texts, and finds them after a restart.

    The path in bytes.  It holds at most ``budget_bytes``, of which ``day_bytes`` are written in a
    day at most, by all programs together.  ``half`` rounds what is written to float16.
    ``other_formats``: a state that weights of another format have computed may serve, as after a
    change of strategy, where a text need not repeat; what comes of it is marked approximate.
    Besides the ends of messages a text leaves a state every ``every_s`` seconds.
    """

    folder: bytes
    budget_bytes: int = 10_000_000_000
    day_bytes: int = 20_000_000_000
    half: bool = False
    other_formats: bool = False
    every_s: float = 10.0


class StateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a file tells of the state in it; what it does not tell is 0 or "".

    ``kind``: "saved" by this program after ``tokens`` tokens, "tuned" (it was trained), or
    "listed" (the tensors of the official package, in its order).  ``fingerprint`` and
    ``tokenizer`` are of the model that made it, which is called ``model``; ``format`` ("bf16") and
    ``backend`` are how, and ``approximate`` tells that another format had a part in it.  ``start``
    is the digest of the state that it began from, ``prefix`` that of the ``since`` tokens since
    then, ``checksum`` that of its numbers.
    """

    kind: Literal["saved", "tuned", "listed"] = "saved"
    generation: str = ""
    tokens: int = 0
    since: int = 0
    model: str = ""
    fingerprint: str = ""
    tokenizer: str = ""
    format: str = ""
    backend: str = ""
    approximate: bool = False
    start: str = ""
    prefix: str = ""
    checksum: str = ""


class Place(msgspec.Struct, frozen=True):
    """Where in a prompt a state is taken: after ``tokens`` tokens; and the file that it goes to.

    Without a ``path`` it is only remembered, in memory.
    """

    tokens: int
    path: bytes = b""


class StateParts(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a state besides its facts.

    ``norms``: that of every layer and head.  ``heads``: all numbers of some (layer, head), or of
    ``all_heads``; in generation 4, which has no heads, head 0 is the whole layer.  They are told
    of the places ``heads_at``, or of all where none are named.
    """

    norms: bool = False
    heads: tuple[tuple[int, int], ...] = ()
    all_heads: bool = False
    heads_at: tuple[int, ...] = ()


class StatesWanted(msgspec.Struct, frozen=True, kw_only=True):
    """At which places of a prompt and its reply states are taken, and what is told of each.

    These are the ``places``, and with ``every`` each multiple of so many tokens while the reply is
    written.  The last token of a reply is in no state, for nothing was computed after it.
    """

    places: tuple[Place, ...] = ()
    every: int = 0
    parts: StateParts = StateParts()


# requests


class LoadState(Message, frozen=True, tag=True, kw_only=True):
    """Read and check a state, and remember it; answered by one StateLoaded."""

    state: StartState


class SaveState(Message, frozen=True, tag=True, kw_only=True):
    """Read ``prompt`` and save the state after it; answered by Prefilled and one StatesTaken.

    ``document``: a text is encoded as it stands, and not as the beginning of a reply.
    """

    prompt: Prompt
    path: bytes
    start: StartState | None = None
    document: bool = False


class TakeStates(Message, frozen=True, tag=True, kw_only=True):
    """Read ``prompt`` and take states on the way; answered by Prefilled and one StatesTaken.

    Where ``parts`` of them are to be told, a StateSeen comes for each place as well.  ``exact``
    reads with the numbers that the tokens come to one by one (see ``Rwkv.forward``): anew where a
    state goes to a file, else from what such requests have left in memory.
    """

    prompt: Prompt
    places: tuple[Place, ...]
    start: StartState | None = None
    document: bool = False
    parts: StateParts = StateParts()
    exact: bool = False


# events


class TakenState(msgspec.Struct, frozen=True):
    """A state after ``tokens`` tokens of the prompt: its facts, and the size of its file."""

    tokens: int
    facts: StateFacts
    file_bytes: int = 0


class StateSeen(Message, frozen=True, tag=True, kw_only=True):
    """The state after ``tokens`` tokens of prompt and reply: what was to be told of it.

    Numbers are float32, little endian.  ``norms`` (L, H) are the Frobenius norms of all heads, in
    generation 4 (L, 3) those of numerator, denominator and peak; ``heads`` the matrices (N, N) of
    those asked for, in their order (all: layer by layer), [key, value] in generations 5 and 6 and
    [value, key] in 7, or in generation 4 the vectors (3, A).  ``taken`` are the files that were
    asked for here.
    """

    tokens: int
    norms: bytes = b""
    heads: tuple[bytes, ...] = ()
    taken: tuple[TakenState, ...] = ()


class HandOver(Message, frozen=True, tag=True, kw_only=True):
    """Write the remembered states to files in ``folder``; answered by one StatesHandedOver.

    Those used last come first, as many as ``most_bytes`` hold.
    """

    folder: bytes
    most_bytes: int


class TakeOver(Message, frozen=True, tag=True, kw_only=True):
    """Remember what another worker has written to ``folder``; answered by StatesHandedOver."""

    folder: bytes


class Park(Message, frozen=True, tag=True, kw_only=True):
    """Keep the weights alone until the next request: what is remembered goes; answered by Parked.

    It is to be handed over before.
    """


class KeepStates(Message, frozen=True, tag=True, kw_only=True):
    """Keep states in this folder from now on, or (None) in memory only; no answer follows."""

    cache: StateCache | None = None


# events


class StatesNotKept(Message, frozen=True, tag=True, kw_only=True):
    """States cannot be kept on the disk: a Failure's code and facts.  Told once, of no request."""

    code: str
    detail: str = ""
    facts: dict[str, str | int | float] = msgspec.field(default_factory=dict)


# endings


class StatesHandedOver(Message, frozen=True, tag=True, kw_only=True):
    """So many states were written, or taken over."""

    count: int


class Parked(Message, frozen=True, tag=True, kw_only=True):
    """What is left of the worker's memory: ``resident_bytes``, files that it uses included."""

    resident_bytes: int


class StateLoaded(Message, frozen=True, tag=True, kw_only=True):
    """The state fits the open model, which is ``running`` in a format ("bf16").

    ``approximate``: weights of another format made it.  ``bound``: the file tells that it is of
    this very model; else only its sizes were compared.
    """

    facts: StateFacts
    nbytes: int
    running: str = ""
    approximate: bool = False
    bound: bool = True


class StatesTaken(Message, frozen=True, tag=True, kw_only=True):
    """The states that were taken, all of them unless it was ``stopped`` by Cancel.

    Of ``prompt_tokens`` tokens ``computed_tokens`` were read for it; the others were remembered.
    """

    states: tuple[TakenState, ...]
    prompt_tokens: int
    computed_tokens: int
    prefill_s: float
    stopped: bool = False
    approximate: bool = False
