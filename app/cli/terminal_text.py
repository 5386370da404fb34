"""Makes control characters of foreign texts visible, so that a terminal does not obey them."""

import re
from typing import TextIO

# All but line feed and tab; C1 begins commands with one character; the last two ranges turn the
# order of what follows on the line.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def pictured(text: str) -> str:
    """``text`` with each control character replaced by its picture, such as ␛ for escape.

    A C1 character becomes ␛ and the letter of its escape sequence; characters that change the
    direction of writing become U+FFFD.
    """
    return _OBEYED.sub(_picture, text.replace("\r\n", "\n"))


def for_stream(text: str, stream: TextIO) -> str:
    """``text`` as it is written to a stream: with pictures on a terminal, else unchanged."""
    return pictured(text) if stream.isatty() else text


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return "\u241b" + chr(code - 0x40) if code < 0xA0 else "\ufffd"
