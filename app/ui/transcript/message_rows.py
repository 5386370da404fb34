"""The rows of one message, and how they follow a reply that grows; moves no scroll bar."""

from collections.abc import Callable, Sequence

from app.runtime.families.thinking import split_thinking
from app.store.records import Message
from app.ui.look.text_style import TextStyle
from app.ui.markdown.blocks import Block, BlockStream

from .rows import BlockRow, BubbleRow, FailureRow, FootRow, ThoughtRow, Verbs, WaitingRow
from .virtual_list import Row, VirtualList
from .waiting import Waiting

_LONG, _PREVIEW, _PIECE = 6000, 1500, 3000


class UserMessageRows:
    """The rows of what the person said: one bubble, or several where it is very long."""

    def __init__(
        self, message: Message, text_style: TextStyle, verbs: Verbs, *, unfolded: bool
    ) -> None:
        self._message, self._text_style, self._verbs = message, text_style, verbs
        self._unfolded = unfolded

    def rows(self, more: Callable[[int], str]) -> list[Row]:
        """``more`` names the button that shows all of so many characters."""
        text = self._message.text
        if len(text) > _LONG and not self._unfolded:
            return [self._row(text[:_PREVIEW] + " …", more(len(text)))]
        rows = [self._row(piece) for piece in parts_of(text)]
        for row in rows[:-1]:
            row.last = False
        for row in rows[1:]:
            row.gap = 2
        return list(rows)

    def _row(self, text: str, more: str = "") -> BubbleRow:
        return BubbleRow(self._message, text, self._text_style, self._verbs, more=more)


class ReplyRows:
    """The rows of a reply; ``grow`` changes only those of its end."""

    def __init__(
        self, message: Message, text_style: TextStyle, dim: TextStyle, verbs: Verbs
    ) -> None:
        self.message, self._text_style, self._dim, self._verbs = message, text_style, dim, verbs
        self._answer, self._thought = BlockStream(), BlockStream()
        self._head = ThoughtRow(message.id, verbs)
        self._thought_rows: list[BlockRow] = []
        self._answer_rows: list[BlockRow] = []
        self._dress: Callable[[Waiting], None] | None = None
        self._waiting: WaitingRow | None = None

    def rows(self, dress: Callable[[Waiting], None] | None = None) -> list[Row]:
        """All rows as the message stands, at least one.

        ``dress`` shows how far a reply under way is, while there is nothing to be seen of it: no
        words, or marks alone that do not tell yet what they begin.
        """
        self._dress, self._waiting = dress, None
        thought, answer = split_thinking(self.message.text)
        ended = self.message.status != "writing"
        made: list[Row] = []
        if thought:
            made.append(self._head)
            self._note_thought(None, thought, answer)
            if self._head.unfolded:
                self._thought.grow(thought, final=ended)
                self._thought_rows = self._block_rows(self._thought.blocks, self._dim, 0)
                made += self._thought_rows
        self._answer.grow(answer, final=ended)
        self._answer_rows = self._block_rows(self._answer.blocks, self._text_style, 0)
        made += self._answer_rows
        if dress is None:
            return made + self.ending()
        if not made:
            self._waiting = WaitingRow(dress)
            made.append(self._waiting)
        return made

    @property
    def answer(self) -> Sequence[BlockRow]:
        """The rows of its words, without its thought."""
        return self._answer_rows

    def ending(self) -> list[Row]:
        """What stands below a reply once it has ended."""
        made: list[Row] = []
        if self.message.reply.failure:
            made.append(FailureRow(self.message, self._verbs))
        if self.message.text.strip() or not made:
            made.append(FootRow(self.message, self._verbs))
        return made

    def toggle_thought(self) -> None:
        """Fold or unfold the thought; the rows are then to be made anew."""
        self._head.unfolded = not self._head.unfolded
        self._answer, self._thought = BlockStream(), BlockStream()

    def note_progress(self, column: VirtualList) -> None:
        """How far the model is has changed."""
        if self._waiting is not None:
            index = column.index_of(self._waiting)
            self._waiting.take(column.widget_of(index) if index >= 0 else None)

    def grow(self, message: Message, column: VirtualList, start: int) -> None:
        """Show more words; ``start`` is the place of the message's first row in ``column``."""
        self.message = message
        thought, answer = split_thinking(message.text)
        at = start
        if thought:
            if column.index_of(self._head) < 0:
                column.splice(start, 0, (self._head,))
            self._note_thought(column, thought, answer)
            at += 1
        if self._head.unfolded:
            rows, blocks = self._thought_rows, self._thought
            self._grow_rows(blocks, thought, rows, column, at)
            at += len(rows)
        self._grow_rows(self._answer, answer, self._answer_rows, column, at)
        if thought or self._answer_rows:
            self._stop_waiting(column)
        else:
            self._wait_again(column, start)

    def end(self, column: VirtualList, start: int) -> None:
        """Show what stands below a reply that has ended."""
        rows = self._thought_rows if self._head.unfolded else []
        count = len(rows) + len(self._answer_rows) + (column.index_of(self._head) >= 0)
        column.splice(start + count, 0, self.ending())
        self._stop_waiting(column)

    def _wait_again(self, column: VirtualList, start: int) -> None:
        """What was shown has turned out to be nothing to be seen, such as a link's definition."""
        if self._waiting is None and self._dress is not None:
            self._waiting = WaitingRow(self._dress)
            column.splice(start, 0, (self._waiting,))

    def _stop_waiting(self, column: VirtualList) -> None:
        if self._waiting is not None:
            column.splice(column.index_of(self._waiting), 1, ())
            self._waiting = None

    def _note_thought(self, column: VirtualList | None, thought: str, answer: str) -> None:
        index = column.index_of(self._head) if column is not None else -1
        widget = column.widget_of(index) if column is not None and index >= 0 else None
        thinking = self.message.status == "writing" and not answer
        self._head.take(widget, thinking=thinking, words=len(thought.split()))

    def _grow_rows(
        self, stream: BlockStream, text: str, rows: list[BlockRow], column: VirtualList, start: int
    ) -> None:
        """Take over what has changed from the first row on that is not as it was."""
        first = stream.grow(text, final=self.message.status != "writing")
        blocks = stream.blocks
        kept = first
        while kept < min(len(rows), len(blocks)) and rows[kept].accepts(blocks[kept]):
            rows[kept].take(blocks[kept], column.widget_of(start + kept))
            column.remeasure(start + kept)
            kept += 1
        if kept < len(rows) or kept < len(blocks):
            text_style = self._dim if stream is self._thought else self._text_style
            fresh = self._block_rows(blocks[kept:], text_style, kept)
            column.splice(start + kept, len(rows) - kept, fresh)
            rows[kept:] = fresh

    def _block_rows(
        self, blocks: list[Block], text_style: TextStyle, number: int
    ) -> list[BlockRow]:
        return [
            BlockRow(block, text_style, self._verbs, first=number + index == 0)
            for index, block in enumerate(blocks)
        ]


def parts_of(text: str) -> list[str]:
    """What the person said, in the parts that have a row each once all of it is shown."""
    return pieces(text) if len(text) > _LONG else [text]


def pieces(text: str) -> list[str]:
    """A long text in parts of some thousand characters, cut at line ends or spaces."""
    parts = []
    while len(text) > _PIECE:
        cut = max(text.rfind("\n", _PIECE // 2, _PIECE), text.rfind(" ", _PIECE // 2, _PIECE)) + 1
        cut = cut or _PIECE
        parts.append(text[:cut].removesuffix("\n"))
        text = text[cut:]
    return [*parts, text]
