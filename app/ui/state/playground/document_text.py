"""A text made of slices of pieces that never change; an edit gives another one, and costs little.

Places are counted in characters (code points), as Python does.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from app.store.documents.document_records import Slice, TextPiece
from app.store.records import new_id


class Run(NamedTuple):
    """Characters ``start`` to ``end``, which a model wrote or a person typed."""

    start: int
    end: int
    written: bool


class DocumentText:
    """``slices`` in order, none of them empty."""

    def __init__(self, slices: Iterable[Slice] = ()) -> None:
        self.slices = tuple(_merged(slices))

    @cached_property
    def text(self) -> str:
        """All of it."""
        return "".join(one.text for one in self.slices)

    @cached_property
    def ends(self) -> list[int]:
        """Where each slice ends."""
        return list(accumulate(one.end - one.start for one in self.slices))

    def __len__(self) -> int:
        return self.ends[-1] if self.slices else 0

    def placed(self) -> Iterator[tuple[int, Slice]]:
        """Each slice and where it begins."""
        at = 0
        for one in self.slices:
            yield at, one
            at += one.end - one.start

    def cut(self, start: int, end: int) -> tuple[Slice, ...]:
        """The slices of the characters ``start`` to ``end``."""
        found = []
        at = bisect_right(self.ends, start)
        while at < len(self.slices) and start < end:
            one, after = self.slices[at], self.ends[at]
            before = after - (one.end - one.start)
            first, last = max(start, before), min(end, after)
            if first >= last:
                break
            found.append(Slice(one.piece, one.start + first - before, one.start + last - before))
            at += 1
        return tuple(found)

    def replaced(self, start: int, end: int, by: Iterable[Slice]) -> "DocumentText":
        """With other slices in place of the characters ``start`` to ``end``."""
        return DocumentText((*self.cut(0, start), *by, *self.cut(end, len(self))))

    def typed(self, start: int, end: int, words: str) -> "DocumentText":
        """With ``words`` of a person in place of the characters ``start`` to ``end``.

        Words that go on from others which were just typed make one piece with them.
        """
        before = self.cut(0, start)
        if before and words and _is_open(before[-1]):
            words, before = before[-1].text + words, before[:-1]
        new = typed_piece(words)
        return DocumentText((*before, *([whole(new)] if words else ()), *self.cut(end, len(self))))

    def runs(self, start: int, end: int) -> list[Run]:
        """Who wrote the characters ``start`` to ``end``; runs of one kind are one."""
        found: list[Run] = []
        at = start
        for one in self.cut(start, end):
            after, written = at + one.end - one.start, one.piece.made is not None
            if found and found[-1].written == written:
                found[-1] = found[-1]._replace(end=after)
            else:
                found.append(Run(at, after, written))
            at = after
        return found

    def place_of(self, piece: str) -> tuple[int, int] | None:
        """From where to where the text is of a piece."""
        mine = [
            (at, at + one.end - one.start) for at, one in self.placed() if one.piece.id == piece
        ]
        return (mine[0][0], mine[-1][1]) if mine else None


def typed_piece(words: str) -> TextPiece:
    """A new piece of a person's words."""
    return TextPiece(new_id(), words)


def whole(piece: TextPiece) -> Slice:
    """All of a piece."""
    return Slice(piece, 0, len(piece.text))


def known_tokens(one: Slice, vocabulary: str) -> tuple[int, int, tuple[int, ...]]:
    """Of a slice the characters (of its piece) whose tokens are known, and these tokens.

    Tokens that give characters outside of the slice do not count.
    """
    piece = one.piece
    if piece.vocabulary != vocabulary or not piece.ids:
        return one.start, one.start, ()
    places, counts = piece.borders
    first, last = bisect_left(places, one.start), bisect_right(places, one.end) - 1
    if first >= last:
        return one.start, one.start, ()
    return places[first], places[last], piece.ids[counts[first] : counts[last]]


def open_tokens(one: Slice, vocabulary: str) -> tuple[int, ...]:
    """The tokens at the end of a piece that begin a character which none of them ends.

    None unless the slice goes to the end of its piece.
    """
    piece = one.piece
    places, counts = piece.borders
    if piece.vocabulary != vocabulary or one.end != len(piece.text) or places[-1] != one.end:
        return ()
    return piece.ids[counts[-1] :]


def changed(before: str, after: str) -> tuple[int, int, int]:
    """What differs: from where, to where in the one and to where in the other text."""
    most = min(len(before), len(after))
    start = _common(most, lambda n: before[:n] == after[:n])
    end = _common(most - start, lambda n: before[len(before) - n :] == after[len(after) - n :])
    return start, len(before) - end, len(after) - end


def _common(most: int, same: Callable[[int], bool]) -> int:
    """The largest number up to ``most`` for which, as for all below it, it is the same."""
    if same(most):
        return most
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if same(middle) else (low, middle)
    return low


def _is_open(one: Slice) -> bool:
    """Whether what is typed behind it belongs to it: its own tokens are not known yet."""
    return one.piece.made is None and not one.piece.ids and one.end == len(one.piece.text)


def _merged(slices: Iterable[Slice]) -> list[Slice]:
    found: list[Slice] = []
    for one in slices:
        if one.start >= one.end:
            continue
        if found and found[-1].piece is one.piece and found[-1].end == one.start:
            found[-1] = Slice(one.piece, found[-1].start, one.end)
        else:
            found.append(one)
    return found
