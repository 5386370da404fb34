"""A block of Markdown as a QTextDocument: no HTML is made, no picture is fetched.

Links lead to http and https only; everything else stays words.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QFont,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFrameFormat,
    QTextLength,
    QTextOption,
    QTextTable,
    QTextTableFormat,
)

from app.ui.look.text_style import TextStyle

from .blocks import Block
from .highlight import runs

QUOTE = QTextFormat.Property.UserProperty.value + 1
QUOTE_PX = 14.0
_ALIGN = {"center": Qt.AlignmentFlag.AlignHCenter, "right": Qt.AlignmentFlag.AlignRight}
_words = MarkdownIt("commonmark", {"html": False}).enable("strikethrough")
_ADDRESS = re.compile(r"https?://[^\s<>\"'`()\[\]{}]+[^\s<>\"'`()\[\]{}.,;:!?]")
_BULLETS = ("•", "◦", "▪")


def document_of(block: Block, text_style: TextStyle) -> QTextDocument:
    """The document that shows ``block``; its width is for the caller to set."""
    document = plain_document("", text_style)
    cursor = QTextCursor(document)
    if block.kind == "code":
        cursor.setBlockFormat(text_style.lines(code=True))
        write_code(cursor, block.source.removesuffix("\n"), block.language, text_style)
    else:
        _Writer(cursor, text_style, block.references).write(block)
    return document


def plain_document(text: str, text_style: TextStyle) -> QTextDocument:
    """A document of words as they are, every line break kept."""
    document = QTextDocument()
    document.setUndoRedoEnabled(False)
    document.setDocumentMargin(0)
    document.setDefaultFont(text_style.font)
    option = document.defaultTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    document.setDefaultTextOption(option)
    cursor = QTextCursor(document)
    cursor.setBlockFormat(text_style.lines())
    if text:
        cursor.insertText(text, text_style.words)
    return document


def write_code(cursor: QTextCursor, source: str, language: str, text_style: TextStyle) -> None:
    """Insert code in its colours."""
    formats: dict[str, QTextCharFormat] = {}
    for text, role in runs(source, language):
        if role not in formats:
            formats[role] = text_style.code(role)
        cursor.insertText(text, formats[role])


@dataclass
class _List:
    """One list that is open; ``left`` is where its words begin, in pixels."""

    ordered: bool
    number: int
    bullet: str
    left: float

    @property
    def text(self) -> str:
        """The marker of the next item."""
        return f"{self.number}." if self.ordered else self.bullet


class _Writer:
    """Walks over the tokens of one block; lists and quotes may be nested in it."""

    def __init__(
        self, cursor: QTextCursor, text_style: TextStyle, references: dict[str, Any]
    ) -> None:
        self._cursor, self._text_style = cursor, text_style
        self._env = {"references": references}
        self._words = text_style.words
        self._lists: list[_List] = []
        self._item_begins = False
        self._quotes = 0
        self._begun = False

    def write(self, block: Block) -> None:
        if block.kind == "table":
            self._table(block.tokens)
            return
        if block.bullet:
            self._open_list(ordered=block.ordered, start=block.number)
            self._item_begins = True
        for token in block.tokens:
            step = _STEPS.get(token.type)
            if step is not None:
                step(self, token)

    # blocks

    def paragraph(self, token: Token) -> None:
        self._next_block(0.0 if token.hidden else 10.0)

    def heading(self, token: Token) -> None:
        self._next_block(14.0)
        self._words = self._text_style.heading(int(token.tag[1]))

    def heading_end(self, token: Token) -> None:
        self._words = self._text_style.words

    def fence(self, token: Token) -> None:
        for number, line in enumerate(token.content.removesuffix("\n").split("\n")):
            self._next_block(0.0 if number else 8.0, code=True)
            self._cursor.insertText(line, self._text_style.code("text"))

    def rule(self, token: Token) -> None:
        self._next_block(8.0)
        self._cursor.insertText("―" * 12, self._dim())

    def list(self, token: Token) -> None:
        ordered = token.type == "ordered_list_open"
        self._open_list(ordered=ordered, start=int(token.attrs.get("start", 1)) if ordered else 1)

    def list_end(self, token: Token) -> None:
        self._lists.pop()

    def item(self, token: Token) -> None:
        self._item_begins = True

    def item_end(self, token: Token) -> None:
        self._item_begins = False
        self._lists[-1].number += 1

    def quote(self, token: Token) -> None:
        self._quotes += 1

    def quote_end(self, token: Token) -> None:
        self._quotes -= 1

    def _open_list(self, *, ordered: bool, start: int) -> None:
        bullets = sum(not one.ordered for one in self._lists)
        marker = "" if ordered else _BULLETS[min(bullets, len(_BULLETS) - 1)]
        left = self._lists[-1].left if self._lists else 0.0
        widest = f"{start + 9}." if ordered else marker
        self._lists.append(_List(ordered, start, marker, left + self._text_style.hang(widest)))

    def _next_block(self, above: float, *, code: bool = False) -> None:
        """Begin a paragraph, at the right depth and with its marker if an item begins."""
        form = self._text_style.lines(code=code)
        marker = ""
        left = self._lists[-1].left if self._lists else 0.0
        if self._item_begins:
            marker = self._lists[-1].text
            hang = left - (self._lists[-2].left if len(self._lists) > 1 else 0.0)
            form.setTextIndent(-hang)
            form.setTabPositions([QTextOption.Tab(hang, QTextOption.TabType.LeftTab)])
        if self._begun:
            form.setTopMargin(max(above / 2, 3.0) if marker else above)
        if self._quotes:
            form.setProperty(QUOTE, self._quotes)
            self._words = self._dim()
        form.setLeftMargin(left + QUOTE_PX * self._quotes)
        if code:
            form.setBackground(self._text_style.color("code"))
        if self._begun:
            self._cursor.insertBlock(form, self._words)
        else:
            self._cursor.setBlockFormat(form)
        if marker:
            self._cursor.insertText(marker + "\t", self._dim())
        self._item_begins = False
        self._begun = True

    # words

    def inline(self, token: Token) -> None:
        write_words(self._cursor, token.content, self._words, self._text_style, self._env)

    def _dim(self) -> QTextCharFormat:
        made = QTextCharFormat(self._text_style.words)
        made.setForeground(self._text_style.color("text-dim"))
        return made

    # tables

    def _table(self, tokens: Sequence[Token]) -> None:
        rows = _cells(tokens)
        if not rows:
            return
        table = self._cursor.insertTable(len(rows), len(rows[0]), self._table_format())
        for number, row in enumerate(rows):
            for column, (content, align) in enumerate(row):
                self._cell(table, number, column, content, align)

    def _cell(self, table: QTextTable, row: int, column: int, content: str, align: str) -> None:
        cell = table.cellAt(row, column)
        cursor = cell.firstCursorPosition()
        form = self._text_style.lines()
        form.setAlignment(_ALIGN.get(align, Qt.AlignmentFlag.AlignLeft))
        cursor.setBlockFormat(form)
        words = self._text_style.words
        if row == 0:
            words = QTextCharFormat(words)
            words.setFontWeight(QFont.Weight.Bold)
            shade = cell.format()
            shade.setBackground(self._text_style.color("code"))
            cell.setFormat(shade)
        write_words(cursor, content, words, self._text_style, self._env)

    def _table_format(self) -> QTextTableFormat:
        made = QTextTableFormat()
        made.setBorder(1)
        made.setBorderBrush(self._text_style.color("line"))
        made.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        made.setBorderCollapse(True)
        made.setCellPadding(7)
        made.setHeaderRowCount(1)
        made.setWidth(QTextLength(QTextLength.Type.VariableLength, 0))
        return made


_STEPS: dict[str, Callable[[_Writer, Token], None]] = {
    "paragraph_open": _Writer.paragraph,
    "heading_open": _Writer.heading,
    "heading_close": _Writer.heading_end,
    "fence": _Writer.fence,
    "code_block": _Writer.fence,
    "hr": _Writer.rule,
    "bullet_list_open": _Writer.list,
    "ordered_list_open": _Writer.list,
    "bullet_list_close": _Writer.list_end,
    "ordered_list_close": _Writer.list_end,
    "list_item_open": _Writer.item,
    "list_item_close": _Writer.item_end,
    "blockquote_open": _Writer.quote,
    "blockquote_close": _Writer.quote_end,
    "inline": _Writer.inline,
}


def write_words(
    cursor: QTextCursor,
    content: str,
    base: QTextCharFormat,
    text_style: TextStyle,
    env: dict[str, Any],
) -> None:
    """Insert a line of Markdown: emphasis, code, links, breaks; the rest is words."""
    formats = [base]
    for token in _words.parseInline(content, env)[0].children or ():
        now = formats[-1]
        if token.type == "text":
            _insert_text(cursor, token.content, now, text_style)
        elif token.type in ("softbreak", "hardbreak"):
            cursor.insertText("\u2028", now)  # models mean their line breaks
        elif token.type == "code_inline":
            cursor.insertText(token.content, text_style.code_words())
        elif token.type == "image":
            _insert_image(cursor, token, now, text_style)
        elif token.nesting == 1:
            formats.append(_dressed(token, now, text_style))
        elif token.nesting == -1:
            formats.pop()
        else:
            cursor.insertText(token.content, now)


def _dressed(token: Token, now: QTextCharFormat, text_style: TextStyle) -> QTextCharFormat:
    if token.type == "link_open":
        address = str(token.attrs.get("href", ""))
        return text_style.link(now, address) if _leads_out(address) else now
    made = QTextCharFormat(now)
    if token.type == "strong_open":
        made.setFontWeight(QFont.Weight.Bold)
    elif token.type == "em_open":
        made.setFontItalic(True)
    elif token.type == "s_open":
        made.setFontStrikeOut(True)
    return made


def _insert_text(
    cursor: QTextCursor, text: str, now: QTextCharFormat, text_style: TextStyle
) -> None:
    """Words; addresses that stand bare in them become links."""
    at = 0
    if "://" in text and not now.isAnchor():
        for found in _ADDRESS.finditer(text):
            cursor.insertText(text[at : found.start()], now)
            cursor.insertText(found[0], text_style.link(now, found[0]))
            at = found.end()
    cursor.insertText(text[at:], now)


def _insert_image(
    cursor: QTextCursor, token: Token, now: QTextCharFormat, text_style: TextStyle
) -> None:
    address = str(token.attrs.get("src", ""))
    words = token.content or address
    cursor.insertText(words, text_style.link(now, address) if _leads_out(address) else now)


def _leads_out(address: str) -> bool:
    return address.startswith(("http://", "https://"))


def _cells(tokens: Sequence[Token]) -> list[list[tuple[str, str]]]:
    """The words and the alignment of every cell, row by row."""
    rows: list[list[tuple[str, str]]] = []
    align = ""
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open"):
            align = str(token.attrs.get("style", "")).removeprefix("text-align:")
        elif token.type == "inline":
            rows[-1].append((token.content, align))
    return rows
