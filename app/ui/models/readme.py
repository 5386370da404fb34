"""A page of a hub, rendered: no picture is fetched, nothing runs, links lead out only on a wish."""

import re

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.ui.look.text_style import TextStyle
from app.ui.look.theme import Theme
from app.ui.markdown.blocks import Block, blocks_of
from app.ui.markdown.document import document_of
from app.ui.markdown.tables import is_long
from app.ui.transcript.code_block import CodeBlock
from app.ui.transcript.long_table import LongTable
from app.ui.transcript.text_block import TextBlock
from app.ui.transcript.wide_text import WideText
from app.ui.widgets.link_dialog import offer_address
from app.ui.widgets.parts import label, rule
from app.ui.widgets.web_address import hover_text

_LONGEST, _MOST_BLOCKS = 40_000, 160
_LONGEST_SOURCE = 200_000
# None of these tries a long page again and again: each runs on where its end is missing.
_FRONT = re.compile(r"\A\ufeff?---[ \t]*\n.*?\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_HIDDEN = re.compile(r"<(script|style|svg|video|audio)\b.*?(?:</\1\s*>|\Z)", re.I | re.S)
_BREAK = re.compile(r"</?(?:p|div|h[1-6]|tr|li|ul|ol|table|center|details|summary)\b[^<>]*>", re.I)
_TAG = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>]*)?/?>", re.I)
_FENCED = re.compile(
    r"^(?:```|~~~).*?(?:^(?:```|~~~)[ \t]*$|\Z)|`[^`\n]+`", re.DOTALL | re.MULTILINE
)
_GAPS = re.compile(r"\n{3,}")


class Readme(QWidget):
    """Shows Markdown that a stranger wrote."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._text = theme, ""
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.space("s"))
        theme.changed.connect(self._show)

    def show_text(self, text: str) -> None:
        """Render ``text``; "" shows nothing."""
        if text != self._text:
            self._text = text
            self._show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if isinstance(watched, TextBlock) and isinstance(event, QMouseEvent):
            address = watched.address_at(event.position().toPoint())
            if event.type() is QEvent.Type.MouseMove:
                hand, plain = Qt.CursorShape.PointingHandCursor, Qt.CursorShape.ArrowCursor
                watched.setCursor(hand if address else plain)
                watched.setToolTip(hover_text(address))
            if event.type() is QEvent.Type.MouseButtonRelease and address:
                offer_address(address, self, event.globalPosition().toPoint())
                return True
        return False

    def _show(self) -> None:
        while (item := self._column.takeAt(0)) is not None:
            if (part := item.widget()) is not None:
                part.hide()
                part.deleteLater()
        plain = plain_markdown(self._text)
        blocks = blocks_of(plain[:_LONGEST])
        text_style = TextStyle(self._theme)
        for block in blocks[:_MOST_BLOCKS]:
            self._column.addWidget(self._part(block, text_style))
        if len(plain) > _LONGEST or len(blocks) > _MOST_BLOCKS:
            words = tr("This page is longer: the rest is on the hub.")
            self._column.addWidget(label(words, "small", wrap=True))

    def _part(self, block: Block, text_style: TextStyle) -> QWidget:
        if block.kind == "rule":
            return rule()
        if block.kind == "code":
            code = CodeBlock(block, text_style)
            code.save.hide()
            made: QWidget = code
        elif block.kind == "table" and is_long(block.source):
            made = LongTable(block, text_style)
        elif block.kind == "table":
            made = WideText(document_of(block, text_style), text_style)
        else:
            made = TextBlock(document_of(block, text_style), text_style)
            made.setCursor(Qt.CursorShape.ArrowCursor)
        for text in (made, *made.findChildren(TextBlock)):
            text.installEventFilter(self)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        made.setSizePolicy(policy)
        return made


def plain_markdown(text: str) -> str:
    """Without the hub's header and without HTML, which is not shown; code is left as it is."""
    text = _FRONT.sub("", text[:_LONGEST_SOURCE].replace("\r\n", "\n"), count=1)
    pieces, at = [], 0
    for code in _FENCED.finditer(text):
        pieces += [_without_html(text[at : code.start()]), code[0]]
        at = code.end()
    pieces.append(_without_html(text[at:]))
    return _GAPS.sub("\n\n", "".join(pieces)).strip()


def _without_html(text: str) -> str:
    text = _HIDDEN.sub("", _COMMENT.sub("", text))
    return _TAG.sub("", _BREAK.sub("\n\n", text))
