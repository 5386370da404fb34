"""Which parts of a text have token ids and which are to be encoded; asks no model.

Ids of a model's words stay as they stand.  A person's words are encoded with up to 32 of their own
tokens on each side, so that they become the tokens that the whole text would have given.
"""

from typing import NamedTuple

from app.runtime.protocol.grammars import Grammar
from app.store.documents.document_records import Made, Slice, TextPiece
from app.store.records import new_id

from .document_text import DocumentText, known_tokens, open_tokens, whole

_AROUND = 32  # tokens of typed words that are encoded again beside an edit


class Part(NamedTuple):
    """Characters ``start`` to ``end``: their ``ids``, or None where they are to be encoded.

    ``made`` tells how a model wrote them; ``whole`` that no token of another part gives a
    character of theirs.
    """

    start: int
    end: int
    ids: tuple[int, ...] | None
    made: Made | None
    piece: TextPiece | None = None
    first: int = 0  # of the piece's characters


def parts_of(text: DocumentText, end: int, vocabulary: str) -> list[Part]:
    """The parts of the first ``end`` characters, in order, before anything is encoded."""
    found: list[Part] = []
    at = 0
    for one in text.cut(0, end):
        for part in _parts(at, one, vocabulary):
            _join(found, part)
        at += one.end - one.start
    return _widened(found)


def ids_of(text: DocumentText, end: int, vocabulary: str) -> tuple[int, ...] | None:
    """The ids of the first ``end`` characters; None where something has to be encoded first.

    A character that was cut at the very end is begun by the last of them.
    """
    ids: list[int] = []
    parts = parts_of(text, end, vocabulary)
    if any(part.ids is None for part in parts):
        return None
    for part in parts:
        ids += part.ids or ()
    return (*ids, *open_ids(text, end, vocabulary))


def written_ids(text: DocumentText, end: int, vocabulary: str) -> tuple[int, ...]:
    """Those of the first ``end`` characters that a model wrote, in order."""
    parts = [part for part in parts_of(text, end, vocabulary) if part.made is not None]
    return (
        *(token for part in parts for token in part.ids or ()),
        *open_ids(text, end, vocabulary),
    )


def held_start(text: DocumentText, end: int, grammar: Grammar) -> int:
    """Where the text begins that ``grammar`` held and that ends at ``end``: ``end`` if none does.

    Pieces of one grammar are one text where the first was cut, by its limit or by a person.
    """
    at = end
    for one in reversed(text.cut(0, end)):
        made = one.piece.made
        same = made is not None and made.options is not None and made.options.grammar == grammar
        whole_piece = one.end == len(one.piece.text)
        ended = whole_piece and made is not None and made.reply.reason in ("end", "stop")
        if not same or ended or one.start > 0:
            break
        at -= one.end - one.start
    return at


def open_ids(text: DocumentText, end: int, vocabulary: str) -> tuple[int, ...]:
    """The tokens behind the first ``end`` characters that begin one which is not there yet."""
    before = text.cut(0, end)[-1:]
    return open_tokens(before[0], vocabulary) if before else ()


def stretches_of(text: DocumentText, end: int, vocabulary: str) -> list[Part]:
    """What of the first ``end`` characters has to be encoded."""
    return [part for part in parts_of(text, end, vocabulary) if part.ids is None]


def encoded_piece(
    part: Part, words: str, ids: tuple[int, ...], lengths: tuple[int, ...], vocabulary: str
) -> TextPiece:
    """The piece that stands for a stretch once its tokens are known."""
    return TextPiece(new_id(), words, vocabulary, ids, lengths, part.made)


def with_encoded(text: DocumentText, part: Part, piece: TextPiece) -> DocumentText:
    """The same text, of which one stretch is a piece with tokens."""
    return text.replaced(part.start, part.end, (whole(piece),))


def _parts(at: int, one: Slice, vocabulary: str) -> list[Part]:
    """What is known of a slice's tokens, and the rest at its edges."""
    piece = one.piece
    first, last, ids = known_tokens(one, vocabulary)
    if not ids:
        mine = piece.made if piece.vocabulary != vocabulary else None
        return [Part(at, at + one.end - one.start, None, mine)]
    edges = at + first - one.start, at + last - one.start
    return [
        *([Part(at, edges[0], None, None)] if first > one.start else ()),
        Part(*edges, ids, piece.made, piece, first),
        *([Part(edges[1], at + one.end - one.start, None, None)] if last < one.end else ()),
    ]


def _join(found: list[Part], part: Part) -> None:
    """Stretches beside each other are encoded as one, unless only one is a model's."""
    last = found[-1] if found else None
    if last and last.ids is None and part.ids is None and last.made is part.made:
        found[-1] = last._replace(end=part.end)
    else:
        found.append(part)


def _widened(parts: list[Part]) -> list[Part]:
    """Each stretch of typed words takes some of the typed tokens beside it along."""
    stretches = [one for one in parts if one.ids is None and one.made is None]
    if not stretches:
        return parts
    found: list[Part] = []
    for at, part in enumerate(parts):
        one = part
        if part.ids is not None and part.made is None:
            one = _without_edges(part, parts[at - 1 : at] if at else [], parts[at + 1 : at + 2])
        found += _pieces_of(part, one)
    joined: list[Part] = []
    for part in found:
        _join(joined, part)
    return joined


def _without_edges(part: Part, before: list[Part], after: list[Part]) -> Part:
    """What stays of a typed part between stretches; nothing where all of it is encoded again."""
    assert part.piece is not None
    assert part.ids is not None
    places, counts = part.piece.borders
    mine = [n for n, place in enumerate(places) if 0 <= place - part.first <= part.end - part.start]
    low, high = mine[0], mine[-1]
    start, stop = counts[low], counts[high]
    if before and _takes(before[0]):
        low = next((n for n in mine if counts[n] - start >= _AROUND), high)
    if after and _takes(after[0]):
        high = next((n for n in reversed(mine) if stop - counts[n] >= _AROUND), low)
    if low >= high:
        return part._replace(end=part.start, ids=())
    at = part.start - part.first
    ids = part.piece.ids[counts[low] : counts[high]]
    return part._replace(start=at + places[low], end=at + places[high], ids=ids)


def _pieces_of(part: Part, kept: Part) -> list[Part]:
    """A part as what is kept of it and the stretches beside that."""
    if kept == part:
        return [part]
    if kept.start >= kept.end:
        return [Part(part.start, part.end, None, None)]
    return [
        *([Part(part.start, kept.start, None, None)] if kept.start > part.start else ()),
        kept._replace(first=part.first + kept.start - part.start),
        *([Part(kept.end, part.end, None, None)] if kept.end < part.end else ()),
    ]


def _takes(part: Part) -> bool:
    return part.ids is None and part.made is None
