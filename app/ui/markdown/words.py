"""The words of a block: emphasis, code, links and formulas, as formats of a document."""

import re
from collections.abc import Mapping
from typing import Any

from markdown_it.token import Token
from PySide6.QtGui import QFont, QTextCharFormat, QTextCursor

from app.ui.look.text_style import TextStyle

from .parsers import leads_out, word_parser

_words = word_parser()
_ADDRESS = re.compile(r"https?://[^\s<>\"'`()\[\]{}]+[^\s<>\"'`()\[\]{}.,;:!?]")
_MOST_BRACKETS = 200  # the end of each is looked for in all of the paragraph
_MARKED = re.compile(r"[*_`\[\]\\<&~!$]|://")


def write_words(
    cursor: QTextCursor,
    content: str,
    base: QTextCharFormat,
    text_style: TextStyle,
    references: Mapping[str, Any],
) -> None:
    """Insert a line of Markdown: emphasis, code, links, breaks; the rest is words."""
    if content.count("[") > _MOST_BRACKETS:
        write_plain(cursor, content.replace("\n", "\u2028"), base, text_style)
        return
    formats = [base]
    titles: list[str] = []
    for token in _words.parseInline(content, {"references": references})[0].children or ():
        now = formats[-1]
        if token.type == "text":
            write_plain(cursor, token.content, now, text_style)
        elif token.type in ("softbreak", "hardbreak"):
            cursor.insertText("\u2028", now)  # models mean their line breaks
        elif token.type in ("code_inline", "formula_inline"):
            cursor.insertText(token.content, text_style.code_words())
        elif token.type == "image":
            _insert_image(cursor, token, now, text_style)
        elif token.nesting == 1:
            formats.append(_dressed(token, now, text_style))
            titles.append(_title(token))
        elif token.nesting == -1:
            formats.pop()
            cursor.insertText(titles.pop(), formats[-1])
        else:
            cursor.insertText(token.content, now)


def words_of(content: str, references: Mapping[str, Any]) -> tuple[str, str]:
    """A line of Markdown without its marks, and the first address that it leads to, or ""."""
    if not _MARKED.search(content) or content.count("[") > _MOST_BRACKETS:
        return content, ""
    parts: list[str] = []
    address = ""
    for token in _words.parseInline(content, {"references": references})[0].children or ():
        parts.append(" " if token.type in ("softbreak", "hardbreak") else token.content)
        address = address or str(token.attrs.get("href", token.attrs.get("src", "")))
    if not address and (bare := _ADDRESS.search(content)) and leads_out(bare[0]):
        address = bare[0]
    return "".join(parts), address


def _dressed(token: Token, now: QTextCharFormat, text_style: TextStyle) -> QTextCharFormat:
    if token.type == "link_open":
        address = str(token.attrs.get("href", ""))
        return text_style.link(now, address)
    made = QTextCharFormat(now)
    if token.type == "strong_open":
        made.setFontWeight(QFont.Weight.Bold)
    elif token.type == "em_open":
        made.setFontItalic(True)
    elif token.type == "s_open":
        made.setFontStrikeOut(True)
    return made


def write_plain(
    cursor: QTextCursor, text: str, now: QTextCharFormat, text_style: TextStyle
) -> None:
    """Insert words as they are; addresses that stand bare in them become links."""
    at = 0
    if "://" in text and not now.isAnchor():
        for found in _ADDRESS.finditer(text):
            cursor.insertText(text[at : found.start()], now)
            link = text_style.link(now, found[0]) if leads_out(found[0]) else now
            cursor.insertText(found[0], link)
            at = found.end()
    cursor.insertText(text[at:], now)


def _insert_image(
    cursor: QTextCursor, token: Token, now: QTextCharFormat, text_style: TextStyle
) -> None:
    address = str(token.attrs.get("src", ""))
    words = token.content or address
    cursor.insertText(words, text_style.link(now, address))
    cursor.insertText(_title(token), now)


def _title(token: Token) -> str:
    """What is said of a link beside its words."""
    title = str(token.attrs.get("title", ""))
    return f" ({title})" if title else ""
