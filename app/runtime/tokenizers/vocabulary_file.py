"""Files of vocabularies beside a model: they are a stranger's, so they are read within limits."""

from pathlib import Path

from app.errors import TokenizerDamaged
from app.system.small_file import read_small

LARGEST = 16 << 20
"""Bytes; the largest that is known has 2.5 million."""


def vocabulary_text(path: Path, most: int = LARGEST) -> bytes:
    """All bytes of a regular file of at most ``most``, also behind a link.

    Raises TokenizerDamaged (facts: path) for anything else.
    """
    try:
        return read_small(path, most)
    except (OSError, ValueError) as error:
        raise TokenizerDamaged(path=str(path)) from error
