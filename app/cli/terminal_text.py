"""What a model, a hub or a file's name says, as a terminal may show it: nothing of it is obeyed."""

import re
from typing import TextIO

# All but line feed and tab; C1 begins commands with one character; the last two ranges turn the
# order of what follows on the line.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def pictured(text: str) -> str:
    """``text`` with a picture for each character that a terminal would obey: ␛ for escape.

    A character of C1 becomes the escape sequence that it stands for, ␛ and a letter; one that
    turns the direction of writing becomes U+FFFD.
    """
    return _OBEYED.sub(_picture, text.replace("\r\n", "\n"))


def for_stream(text: str, stream: TextIO) -> str:
    """What is written for ``text``: pictures on a terminal, and ``text`` itself elsewhere."""
    return pictured(text) if stream.isatty() else text


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return "\u241b" + chr(code - 0x40) if code < 0xA0 else "\ufffd"
