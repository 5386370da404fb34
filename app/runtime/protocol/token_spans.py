"""The token ids of a text as a value that is stored and sent: packed, with their vocabulary."""

import sys
from array import array
from collections.abc import Iterable

import msgspec

_WIDTHS = {2: "H", 4: "I"}
_NARROW = 1 << 16


class TokenSpan(msgspec.Struct, frozen=True):
    """The tokens as which a text was written, from its character ``start`` to its end.

    ``vocabulary`` is the ``Tokenizer.identity`` that the ids belong to: to another one they mean
    nothing.  ``ids`` are packed.  The text stays what counts: whoever uses the ids compares them
    with it.
    """

    vocabulary: str
    start: int = 0
    ids: bytes = b""


def pack(ids: Iterable[int]) -> bytes:
    """The ids as one byte, their width, and little-endian numbers of 2 or 4 bytes each.

    All vocabularies of today have fewer than 65,536 tokens, so an id takes two bytes; a variable
    length would take three for most words of the World vocabulary, and cannot be copied as a
    whole.  Raises OverflowError for ids below 0 or above 32 bits.
    """
    wide = array("I", ids)
    if not wide:
        return b""
    width = 2 if max(wide) < _NARROW else 4
    numbers = wide if width == 4 else array("H", wide)
    return bytes((width,)) + _little(numbers).tobytes()


def unpack(packed: bytes) -> tuple[int, ...]:
    """What ``pack`` was given.  Raises ValueError for bytes that it did not make."""
    if not packed:
        return ()
    kind = _WIDTHS.get(packed[0])
    if kind is None:
        raise ValueError(f"no width of token ids: {packed[0]}")
    numbers: array[int] = array(kind)
    numbers.frombytes(packed[1:])  # raises ValueError for half a number
    return tuple(_little(numbers))


def _little(numbers: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
