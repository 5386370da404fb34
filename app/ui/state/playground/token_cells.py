"""Token ids with the characters that they give, as they are shown; knows no model and no font.

A cell is one token, or some of them where a character is cut between them, so that cells divide the
text into whole characters.  Places are in characters (code points) of the text that is shown.
"""

import codecs
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

NO_TEXT = "∎"
"""Stands for a token that has no text, such as the end of a text."""

_HIDDEN = "▯"
_PICTURES = {code: chr(0x2400 + code) for code in range(32)} | {0x7F: "\u2421"}
# what would break a line, turn the direction of its other words, or take no room at all
_INVISIBLE = (0x85, 0xAD, 0x200B, 0x2028, 0x2029, 0xFEFF)
_TURNING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x61C)
_SHOWN = str.maketrans(
    _PICTURES
    | dict.fromkeys((*_INVISIBLE, *_TURNING), _HIDDEN)
    | {ord("\n"): "↵\n", ord("\t"): "⇥"}
)


class Share(NamedTuple):
    """A token of a cell, and the part of the cell's width that is its own, from 0 to 1."""

    token: int
    begin: float
    end: float


class TokenCells:
    """Grows by tokens; ``pieces[id]`` are the bytes of each.

    A newline is shown as ↵ and ends its line, a tab as ⇥, what cannot be seen as a picture of it,
    and bytes that are no character as U+FFFD.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces = pieces
        self.ids = array("I")
        self._tokens = array("I")  # the first token of each cell
        self._chars = array("I", (0,))  # the first character of each cell, and the end
        self._texts: list[str] = []
        self._waiting = 0  # tokens at the end whose characters are not whole
        self._held: list[str] = []
        self.cut = False  # whether a character was cut where nothing followed
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def __len__(self) -> int:
        """How many tokens."""
        return len(self.ids)

    @property
    def characters(self) -> int:
        """How long the text is."""
        return self._chars[-1]

    @property
    def cells(self) -> int:
        """How many cells are complete."""
        return len(self._texts)

    def bytes_of(self, token: int) -> bytes:
        """What the token at a place of the text is, in bytes."""
        return self.piece(self.ids[token])

    def piece(self, token_id: int) -> bytes:
        """The bytes of a token of the vocabulary."""
        return self.pieces[token_id] if 0 <= token_id < len(self.pieces) else b""

    def extend(self, ids: Iterable[int]) -> None:
        """More tokens; those whose last character is cut wait for what follows."""
        for token in ids:
            piece = self.piece(token)
            if not piece:
                self._close()
                self.ids.append(token)
                self._add(1, NO_TEXT)
                continue
            self.ids.append(token)
            self._waiting += 1
            text = self._decoder.decode(piece)
            self._held.append(text)
            if not self._decoder.getstate()[0]:
                self._add(self._waiting, "".join(self._held).translate(_SHOWN))

    def finish(self) -> None:
        """Nothing follows: bytes that wait are no character."""
        self.cut = self.cut or bool(self._waiting)
        self._close()

    def text(self, begin: int, end: int) -> str:
        """The characters from ``begin`` to before ``end``."""
        if begin >= end:
            return ""
        first, last = self.cell_at(begin), self.cell_at(end - 1)
        whole = "".join(self._texts[first : last + 1])
        offset = self._chars[first]
        return whole[begin - offset : end - offset]

    def cell_at(self, character: int) -> int:
        """The cell that a character belongs to."""
        return min(bisect_right(self._chars, character) - 1, len(self._texts) - 1)

    def cell_of(self, token: int) -> int:
        """The cell that a token belongs to; that before the end where it waits."""
        return bisect_right(self._tokens, token) - 1

    def span(self, cell: int) -> tuple[int, int]:
        """First character of a cell, and the one behind it."""
        return self._chars[cell], self._chars[cell + 1]

    def span_of(self, token: int) -> tuple[int, int]:
        """The same of the cell that a token belongs to."""
        return self.span(max(0, self.cell_of(token))) if self._texts else (0, 0)

    def tokens(self, cell: int) -> range:
        """The tokens of a cell."""
        last = cell + 1 == len(self._tokens)
        after = len(self.ids) - self._waiting if last else self._tokens[cell + 1]
        return range(self._tokens[cell], after)

    def shares(self, cell: int) -> list[Share]:
        """The tokens of a cell side by side, each as wide as it has bytes."""
        tokens = self.tokens(cell)
        if len(tokens) == 1:
            return [Share(tokens[0], 0.0, 1.0)]
        sizes = [len(self.bytes_of(token)) for token in tokens]
        whole, at, found = sum(sizes), 0, []
        for token, size in zip(tokens, sizes, strict=True):
            found.append(Share(token, at / whole, (at + size) / whole))
            at += size
        return found

    def plain(self, first: int, last: int) -> str:
        """The text of tokens from ``first`` to before ``last`` as it really is."""
        return b"".join(map(self.piece, self.ids[first:last])).decode("utf-8", "replace")

    def _close(self) -> None:
        if self._waiting:
            rest = self._decoder.decode(b"", final=True)
            self._decoder.reset()
            self._add(self._waiting, "".join((*self._held, rest)).translate(_SHOWN))

    def _add(self, tokens: int, text: str) -> None:
        self._tokens.append(len(self.ids) - tokens)
        self._texts.append(text)
        self._chars.append(self._chars[-1] + len(text))
        self._waiting = 0
        self._held = []
