"""Every message between the window (or command line) and a worker; knows no process and no pipe.

Requests carry an ``id``; a worker answers each with any number of events bearing that id,
and then exactly one ending.  Nothing else crosses but StatesNotKept, which belongs to no request.
Those about states are in ``states``.
"""

from typing import Any, Literal

import msgspec

from app.errors import BY_CODE, Failure
from app.runtime.planning.machine import Limits, Rates
from app.runtime.planning.plan import Plan
from app.runtime.planning.stepping_down import Preferences
from app.runtime.protocol.adapters import MergedAdapter
from app.runtime.protocol.encodings import Encode, Encoded
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.message_base import Message
from app.runtime.protocol.prompts import Prompt, Sampling
from app.runtime.protocol.scores import Score, Scored
from app.runtime.protocol.states import (
    HandOver,
    KeepStates,
    LoadState,
    Park,
    Parked,
    SaveState,
    StartState,
    StateCache,
    StateLoaded,
    StateSeen,
    StatesHandedOver,
    StatesNotKept,
    StatesTaken,
    TakeOver,
    TakeStates,
)
from app.runtime.protocol.token_spans import TokenSpan
from app.runtime.protocol.vocabulary_messages import ReadVocabulary, Vocabulary
from app.runtime.protocol.written_before import WrittenBefore
from app.runtime.spec import Spec

# requests


class Load(Message, frozen=True, tag=True, kw_only=True):
    """Open the checkpoint at ``path``; answered by LoadProgress events and one Loaded.

    The path is in bytes (os.fsencode), for not every name of a file is text.  Without a strategy
    the worker takes what planning recommends within ``limits``, with what this machine was measured
    to do before (``rates``).  ``threads`` compute, 0 for one a physical core.  ``preferences`` tell
    what is taken instead where memory runs out.  ``cache`` is where states are kept beyond this
    process, if they are.  ``adapters`` are merged into the weights, one after another.
    """

    path: bytes
    strategy: str = ""
    limits: Limits = Limits()
    rates: Rates | None = None
    threads: int = 0
    cache: StateCache | None = None
    preferences: Preferences = Preferences()
    adapters: tuple[MergedAdapter, ...] = ()


class Generate(Message, frozen=True, tag=True, kw_only=True):
    """Continue ``prompt``; answered by Prefilled, Pieces, StateSeen and one Done.

    The text goes on from ``start``, where there is one.  With ``afresh`` no remembered state is
    used and none is kept, so that nothing which was read before changes a bit of it.  It goes on
    as if what was written of it ``before``, in another worker, had been written in this one: with
    the limit, the draws, the stops and all else of the whole.
    """

    prompt: Prompt
    options: GenerateOptions = GenerateOptions()
    start: StartState | None = None
    afresh: bool = False
    before: WrittenBefore | None = None


class GenerateTogether(Message, frozen=True, tag=True, kw_only=True):
    """Begin all ``texts`` before anything is computed for one of them.

    Each is answered as it is when it is asked for alone; nothing answers this message itself.
    """

    texts: tuple[Generate, ...]


class Measure(Message, frozen=True, tag=True, kw_only=True):
    """Tell how fast memory is read in a block of so many bytes; answered by one Measured."""

    block_bytes: int


class MeasureRates(Message, frozen=True, tag=True, kw_only=True):
    """Measure what bounds models on this machine; answered by one Rated."""


class Cancel(Message, frozen=True, tag=True, kw_only=True):
    """Stop request ``id``; it still ends with its own Done (reason "stopped")."""


class Quit(Message, frozen=True, tag=True, kw_only=True):
    """Leave, at the next token at the latest; no answer follows."""


# events


class LoadProgress(Message, frozen=True, tag=True, kw_only=True):
    """``done`` of ``total`` layers are in memory, in the way that is tried now.

    A model could take ``room_bytes`` of its device when that way was begun.
    """

    done: int
    total: int
    strategy: str = ""
    room_bytes: int = 0


class Prefilled(Message, frozen=True, tag=True, kw_only=True):
    """``done`` of ``total`` prompt tokens have been read."""

    done: int
    total: int


class ReplyBegun(Message, frozen=True, tag=True, kw_only=True):
    """What follows is the reply of a Chat; comes before all else.

    ``tokens`` has the vocabulary, and as which tokens the reply that goes on is read: none where
    it is new, where they give more than its text, and where a reply goes on in another worker.
    """

    tokens: TokenSpan


class TokenFacts(msgspec.Struct, frozen=True):
    """One token, and what the request's ``Outputs`` asked for, in nats.

    ``logprob``, ``entropy``, ``rank`` and ``top`` are of the model's own distribution: ``rank`` 1
    is the best token, of equals the one with the lower id, and ``top`` are the best ones (id,
    log-probability), first to last.  ``sampled_logprob`` is the log-probability after all steps of
    the sampling: 0 where no other token was left.  ``hidden`` is the vector (C,) after ln_out
    that it was drawn from, float32, little endian; nothing where no token was read before it, as
    when a text goes straight on from a state.
    """

    token: int
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()
    sampled_logprob: float | None = None
    entropy: float | None = None
    rank: int | None = None
    hidden: bytes = b""


class Piece(Message, frozen=True, tag=True, kw_only=True):
    """New words, and the tokens since the last piece (no text while bytes are held back).

    ``lengths``, for a document: how many characters each of the tokens ends, also where these are
    held back because a stop may begin with them.
    """

    text: str
    tokens: tuple[TokenFacts, ...] = ()
    lengths: tuple[int, ...] = ()


# endings


class SteppedDown(msgspec.Struct, frozen=True):
    """Why a model runs in another way than it was to: the first one's strategy, and its failure.

    ``code`` and ``facts`` are the Failure's.
    """

    strategy: str
    code: str
    facts: dict[str, str | int | float] = {}


class Loaded(Message, frozen=True, tag=True, kw_only=True):
    """The model is ready.

    ``weights_bytes`` is what one token reads (without the embedding table).  ``tokenizer`` is
    "world", "neox20b", "bytes", "midi", "midi-piano", "abc" or "none", and ``has_tokenizer``
    tells whether it can be used: else its file is missing or broken, or none is known.
    ``vocabulary_not_used`` is a file beside the model that is damaged or another's.
    ``family`` is the name of the kind of models it belongs to, as it was recognised;
    ``templates`` are the prompt templates that fit, the usual one first; ``thinks`` tells whether
    the
    usual one knows think modes.  ``backend`` is what computes ("native avx512", "portable"), and
    ``note`` says in one line why it is not a faster one, or nothing.  ``stepped_down`` tells of a
    card that was to run it and could not.  ``fingerprint`` is that of the weights with all that
    was merged into them: states of this model carry it.  ``plan`` is the one that was really taken.
    ``vocabulary`` is the ``Tokenizer.identity`` that token ids of it belong to.  ``embeds`` are the
    tasks ("retr", "sts", "cls") for which it has heads that make sentence embeddings.
    """

    path: str
    name: str
    spec: Spec
    strategy: str
    backend: str = ""
    note: str = ""
    stepped_down: SteppedDown | None = None
    fingerprint: str = ""
    plan: Plan | None = None
    weights_bytes: int
    load_s: float
    tokenizer: str
    vocabulary: str = ""
    has_tokenizer: bool = True
    vocabulary_not_used: str = ""
    family: str = ""
    templates: tuple[str, ...]
    thinks: bool
    sampling: Sampling
    embeds: tuple[str, ...] = ()


class Done(Message, frozen=True, tag=True, kw_only=True):
    """The end of a text.

    ``reason``: "end" (token 0, or the text is all that its grammar wants), "stop" (a stop string),
    "limit", "stopped" (by Cancel), "blocked" (bans left nothing that its grammar lets come next).
    ``prefill_s`` is the time to the first logits, ``first_token_s`` from the request's arrival
    to the first token, ``decode_s`` the time of all further tokens.  ``taken_back``: so many
    characters at the end of the reply that was continued turned out to begin the stop.
    ``tokens_taken_back``: so many tokens at the end, of those written and of the reply that was
    continued, belong to the stop, wholly or with a part of their text.  Of the prompt's tokens
    ``computed_tokens`` were run through the model; the state after the others was remembered.
    ``approximate``: weights of another format had a part in what was remembered, or it was rounded.
    """

    reason: Literal["end", "stop", "limit", "stopped", "blocked"]
    prompt_tokens: int
    computed_tokens: int = 0
    tokens: int
    prefill_s: float
    decode_s: float
    first_token_s: float
    seed: int
    taken_back: int = 0
    tokens_taken_back: int = 0
    approximate: bool = False


class Measured(Message, frozen=True, tag=True, kw_only=True):
    """What limits the worker, as it is now: all its threads read memory at this speed.

    ``peak_memory_bytes`` is what it ever had before it was asked, ``resident_memory_bytes`` what
    it had just then.
    """

    read_bandwidth_bytes_per_s: float
    peak_memory_bytes: int
    resident_memory_bytes: int
    threads: int


class Rated(Message, frozen=True, tag=True, kw_only=True):
    """What the worker's threads read and multiply a second."""

    rates: Rates


class Failed(Message, frozen=True, tag=True, kw_only=True):
    """The request failed: a Failure's code, detail and facts."""

    code: str
    detail: str = ""
    facts: dict[str, str | int | float] = msgspec.field(default_factory=dict)


def failed(request: int, failure: Failure) -> Failed:
    """The ending that carries ``failure``."""
    return Failed(id=request, code=failure.code, detail=failure.detail, facts=failure.facts)


def failure_of(reply: Failed | StatesNotKept) -> Failure:
    """The failure that a reply carries, as the type that was raised."""
    return BY_CODE.get(reply.code, Failure)(reply.detail, **reply.facts)


TokenWork = Encode | ReadVocabulary
StateWork = LoadState | SaveState | TakeStates | HandOver | TakeOver | Park
EngineWork = Generate | Score | TokenWork | StateWork
Work = Load | Measure | MeasureRates | EngineWork
Request = Work | GenerateTogether | KeepStates | Cancel | Quit
Event = LoadProgress | ReplyBegun | Prefilled | Piece | Scored | StateSeen
StateEnding = StateLoaded | StatesTaken | StatesHandedOver | Parked
Ending = Loaded | Done | Encoded | Vocabulary | Measured | Rated | StateEnding | Failed
Reply = Event | Ending | StatesNotKept

_encoder = msgspec.msgpack.Encoder()


def encode(message: Message) -> bytes:
    """One message as bytes; text that is not Unicode (a lone surrogate) is mended first."""
    try:
        return _encoder.encode(message)
    except UnicodeEncodeError:
        return _encoder.encode(_mended(msgspec.to_builtins(message)))


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {name: _mended(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(inner) for inner in value]
    return value


decode_request = msgspec.msgpack.Decoder(Request).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode
