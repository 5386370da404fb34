"""The vocabulary of 256 words: UTF-8 bytes themselves, byte 0 being the end of a chat's reply."""

from .tokenizer import Tokenizer, utf8

_END = frozenset({0})


def byte_tokenizer(*, ends: bool = False) -> Tokenizer:
    """The byte tokenizer; a NUL in a prompt is left out, since it would end it.

    Byte 0 ends a reply in a chat.  In a text that is continued as it stands it is a byte like
    any other, as in models that were trained on raw files, unless ``ends`` tells that this model
    uses it for nothing else.
    """
    pieces = tuple(bytes((value,)) for value in range(256))
    return Tokenizer("bytes", pieces, _encode, raw_end_tokens=_END if ends else frozenset())


def _encode(text: str) -> list[int]:
    return [byte for byte in utf8(text) if byte]
