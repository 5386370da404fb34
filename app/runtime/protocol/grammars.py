"""What a text must be like, as one value from the window or command line to the engine."""

from typing import Literal

import msgspec

GrammarKind = Literal["json", "json-schema", "regex", "lark"]


class Grammar(msgspec.Struct, frozen=True, kw_only=True):
    """A text is written so that it fits ``text``, from its first token to its last.

    ``kind`` "json" is any JSON value, and needs no text; "json-schema" a JSON schema as JSON text,
    whose properties are written in the order in which they stand there; "regex" an expression
    that the whole text matches; "lark" a grammar in the form of the package Lark, with a rule
    ``start``.
    """

    kind: GrammarKind
    text: str = ""
