"""Prompts and sampling options, as the messages carry them."""

from typing import Literal

import msgspec

from app.runtime.protocol.chat_template import Template
from app.runtime.protocol.token_spans import TokenSpan


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How the next token is chosen, in the official RWKV order: penalties, softmax, filters, power.

    Before softmax: ``banned`` tokens go, ``logit_bias`` (token, value from -1000 to 1000) is added,
    ``repetition`` (1: off; CTRL's penalty) divides the positive logits of tokens of the prompt and
    the text and multiplies the others, and each token written so far loses ``presence`` + count x
    ``frequency``, where ``decay`` multiplies every count once a step.

    After it, ``top_p`` >= 1, ``min_p`` 0 and ``top_k`` 0 switch a filter off, and ``temperature``
    0 is greedy.  Without a ``seed`` one is drawn and told.
    """

    temperature: float = 1.0
    top_p: float = 0.5
    top_k: int = 0
    min_p: float = 0.0
    presence: float = 0.0
    frequency: float = 0.0
    decay: float = 0.996
    seed: int | None = None
    banned: tuple[int, ...] = ()
    repetition: float = 1.0
    logit_bias: tuple[tuple[int, float], ...] = ()


class Turn(msgspec.Struct, frozen=True):
    """One message of a conversation.

    ``tokens`` are those as which a reply was written.  Where they give its text in the vocabulary
    of the model that is asked, the reply stands in the prompt as these very tokens, so that
    "Continue" goes on from them and a remembered state is found again.
    """

    role: Literal["system", "user", "assistant"]
    text: str
    tokens: TokenSpan | None = None


class Chat(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A conversation to be continued; the worker renders it with a chat template.

    ``template`` "" is the model's own; ``think`` is "off", "on" or "fake" if the family supports
    it.  A ``form`` is a template of a person's own, and goes before it.
    """

    turns: tuple[Turn, ...]
    template: str = ""
    think: Literal["off", "on", "fake"] = "off"
    form: Template | None = None


class Text(msgspec.Struct, frozen=True, tag=True):
    """A plain text to be continued."""

    text: str


class Tokens(msgspec.Struct, frozen=True, tag=True):
    """Token ids to be continued as they stand: they follow the state that a text begins from.

    That is the model's own beginning.  Another one is no part of a prompt, but named beside it in
    the request: with ``Tokens`` that makes (state, tokens).

    A ``document`` is a text that is edited and gone on with from many places: states on its way
    are kept close to each other near its end and further apart before (``state_spacing.py``), a
    character that was cut at its end is gone on with, and so is one that is cut by the limit.

    ``written`` are those of its tokens that a model wrote, in order: they count for the penalties
    and the draws of a seed, as if they had just been written.  The last ``held`` ids are the
    beginning of the text that a grammar holds.
    """

    ids: tuple[int, ...]
    document: bool = False
    written: tuple[int, ...] = ()
    held: int = 0


Prompt = Chat | Text | Tokens
