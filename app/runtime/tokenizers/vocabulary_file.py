"""Files of vocabularies beside a model: they are a stranger's, so they are read within limits."""

import os
import stat
from pathlib import Path

from app.errors import TokenizerDamaged

LARGEST = 16 << 20
"""Bytes; the largest that is known has 2.5 million."""


def vocabulary_text(path: Path, most: int = LARGEST) -> bytes:
    """All bytes of a regular file of at most ``most``, also behind a link.

    Raises TokenizerDamaged (facts: path) for anything else.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            about = os.fstat(file.fileno())
            text = file.read(most + 1) if stat.S_ISREG(about.st_mode) else None
    except (OSError, ValueError) as error:
        raise TokenizerDamaged(path=str(path)) from error
    if text is None or len(text) > most:
        raise TokenizerDamaged(path=str(path))
    return text
