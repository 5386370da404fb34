"""The text of one file: plain text, Markdown, code, PDF or docx, told apart by content."""

import codecs
from pathlib import Path
from typing import BinaryIO

from app.errors import DocumentError

from .docx_text import read_docx
from .pdf_text import read_pdf
from .plain_file import open_plain
from .text_pieces import TextPieces

MOST_FILE_BYTES = 200_000_000

_SNIFFED = 8192
_BLOCK = 1 << 20
_PDF, _ZIP, _OLE = b"%PDF-", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # MS-OFFCRYPTO 2.3.4.4: a stream's name
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def document_text(path: Path, most: int, *, follow: bool = True) -> str:
    """The text of a file, of at most ``most`` characters.

    Raises NotFound, Unreadable, DocumentError, and RequestRefused (why "source-large").
    """
    pieces = TextPieces(str(path), most)
    with open_plain(path, MOST_FILE_BYTES, follow=follow) as file:
        try:
            start = file.read(_SNIFFED)
            file.seek(0)
            _read(file, start, pieces)
            return pieces.text()
        except MemoryError as error:
            raise DocumentError(why="memory", path=str(path)) from error


def _read(file: BinaryIO, start: bytes, pieces: TextPieces) -> None:
    if start.lstrip(b"\xef\xbb\xbf\0 \t\r\n").startswith(_PDF):
        read_pdf(file, pieces)
    elif start.startswith(_ZIP):
        read_docx(file, pieces)
    elif start.startswith(_OLE):
        locked = _holds(file, _ENCRYPTED)
        raise DocumentError(why="locked" if locked else "old-word", path=pieces.path)
    else:
        _read_text(file, start, pieces)


def _holds(file: BinaryIO, wanted: bytes) -> bool:
    before = b""
    while block := file.read(_BLOCK):
        if wanted in before + block:
            return True
        before = block[-len(wanted) :]
    return False


def _read_text(file: BinaryIO, start: bytes, pieces: TextPieces) -> None:
    wide = start.startswith(_WIDE)
    if b"\0" in start and not wide:
        raise DocumentError(why="kind", path=pieces.path)
    decoder = codecs.getincrementaldecoder("utf-16" if wide else "utf-8-sig")()
    try:
        while block := file.read(_BLOCK):
            pieces.add(_checked(decoder.decode(block), pieces.path))
        pieces.add(decoder.decode(b"", final=True))
    except UnicodeDecodeError as error:
        raise DocumentError(why="coding", path=pieces.path) from error


def _checked(text: str, path: str) -> str:
    if "\0" in text:
        raise DocumentError(why="kind", path=path)
    return text
