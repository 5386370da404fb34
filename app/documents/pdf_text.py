"""The text of a PDF, page by page."""

import logging
import zlib
from typing import BinaryIO

from app.errors import DocumentError

from .text_pieces import TextPieces

# What pypdf raises besides its own errors where a file is broken: it says so itself.
_BROKEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    zlib.error,
)


def read_pdf(file: BinaryIO, pieces: TextPieces) -> None:
    """Add the text of all pages.

    Raises DocumentError: "locked", "pictures" (no page has text), "unpacks-large", "damaged".
    """
    from pypdf.errors import (
        DependencyError,
        FileNotDecryptedError,
        LimitReachedError,
        PyPdfError,
    )

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        found = _read_pages(file, pieces)
    except (FileNotDecryptedError, DependencyError) as error:
        raise DocumentError(why="locked", path=pieces.path) from error
    except LimitReachedError as error:
        raise DocumentError(why="unpacks-large", path=pieces.path) from error
    except (PyPdfError, *_BROKEN) as error:
        raise DocumentError(why="damaged", path=pieces.path) from error
    if not found:
        raise DocumentError(why="pictures", path=pieces.path)


def _read_pages(file: BinaryIO, pieces: TextPieces) -> bool:
    """Whether there is any text."""
    from pypdf import PdfReader

    reader = PdfReader(file)
    if reader.is_encrypted and not reader.decrypt(""):
        raise DocumentError(why="locked", path=pieces.path)
    found = False
    for page in reader.pages:
        text = page.extract_text().strip()
        if text:
            pieces.add(f"\n\n{text}" if found else text)
            found = True
    return found
