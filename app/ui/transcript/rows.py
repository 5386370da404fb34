"""What the transcript is made of: one small class for each kind of row."""

from collections.abc import Callable, Sequence
from typing import Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from app.runtime.families.thinking import split_thinking
from app.store.records import Message
from app.ui.look.text_style import TextStyle
from app.ui.markdown.blocks import Block
from app.ui.markdown.document import document_of, plain_document
from app.ui.markdown.tables import is_long
from app.ui.state.chat.message_facts import failure_of

from .bubble import Bubble
from .code_block import CodeBlock
from .failure_card import FailureCard
from .long_table import HIGHEST, LongTable, text_of_table
from .reply_foot import BUTTON_EDGE, ReplyFoot
from .text_block import TextBlock
from .thought import ThoughtHead
from .waiting import Waiting
from .wide_text import WideText

_BETWEEN = {"text": 12, "table": 14, "code": 14, "rule": 18}
_HEADING_GAP = 22
_REPLY_GAP = 4  # a bubble's actions stand between
_BUBBLE_GAP = 22
_CODE_AROUND = 46  # what a block of code has above and below its lines


class Verbs(Protocol):
    """What the rows ask the transcript for."""

    def copy_message(self, ident: str) -> None: ...
    def regenerate(self, ident: str) -> None: ...
    def may_retry(self, ident: str) -> bool: ...
    def go_on(self, ident: str) -> None: ...
    def is_last(self, ident: str) -> bool: ...
    def edit(self, ident: str) -> None: ...
    def step(self, ident: str, by: int) -> None: ...
    def branch(self, ident: str) -> tuple[int, int, str]: ...
    def compare(self, ident: str) -> None: ...
    def end_thinking(self, ident: str) -> None: ...
    def unfold(self, ident: str) -> None: ...
    def toggle_thought(self, ident: str) -> None: ...
    def save_code(self, code: str, name: str) -> None: ...
    def choose_model(self) -> None: ...


class BlockRow:
    """A block of a reply: words, code, a table or a line across."""

    def __init__(self, block: Block, text_style: TextStyle, verbs: Verbs, *, first: bool) -> None:
        self.block, self._text_style, self._verbs, self._first = block, text_style, verbs, first
        self.gap = self._gap()

    def accepts(self, block: Block) -> bool:
        """Whether the widget of this row can show ``block`` instead."""
        if block.kind == "table" and is_long(block.source) != is_long(self.block.source):
            return False
        return block.kind == self.block.kind and block.language == self.block.language

    def take(self, block: Block, widget: QWidget | None) -> None:
        """Show ``block`` from now on, also in the widget that is there."""
        self.block = block
        self.gap = self._gap()
        if isinstance(widget, CodeBlock | LongTable):
            widget.show_block(block)
        elif isinstance(widget, WideText):
            widget.text.show_document(self.document())
        elif isinstance(widget, TextBlock):
            widget.show_document(self.document())

    def estimate(self, width: int) -> int:
        lines = self.block.source.count("\n") + 1
        if self.block.kind == "table" and is_long(self.block.source):
            return HIGHEST
        if self.block.kind == "code":
            return int(lines * self._text_style.code_line_px + _CODE_AROUND)
        wide = len(self.block.source) * self._text_style.character_px
        return int((wide // width + 1) * self._text_style.line_px)

    def make(self) -> QWidget:
        if self.block.kind == "code":
            code = CodeBlock(self.block, self._text_style)
            code.save_wanted.connect(self._verbs.save_code)
            return code
        if self.block.kind == "table" and is_long(self.block.source):
            return LongTable(self.block, self._text_style)
        if self.block.kind == "table":
            return WideText(self.document(), self._text_style)
        if self.block.kind == "rule":
            return Rule()
        return TextBlock(self.document(), self._text_style)

    def document(self) -> QTextDocument:
        """The block's words as they are shown; also for what is out of sight."""
        if self.block.kind == "table" and is_long(self.block.source):
            return plain_document(text_of_table(self.block), self._text_style)
        return document_of(self.block, self._text_style)

    def _gap(self) -> int:
        if self._first:
            return _REPLY_GAP
        block = self.block
        if block.joined:
            return 5 if block.bullet else 0
        heading = bool(block.tokens) and block.tokens[0].type == "heading_open"
        return _HEADING_GAP if heading else _BETWEEN[block.kind]


class BubbleRow:
    """The person's words, or a part of very many."""

    def __init__(
        self, message: Message, text: str, text_style: TextStyle, verbs: Verbs, *, more: str = ""
    ) -> None:
        self.message, self._text, self._text_style, self._verbs = message, text, text_style, verbs
        self._more = more
        self.last = True
        self.gap = _BUBBLE_GAP

    def estimate(self, width: int) -> int:
        wide = len(self._text) * self._text_style.character_px
        lines = self._text.count("\n") + wide // (0.8 * width) + 1
        return int(lines * self._text_style.line_px) + 50

    def make(self) -> QWidget:
        bubble = Bubble(self.document(), self._text_style, more=self._more)
        ident, verbs = self.message.id, self._verbs
        bubble.copied.connect(lambda: verbs.copy_message(ident))
        bubble.edited.connect(lambda: verbs.edit(ident))
        bubble.unfolded.connect(lambda: verbs.unfold(ident))
        bubble.stepped.connect(lambda by: verbs.step(ident, by))
        bubble.switch.show_branch(*verbs.branch(ident))
        if not self.last:
            bubble.plain()
        return bubble

    def document(self) -> QTextDocument:
        """The words as they were typed."""
        return plain_document(self._text, self._text_style)


class ThoughtRow:
    """The fold above a thought."""

    gap = _REPLY_GAP

    def __init__(self, ident: str, verbs: Verbs) -> None:
        self._ident, self._verbs = ident, verbs
        self.unfolded = False
        self._thinking, self._words = True, 0

    def take(self, widget: QWidget | None, *, thinking: bool, words: int) -> None:
        """Whether the thought still grows, and how long it is."""
        self._thinking, self._words = thinking, words
        if isinstance(widget, ThoughtHead):
            self._show(widget)

    def estimate(self, width: int) -> int:
        return 30

    def make(self) -> QWidget:
        head = ThoughtHead()
        head.toggled.connect(lambda: self._verbs.toggle_thought(self._ident))
        head.ended.connect(lambda: self._verbs.end_thinking(self._ident))
        self._show(head)
        return head

    def _show(self, head: ThoughtHead) -> None:
        head.show_state(unfolded=self.unfolded, thinking=self._thinking, words=self._words)


class WaitingRow:
    """A reply that has no words yet; ``dress`` shows how far it is."""

    gap = _REPLY_GAP

    def __init__(self, dress: Callable[[Waiting], None]) -> None:
        self._dress = dress

    def take(self, widget: QWidget | None) -> None:
        """Show how far it is now."""
        if isinstance(widget, Waiting):
            self._dress(widget)

    def estimate(self, width: int) -> int:
        return 30

    def make(self) -> QWidget:
        waiting = Waiting()
        self._dress(waiting)
        return waiting


class FailureRow:
    """Why a reply ended too early."""

    gap = 14

    def __init__(self, message: Message, verbs: Verbs) -> None:
        self._message, self._verbs = message, verbs

    def estimate(self, width: int) -> int:
        return 110

    def make(self) -> QWidget:
        failure = failure_of(self._message)
        assert failure is not None
        ident, verbs = self._message.id, self._verbs
        card = FailureCard(failure, ident, retryable=verbs.may_retry(ident))
        card.retried.connect(lambda: verbs.regenerate(ident))
        card.elsewhere.connect(verbs.choose_model)
        return card


class FootRow:
    """What can be done with a finished reply, and how it was made."""

    gap = 6
    outset = BUTTON_EDGE

    def __init__(self, message: Message, verbs: Verbs) -> None:
        self._message, self._verbs = message, verbs

    def anew(self) -> "FootRow":
        """The same row, made anew where something follows the reply."""
        return FootRow(self._message, self._verbs)

    def estimate(self, width: int) -> int:
        return 30

    def make(self) -> QWidget:
        ident, verbs = self._message.id, self._verbs
        foot = ReplyFoot(self._message, may_go_on=verbs.is_last(ident))
        foot.went_on.connect(lambda: verbs.go_on(ident))
        foot.copied.connect(lambda: verbs.copy_message(ident))
        foot.regenerated.connect(lambda: verbs.regenerate(ident))
        foot.edited.connect(lambda: verbs.edit(ident))
        foot.compared.connect(lambda: verbs.compare(ident))
        foot.stepped.connect(lambda by: verbs.step(ident, by))
        foot.show_branch(*verbs.branch(ident))
        return foot


class FoldedRow:
    """A whole reply that nobody has seen yet: as high as it may be, until it comes in sight."""

    gap = _REPLY_GAP

    def __init__(
        self, message: Message, text_style: TextStyle, unfold: "Callable[[], Sequence[object]]"
    ):
        self.message, self._text_style, self.unfold = message, text_style, unfold

    def estimate(self, width: int) -> int:
        text = self.message.text
        lines = len(text) * self._text_style.character_px // width + text.count("\n") * 0.7 + 1
        return int(lines * self._text_style.line_px) + 40

    def document(self) -> QTextDocument:
        """The words as the model wrote them, for who takes them along unseen."""
        return plain_document(split_thinking(self.message.text)[1], self._text_style)

    def make(self) -> QWidget:
        raise AssertionError("a folded row is unfolded before it is shown")


class Rule(QWidget):
    """A line across the column."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        line = QFrame()
        line.setProperty("rule", "true")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(line, 1, Qt.AlignmentFlag.AlignVCenter)

    def heightForWidth(self, width: int) -> int:  # noqa: N802 (Qt's name)
        return 3
