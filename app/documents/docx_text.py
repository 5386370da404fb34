"""The text of a Word document (ECMA-376 part 1): its parts in the zip are read as streams."""

import lzma
import re
import struct
import zipfile
import zlib
from typing import BinaryIO
from xml.parsers import expat

from app.errors import DocumentError

from .text_pieces import TextPieces
from .word_parser import EntitiesError, WordParser

MOST_UNPACKED = 200_000_000
"""Bytes of XML in all parts together; a book has some ten million."""

_BLOCK = 1 << 16
_PARTS = (r"word/document\d*\.xml", r"word/footnotes\d*\.xml", r"word/endnotes\d*\.xml")
_ENCRYPTED = 1  # bit 0 of a zip entry's flags
_BROKEN = (
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    expat.ExpatError,
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def read_docx(file: BinaryIO, pieces: TextPieces) -> None:
    """Add the text: paragraphs, lists, tables as Markdown, then foot- and endnotes.

    Raises DocumentError: "kind" for another zip, "locked", "entities", "unpacks-large", "damaged".
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _read_parts(archive, pieces)
    except EntitiesError as error:
        raise DocumentError(why="entities", path=pieces.path) from error
    except _BROKEN as error:
        raise DocumentError(why="damaged", path=pieces.path) from error


def _read_parts(archive: zipfile.ZipFile, pieces: TextPieces) -> None:
    entries = [_entry(archive, pattern) for pattern in _PARTS]
    if entries[0] is None:
        raise DocumentError(why="kind", path=pieces.path)
    left = MOST_UNPACKED
    for entry in entries:
        if entry is not None:
            left = _read_part(archive, entry, left, pieces)


def _entry(archive: zipfile.ZipFile, pattern: str) -> zipfile.ZipInfo | None:
    named = re.compile(pattern)
    return next((one for one in archive.infolist() if named.fullmatch(one.filename)), None)


def _read_part(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int, pieces: TextPieces
) -> int:
    """How many bytes may still be unpacked."""
    if entry.flag_bits & _ENCRYPTED:
        raise DocumentError(why="locked", path=pieces.path)
    parser = WordParser(pieces)
    with archive.open(entry) as part:
        while block := part.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise DocumentError(why="unpacks-large", path=pieces.path)
            parser.feed(block)
    parser.close()
    return left
