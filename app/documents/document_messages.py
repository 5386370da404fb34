"""What crosses the pipe to the process that takes documents apart."""

import msgspec

from .reading_sources import SourceText

DOCUMENTS_ARGUMENT = "--documents"
"""The hidden first argument with which the program takes documents apart (see app.__main__)."""

MEMORY_EXIT = 4
"""The exit code where a document takes more memory than it may."""


class ReadDocuments(msgspec.Struct, frozen=True):
    """Read these files and folders (os.fsencode)."""

    paths: tuple[bytes, ...]


class DocumentBegun(msgspec.Struct, frozen=True, tag=True):
    """The file of that name is being taken apart."""

    name: str


class DocumentsRead(msgspec.Struct, frozen=True, tag=True):
    """The end: the text."""

    source: SourceText


class DocumentsRefused(msgspec.Struct, frozen=True, tag=True):
    """The end: a Failure's code and facts."""

    code: str
    facts: dict[str, str | int | float] = {}


Told = DocumentBegun | DocumentsRead | DocumentsRefused

encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(ReadDocuments).decode
decode_told = msgspec.msgpack.Decoder(Told).decode
