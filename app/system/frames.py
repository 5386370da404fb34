"""Messages on a byte stream: four bytes of length, little endian, then the message."""

from collections.abc import Callable
from typing import BinaryIO, TypeVar

import msgspec

LIMIT = 1 << 28
"""Longest message in bytes; a larger length means that the stream holds something else."""

_HEADER = 4
T = TypeVar("T")


class GarbledError(Exception):
    """The stream holds something that is not a message."""


def write_frame(stream: BinaryIO, message: bytes) -> None:
    """Write one message and flush.  Raises OSError if the other end is closed."""
    stream.write(len(message).to_bytes(_HEADER, "little") + message)
    stream.flush()


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next message; None at the end of the stream, also when it ends within a message.

    Raises GarbledError for a length beyond ``LIMIT``.
    """
    header = stream.read(_HEADER)
    if len(header) < _HEADER:
        return None
    length = int.from_bytes(header, "little")
    if length > LIMIT:
        raise GarbledError(f"a message of {length} bytes")
    message = stream.read(length)
    return message if len(message) == length else None


def decoded(decode: Callable[[bytes], T], frame: bytes) -> T:
    """The message in ``frame``, by a decoder of msgspec.

    Raises GarbledError where it is none: another type, text that is not UTF-8, endless nesting.
    """
    try:
        return decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise GarbledError(str(error)) from error
