"""Markdown that is still being written, cut into blocks that are finished and one that is not.

A finished block never changes again, so whoever shows it renders it once.  Only the structure is
read here; the words inside a block are parsed when it is shown.  Knows no widget.
"""

import re
from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, Literal

from markdown_it.token import Token

from .parsers import begins_table, block_parser

Kind = Literal["text", "code", "table", "rule"]

_LONGEST_PARAGRAPH = 4000
_ONLY_MARKS = re.compile(r"[ \t]*(?:[-=*+#>|_~`]+|\d{1,3}[.)]?)?[ \t]*")
_FENCE = re.compile(r"(`{3,}|~{3,})([^`\n]*)\n")
_CLOSING = r"\n {{0,3}}{0}+[ \t]*(?:\n|\Z)"
_TABLE = re.compile(r"(\|[^\n]*)\n(\|[^\n]*)\n(?:\|[^\n]*\n)*(?:\|[^\n]*)?\Z")
_structure = block_parser()


@dataclass(frozen=True)
class Block:
    """One row of a message.

    ``tokens`` are markdown-it's, without the words parsed; ``source`` is the Markdown itself and
    for code the text between the fences.  ``bullet`` is the mark of a list's item: "-", "*" or
    "+", or "." or ")" after its ``number``.  ``joined`` tells that it stands close to the block
    before: the next item, or the same paragraph, which was ``cut``.  ``references`` are the link
    definitions so far.
    """

    kind: Kind
    source: str
    tokens: Sequence[Token] = field(default=(), compare=False)
    language: str = ""
    bullet: str = ""
    number: int = 0
    joined: bool = False
    cut: bool = False
    references: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def ordered(self) -> bool:
        """Whether it is an item of a numbered list."""
        return self.bullet in (".", ")")


class BlockStream:
    """Takes a text that only grows; of its ``blocks`` all but the last are final."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._finished: list[Block] = []
        self._start = 0
        self._seen = ""
        self._known: ChainMap[str, Any] = ChainMap()
        self._references: dict[str, Any] = {}

    def grow(self, text: str, *, final: bool = False) -> int:
        """Take the whole text so far; the index of the first block that is new or changed.

        Until it is ``final``, a last line of nothing but marks is not shown: it is not yet known
        what it begins.
        """
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        last = text.rfind("\n") + 1
        if not final and _ONLY_MARKS.fullmatch(text, last):
            text = text[:last]
        before = len(self._finished)
        if text == self._seen:
            return len(self.blocks)
        self._seen = text
        rows = self._rows(text[self._start :])
        self._finished += [block for _, block in rows[:-1]]
        if rows:
            self._start += rows[-1][0]
        self.blocks = [*self._finished, *(block for _, block in rows[-1:])]
        return before

    def _rows(self, tail: str) -> list[tuple[int, Block]]:
        """The blocks of ``tail`` with the offset in it where each begins."""
        if (code := _open_fence(tail)) is not None:
            return [(0, code)]
        if (table := _open_table(tail, self._references)) is not None:
            return [(0, table)]
        lines = _line_offsets(tail)
        found: dict[str, Any] = {}
        self._known = ChainMap(found, self._references)
        tokens = _structure.parse(tail, {"references": self._known})
        rows: list[tuple[int, Block]] = []
        at = 0
        while at < len(tokens):
            end = _end_of(tokens, at)
            group = tokens[at : end + 1]
            if group[0].type in ("bullet_list_open", "ordered_list_open"):
                rows += self._items(tail, lines, group)
            else:
                rows += self._plain(tail, lines, group)
            at = end + 1
        if rows:  # the last block is read again, and its definitions with it
            self._references |= {
                label: one for label, one in found.items() if lines[one["map"][0]] < rows[-1][0]
            }
        if rows and self._finished:
            offset, first = rows[0]
            rows[0] = (offset, _joined_to(first, self._finished[-1]))
        return rows

    def _plain(self, tail: str, lines: list[int], group: list[Token]) -> list[tuple[int, Block]]:
        start, source = _slice(tail, lines, group[0])
        references = self._known
        opening = group[0]
        if opening.type in ("fence", "code_block"):
            words = opening.info.split()
            block = Block("code", opening.content, group, words[0] if words else "")
            return [(start, block)]
        if opening.type == "hr":
            return [(start, Block("rule", source, group))]
        if opening.type == "table":
            return [(start, Block("table", source, group, references=references))]
        if opening.type == "paragraph_open" and len(source) > _LONGEST_PARAGRAPH:
            return self._pieces(start, source)
        return [(start, Block("text", source, group, references=references))]

    def _items(self, tail: str, lines: list[int], group: list[Token]) -> list[tuple[int, Block]]:
        """Every item of a list is a block of its own, or a long list would never be finished."""
        ordered = group[0].type == "ordered_list_open"
        number = int(group[0].attrs.get("start", 1)) if ordered else 0
        references = self._known
        rows: list[tuple[int, Block]] = []
        at = 1
        while at < len(group) - 1:
            end = _end_of(group, at)
            start, source = _slice(tail, lines, group[at])
            block = Block(
                "text",
                source,
                group[at + 1 : end],
                bullet=group[0].markup,
                number=number + len(rows) if ordered else 0,
                joined=bool(rows),
                references=references,
            )
            rows.append((start, block))
            at = end + 1
        return rows

    def _pieces(self, start: int, source: str) -> list[tuple[int, Block]]:
        """A paragraph without an end, cut between sentences where no emphasis is open."""
        rows: list[tuple[int, Block]] = []
        while len(source) > _LONGEST_PARAGRAPH and (cut := _cut(source)):
            rows.append((start, self._paragraph(source[:cut], joined=bool(rows), cut=True)))
            start, source = start + cut, source[cut:]
        rows.append((start, self._paragraph(source, joined=bool(rows), cut=False)))
        return rows

    def _paragraph(self, source: str, *, joined: bool, cut: bool) -> Block:
        tokens = [Token("paragraph_open", "p", 1), Token("inline", "", 0, content=source.strip())]
        references = self._known
        return Block("text", source, tokens, joined=joined, cut=cut, references=references)


def blocks_of(text: str) -> list[Block]:
    """The blocks of a finished text."""
    stream = BlockStream()
    stream.grow(text, final=True)
    return stream.blocks


def _joined_to(first: Block, last: Block) -> Block:
    """``first`` was parsed without what stands above it: an item may go on a list there."""
    if first.bullet and first.bullet == last.bullet:
        number = last.number + 1 if first.ordered else 0
        return replace(first, joined=True, number=number)
    return replace(first, joined=True) if last.cut else first


def _open_fence(tail: str) -> Block | None:
    """Code whose closing fence has not come: no parser is needed to see that it goes on."""
    opening = _FENCE.match(tail)
    if opening is None or re.compile(_CLOSING.format(opening[1])).search(tail, opening.end() - 1):
        return None
    words = opening[2].split()
    return Block("code", tail[opening.end() :], (), words[0] if words else "")


def _open_table(tail: str, references: Mapping[str, Any]) -> Block | None:
    """A table to which nothing but rows was added: what is there needs no second look."""
    found = _TABLE.match(tail)
    if found is None or not begins_table(found[1], found[2]):
        return None
    return Block("table", tail, (), references=references)


def _end_of(tokens: Sequence[Token], at: int) -> int:
    """The index of the token that closes the one at ``at``; itself for one without content."""
    depth = 0
    for index in range(at, len(tokens)):
        depth += tokens[index].nesting
        if depth <= 0:
            return index
    return len(tokens) - 1


def _line_offsets(text: str) -> list[int]:
    return [0, *accumulate(len(line) + 1 for line in text.split("\n"))]


def _slice(tail: str, lines: list[int], token: Token) -> tuple[int, str]:
    first, last = token.map or (0, len(lines))
    start = lines[first] if first < len(lines) else len(tail)
    end = lines[last] if last < len(lines) else len(tail)
    return start, tail[start:end]


def _cut(source: str) -> int:
    """Where a long paragraph may be cut: after words, with all marks closed; 0: nowhere."""
    limit = _LONGEST_PARAGRAPH
    for ending in ("\n", ". ", "。", " ", "，"):
        at = source.rfind(ending, limit // 2, limit)
        while at > 0:
            cut = at + len(ending)
            if _closed(source[:cut]):
                return cut
            at = source.rfind(ending, limit // 2, at)
    return 0 if len(source) < 4 * limit else limit


def _closed(text: str) -> bool:
    even = all(text.count(mark) % 2 == 0 for mark in "`*~_$")
    even = even and text.count("\\(") == text.count("\\)")
    return even and text.count("[") == text.count("]")
