"""Reads files that the command line names; OSError becomes a Failure."""

import sys
from pathlib import Path

from app.errors import NotFound, RequestRefused, Unreadable


def read_text(name: str) -> str:
    """The UTF-8 text of a file; - is stdin.

    Raises NotFound and Unreadable, and RequestRefused where it is not UTF-8.
    """
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except FileNotFoundError as error:
        raise NotFound(path=name) from error
    except OSError as error:
        raise Unreadable(path=name, said=error.strerror or "") from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        why = "stdin-not-utf8" if name == "-" else "text-not-utf8"
        raise RequestRefused(path=name, why=why) from error
