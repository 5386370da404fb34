"""Documents, versions and pieces as rows of the tables and back; asks nothing.

A row may hold anything, as in ``app/store/table_rows.py``: what can be read of it is used.
"""

from collections.abc import Iterable, Mapping
from typing import Any, get_args

import msgspec

from app.runtime.protocol.token_spans import pack, unpack
from app.store.records import Status
from app.store.table_rows import as_json, text_of, time_of
from app.system.json_file import decode

from .document_records import (
    Document,
    Kind,
    Made,
    Slice,
    TextPiece,
    Version,
    WritingSettings,
)

DOCUMENT = "id, title, created, updated, version, settings"
VERSION = "id, document, parent, kind, status, place, created, content"
PIECE = "id, text, vocabulary, ids, lengths, made"

_KINDS = frozenset(get_args(Kind))
_STATUSES = frozenset(get_args(Status))
_TO_ITS_END = -1


def document_values(one: Document) -> tuple[object, ...]:
    """The values of the columns ``DOCUMENT``."""
    return (one.id, one.title, one.created, one.updated, one.version, as_json(one.settings))


def document_of(row: tuple[Any, ...]) -> Document:
    """What ``document_values`` made a row of, or what can be read of it."""
    ident, title, created, updated, version, settings = row
    read = _read(settings, WritingSettings)
    return Document(
        id=text_of(ident),
        title=text_of(title),
        created=time_of(created),
        updated=time_of(updated),
        version=version if type(version) is str else None,
        settings=read or WritingSettings(),
        damaged=read is None or type(title) is not str,
    )


def version_values(one: Version) -> tuple[object, ...]:
    """The values of the columns ``VERSION``.

    While it is written, its last slice of the piece that grows goes to that piece's end.
    """
    grows = one.status == "writing"
    slices = [
        (each.piece.id, each.start, _TO_ITS_END if grows and _is_written(each, one) else each.end)
        for each in one.content
    ]
    return (
        *(one.id, one.document, one.parent, one.kind, one.status, one.place, one.created),
        as_json(slices),
    )


def version_of(row: tuple[Any, ...], pieces: Mapping[str, TextPiece]) -> Version:
    """What ``version_values`` made a row of, or what can be read of it."""
    ident, document, parent, kind, status, place, created, content = row
    return Version(
        id=text_of(ident),
        document=text_of(document),
        parent=parent if type(parent) is str else None,
        kind=kind if kind in _KINDS else "typed",
        status=status if status in _STATUSES else "failed",
        place=place if type(place) is int and place >= 0 else 0,
        created=time_of(created),
        content=tuple(_slices(content, pieces)),
    )


def piece_values(one: TextPiece) -> tuple[object, ...]:
    """The values of the columns ``PIECE``."""
    made = "" if one.made is None else as_json(one.made)
    return (one.id, one.text, one.vocabulary, pack(one.ids), pack(one.lengths), made)


def piece_of(row: tuple[Any, ...]) -> TextPiece:
    """What ``piece_values`` made a row of; without its tokens where these cannot be read."""
    ident, text, vocabulary, ids, lengths, made = row
    known = _numbers(ids), _numbers(lengths)
    sound = type(text) is str and len(known[0]) == len(known[1])
    written = _read(made, Made) if made else None
    return TextPiece(
        text_of(ident),
        text_of(text),
        text_of(vocabulary) if sound else "",
        known[0] if sound else (),
        known[1] if sound else (),
        Made() if made and written is None else written,
    )


def joined(ids: Iterable[object]) -> bytes:
    """Packed numbers, one after the other, as one; up to the first that cannot be read."""
    whole: list[int] = []
    for packed in ids:
        try:
            whole += unpack(packed) if isinstance(packed, bytes) else ()
        except ValueError:
            break
    return pack(whole)


def _is_written(one: Slice, version: Version) -> bool:
    return one.piece.made is not None and not one.start and one is _written(version)


def _written(version: Version) -> Slice | None:
    at = 0
    for one in version.content:
        if at == version.place and one.piece.made is not None:
            return one
        at += one.end - one.start
    return None


def _slices(content: object, pieces: Mapping[str, TextPiece]) -> Iterable[Slice]:
    for ident, start, end in _read(content, list[tuple[str, int, int]]) or ():
        piece = pieces.get(ident)
        if piece is None:
            continue
        last = len(piece.text) if end == _TO_ITS_END else min(end, len(piece.text))
        if 0 <= start < last:
            yield Slice(piece, start, last)


def _numbers(packed: object) -> tuple[int, ...]:
    try:
        return unpack(packed) if isinstance(packed, bytes) else ()
    except ValueError:
        return ()


def _read(stored: object, kind: type[Any]) -> Any:
    """None where it cannot be read."""
    if not isinstance(stored, str):
        return None
    try:
        return decode(stored.encode("utf-8", "replace"), kind)
    except (ValueError, msgspec.MsgspecError):
        return None
