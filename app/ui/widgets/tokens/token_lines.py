"""Breaks a text of tokens into lines, a few at a time; knows no widget.

Every line is as high as the others, so a line's number is its place.  Only lines in sight are laid
out for painting.
"""

import time
import unicodedata
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, NamedTuple

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QFont, QPainter, QTextLayout, QTextLine, QTextOption

from app.ui.state.playground.token_cells import TokenCells

_AT_ONCE = 2048  # characters: more than the longest line has
_FEW = 64  # characters that are looked at for a direction at a time
_KEPT = 512  # lines that are ready to be painted
_STRONG = {"L": False, "R": True, "AL": True}


class TokenBox(NamedTuple):
    """A token's part of a line, from ``left`` to ``right`` in pixels from the line's left end.

    ``begins`` and ``ends``: whether the token does so there, or on another line.
    """

    token: int
    left: float
    right: float
    begins: bool = True
    ends: bool = True


class PaintedLine:
    """One line, ready to be painted: its words and the boxes of its tokens."""

    def __init__(self, layout: QTextLayout, boxes: list[TokenBox]) -> None:
        self._layout, self.boxes = layout, boxes

    def draw(self, painter: QPainter, left: float, top: float, height: float) -> None:
        """Draw the words, in the middle of ``height``."""
        spare = height - self._layout.lineAt(0).height()
        self._layout.draw(painter, QPointF(left, top + spare / 2))

    def token_at(self, x: float) -> int | None:
        """The token whose box is there; the nearest within a few pixels of the words."""
        for box in self.boxes:
            if box.left <= x < box.right:
                return box.token
        return None

    def nearest(self, x: float) -> int | None:
        """The token whose box is nearest."""
        far = min(self.boxes, key=lambda box: max(box.left - x, x - box.right, 0.0), default=None)
        return None if far is None else far.token


class TokenLines:
    """``advance`` breaks more of the text; what it has broken stays while the text grows."""

    def __init__(self, cells: TokenCells, font: QFont, width: float) -> None:
        self._cells, self._font, self.width = cells, font, max(width, 1.0)
        self._starts = array("I")  # first character of each line
        self._right = bytearray()  # whether each line is written from the right
        self._at = 0  # where the next line begins
        self._open = False  # whether the last line may still grow
        self._from_right = False  # of the paragraph at ``_at``
        self._begins = True  # whether a paragraph begins there
        self._ready: OrderedDict[int, PaintedLine] = OrderedDict()

    @property
    def count(self) -> int:
        """How many lines there are so far."""
        return len(self._starts)

    @property
    def complete(self) -> bool:
        """Whether the whole text is broken into lines."""
        return self._at >= self._cells.characters

    @property
    def expected(self) -> int:
        """How many lines there will be, as far as can be told."""
        if self.complete or not self._at:
            return max(self.count, 1) if self.complete else max(1, self._cells.characters // 80)
        return self.count + (self._cells.characters - self._at) * self.count // self._at

    def advance(self, limit_s: float, until: int | None = None) -> bool:
        """Break lines for so long, or until character ``until`` is in one; whether any came."""
        if self.complete:
            return False
        deadline = time.perf_counter() + limit_s
        self._reopen()
        while not self.complete:
            self._break()
            if until is not None and self._at > until:
                break
            if time.perf_counter() > deadline:
                break
        return True

    def line_of(self, character: int) -> int:
        """The line that a character is in; the last one where it is not there yet."""
        return max(0, bisect_right(self._starts, character) - 1)

    def span(self, line: int) -> tuple[int, int]:
        """First character of a line, and the one behind it."""
        last = line + 1 >= self.count
        return self._starts[line], self._at if last else self._starts[line + 1]

    def tokens(self, line: int) -> range:
        """The tokens of a line, those that only end there included."""
        begin, end = self.span(line)
        first = self._cells.tokens(self._cells.cell_at(begin))
        return range(first[0], self._cells.tokens(self._cells.cell_at(end - 1))[-1] + 1)

    def painted(self, line: int) -> PaintedLine:
        """The line, laid out."""
        ready = self._ready.get(line)
        if ready is None:
            ready = self._ready[line] = self._lay_out(line)
            if len(self._ready) > _KEPT:
                self._ready.popitem(last=False)
        else:
            self._ready.move_to_end(line)
        return ready

    def _reopen(self) -> None:
        """Take the last line back: the words that come may still belong to it."""
        if not self._open or not self.count:
            return
        self._at, self._from_right = self._starts.pop(), bool(self._right.pop())
        self._begins = not self._at or self._cells.text(self._at - 1, self._at) == "\n"
        self._open = False
        self._ready.pop(self.count, None)

    def _break(self) -> None:
        """The next lines: of the rest of a paragraph, or of a long stretch of it."""
        text = self._cells.text(self._at, min(self._at + _AT_ONCE, self._cells.characters))
        newline = text.find("\n")
        ends = newline >= 0
        text = text[:newline] if ends else text
        last = not ends and self._at + len(text) >= self._cells.characters
        if self._begins:
            self._from_right = _is_from_right(text)
        layout = self._layout(text, self._from_right)
        starts = list(_starts(layout, self.width, text))
        after = self._at + len(text) + ends
        if not ends and not last and len(starts) > 1:
            after = self._at + starts.pop()  # it is not known where that line ends
        for start in starts:
            self._starts.append(self._at + start)
            self._right.append(self._from_right)
        self._at, self._begins, self._open = after, ends, last

    def _layout(self, text: str, from_right: bool) -> QTextLayout:  # noqa: FBT001
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        direction = Qt.LayoutDirection
        option.setTextDirection(direction.RightToLeft if from_right else direction.LeftToRight)
        side = Qt.AlignmentFlag.AlignRight if from_right else Qt.AlignmentFlag.AlignLeft
        option.setAlignment(side | Qt.AlignmentFlag.AlignAbsolute)
        layout = QTextLayout(text, self._font)
        layout.setTextOption(option)
        layout.setCacheEnabled(True)
        return layout

    def _lay_out(self, line: int) -> PaintedLine:
        begin, end = self.span(line)
        text = self._cells.text(begin, end).rstrip("\n")
        layout = self._layout(text, bool(self._right[line]))
        layout.beginLayout()
        row = layout.createLine()
        if row.isValid():
            row.setLineWidth(self.width)
            row.setPosition(QPointF(0, 0))
            # spaces that no longer have room stand before a break
            more = layout.createLine()
            if more.isValid():
                more.setLineWidth(1e6)
                more.setPosition(QPointF(0, -1e6))
        layout.endLayout()
        return PaintedLine(layout, self._boxes(layout, text, begin))

    def _boxes(self, layout: QTextLayout, text: str, begin: int) -> list[TokenBox]:
        if not text:
            return []
        row, units = layout.lineAt(0), _units(text)
        edges = [_x(row, units[at] if units else at) for at in range(len(text) + 1)]
        found: list[TokenBox] = []
        end = begin + len(text)
        cell = self._cells.cell_at(begin)
        while cell < self._cells.cells:
            first, after = self._cells.span(cell)
            if first >= end:
                break
            begins, ends = first >= begin, after <= end or self._cells.text(end, after) == "\n"
            a, b = max(first, begin) - begin, min(after, end) - begin
            for left, right in _stretches(edges, a, b):
                for share in self._cells.shares(cell):
                    width = right - left
                    found.append(
                        TokenBox(
                            share.token,
                            left + width * share.begin,
                            left + width * share.end,
                            begins,
                            ends,
                        )
                    )
            cell += 1
        return found


def _x(row: QTextLine, unit: int) -> float:
    """Where a place of a line is, in pixels."""
    found: Any = row.cursorToX(unit)  # a pair, whatever its stub says
    return float(found[0])


def _starts(layout: QTextLayout, width: float, text: str) -> Iterator[int]:
    """Where each line begins, in characters; a text without one has one line as well."""
    units = _units(text)
    back = {unit: at for at, unit in enumerate(units)} if units else None
    layout.beginLayout()
    row = layout.createLine()
    if not row.isValid():
        yield 0
    while row.isValid():
        row.setLineWidth(width)
        start = row.textStart()
        yield start if back is None else back[start]
        row = layout.createLine()
    layout.endLayout()


def _units(text: str) -> list[int]:
    """Where each character begins in UTF-16, and the end; nothing where that is its number."""
    if not text or max(text) <= "\uffff":
        return []
    places, at = [0], 0
    for character in text:
        at += 2 if character > "\uffff" else 1
        places.append(at)
    return places


def _stretches(edges: list[float], first: int, after: int) -> list[tuple[float, float]]:
    """What characters ``first`` to before ``after`` cover, from the left; more than one stretch
    where the direction changes within them.
    """
    found: list[tuple[float, float]] = []
    for at in range(first, after):
        left, right = sorted((edges[at], edges[at + 1]))
        if found and (abs(found[-1][1] - left) < 0.5 or abs(found[-1][0] - right) < 0.5):
            found[-1] = min(found[-1][0], left), max(found[-1][1], right)
        elif right > left:
            found.append((left, right))
    return found


def _is_from_right(text: str) -> bool:
    """Whether the first letter with a direction is one of a script that is written so."""
    for first in range(0, len(text), _FEW):
        for character in text[first : first + _FEW]:
            strong = _STRONG.get(unicodedata.bidirectional(character))
            if strong is not None:
                return strong
    return False
