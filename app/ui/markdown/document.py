"""A block of Markdown as a QTextDocument: no HTML is made, no picture is fetched.

Code is in one colour here; its others come from another process (``colouring``).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from markdown_it.token import Token
from PySide6.QtGui import QTextCharFormat, QTextCursor, QTextDocument, QTextFormat, QTextOption

from app.ui.look.text_style import TextStyle

from .blocks import Block
from .tables import TableSource, write_table
from .words import write_plain, write_words

QUOTE = QTextFormat.Property.UserProperty.value + 1
QUOTE_PX = 14.0
_BULLETS = ("•", "◦", "▪")
_TASK = re.compile(r"\[([ xX])\](?=\s)[ \t]*")
_OPEN_TASK, _DONE_TASK = "☐", "☑"


def document_of(block: Block, text_style: TextStyle) -> QTextDocument:
    """The document that shows ``block``; its width is for the caller to set."""
    document = plain_document("", text_style)
    cursor = QTextCursor(document)
    cursor.beginEditBlock()  # one layout for all of it
    if block.kind == "code":
        cursor.setBlockFormat(text_style.lines(code=True))
        cursor.insertText(block.source.removesuffix("\n"), text_style.code("text"))
    elif block.kind == "table":
        write_table(cursor, TableSource(block.source), text_style, block.references)
    else:
        _Writer(cursor, text_style, block.references).write(block)
    cursor.endEditBlock()
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
        self, cursor: QTextCursor, text_style: TextStyle, references: Mapping[str, Any]
    ) -> None:
        self._cursor, self._text_style = cursor, text_style
        self._references = references
        self._words = text_style.words
        self._lists: list[_List] = []
        self._item_begins = False
        self._quotes = 0
        self._begun = False
        self._following: Token | None = None
        self._task = False

    def write(self, block: Block) -> None:
        if block.bullet:
            self._open_list(ordered=block.ordered, start=block.number)
            self._item_begins = True
        for token, following in zip_longest(block.tokens, block.tokens[1:]):
            self._following = following
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

    def formula(self, token: Token) -> None:
        """As it was written, in the type of code; what stands behind it are words again."""
        self._next_block(8.0, code=True)
        lines = token.content.removesuffix("\n").replace("\n", "\u2028")  # one patch of shade
        self._cursor.insertText(lines, self._text_style.code("text"))
        if token.info:
            self._next_block(8.0)
            self._write_words(token.info)

    def definition(self, token: Token) -> None:
        """Where a link leads is said, too: it may be all that there is of it."""
        for number, line in enumerate(token.content.removesuffix("\n").split("\n")):
            self._next_block(0.0 if number else 10.0)
            write_plain(self._cursor, line.strip(), self._dim(), self._text_style)

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
            marker = self._marker()
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

    def _marker(self) -> str:
        """The number or bullet of the item that begins; a box where it is a task."""
        usual = self._lists[-1].text
        following = self._following
        task = _TASK.match(following.content) if following and following.type == "inline" else None
        if task is None:
            return usual
        self._task = True
        box = _OPEN_TASK if task[1] == " " else _DONE_TASK
        return f"{usual} {box}" if self._lists[-1].ordered else box

    # words

    def inline(self, token: Token) -> None:
        task = _TASK.match(token.content) if self._task else None
        self._task = False
        self._write_words(token.content[task.end() :] if task else token.content)

    def _write_words(self, content: str) -> None:
        write_words(self._cursor, content, self._words, self._text_style, self._references)

    def _dim(self) -> QTextCharFormat:
        made = QTextCharFormat(self._text_style.words)
        made.setForeground(self._text_style.color("text-dim"))
        return made


_STEPS: dict[str, Callable[[_Writer, Token], None]] = {
    "paragraph_open": _Writer.paragraph,
    "heading_open": _Writer.heading,
    "heading_close": _Writer.heading_end,
    "fence": _Writer.fence,
    "code_block": _Writer.fence,
    "table": _Writer.fence,  # within a list or a quote: as it was written
    "formula": _Writer.formula,
    "definition": _Writer.definition,
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
