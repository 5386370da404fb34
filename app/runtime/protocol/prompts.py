"""Prompts and sampling options, as the messages carry them."""

from typing import Literal

import msgspec


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How the next token is chosen, in the RWKV order: penalties, softmax, top-p, top-k, power.

    ``temperature`` 0 is greedy.  ``top_k`` 0, ``min_p`` 0 and ``top_p`` >= 1 switch a filter off.
    ``decay`` multiplies every penalty count once a step.  Without a ``seed`` one is drawn and told.
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


class Turn(msgspec.Struct, frozen=True):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    text: str


class Chat(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A conversation to be continued; the worker renders it with a chat template.

    ``template`` "" is the model's own; ``think`` is "off", "on" or "fake" if the family supports
    it.
    """

    turns: tuple[Turn, ...]
    template: str = ""
    think: Literal["off", "on", "fake"] = "off"


class Text(msgspec.Struct, frozen=True, tag=True):
    """A plain text to be continued."""

    text: str


class Tokens(msgspec.Struct, frozen=True, tag=True):
    """Token ids to be continued."""

    ids: tuple[int, ...]


Prompt = Chat | Text | Tokens
