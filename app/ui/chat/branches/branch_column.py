"""One branch of a conversation from where it parts from the others, to be read; follows a reply."""

from collections.abc import Sequence

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from app.runtime.families.thinking import split_thinking
from app.store.records import Message
from app.ui.look.text_style import TextStyle
from app.ui.look.theme import Theme
from app.ui.transcript.message_rows import ReplyRows, UserMessageRows
from app.ui.transcript.rows import BubbleRow
from app.ui.transcript.virtual_list import Row, VirtualList
from app.ui.transcript.waiting import Waiting

_EDGE = 12


class BranchColumn(VirtualList):
    """The messages as in the transcript, without what can be done with them there."""

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(theme.column, _EDGE, parent)
        self.setAccessibleName(name)
        self._text_style, self._dim = TextStyle(theme), TextStyle(theme, dim=True)
        self._written: dict[str, ReplyRows] = {}
        self._firsts: dict[str, Row] = {}
        self._messages: dict[str, Message] = {}

    def show_messages(self, messages: Sequence[Message]) -> None:
        """Show these, from the top."""
        self._written, self._firsts = {}, {}
        self._messages = {one.id: one for one in messages}
        rows: list[Row] = []
        for message in messages:
            made = self._rows(message)
            self._firsts[message.id] = made[0]
            rows += made
        self.splice(0, len(self.rows), rows)
        self.stay()
        self.settle()

    def grow(self, message: Message) -> None:
        """More of a reply is there."""
        written = self._written.get(message.id)
        if written is None or not message.text:
            return
        start = self.index_of(self._firsts[message.id])
        written.grow(message, self, start)
        self._firsts[message.id] = self.rows[start]
        self.settle()

    def toggle_thought(self, ident: str) -> None:
        """Show or hide what a reply was thought from."""
        written = self._written[ident]
        start = self.index_of(self._firsts[ident])
        count = self._count_of(start)
        written.toggle_thought()
        rows = written.rows(_still)
        self._firsts[ident] = rows[0]
        self.splice(start, count, rows)
        self.settle()

    def unfold(self, ident: str) -> None:
        """Show all of a long message."""
        start = self.index_of(self._firsts[ident])
        count = self._count_of(start)
        rows = self._bubbles(self._messages[ident], unfolded=True)
        self._firsts[ident] = rows[0]
        self.splice(start, count, rows)
        self.settle()

    def copy_message(self, ident: str) -> None:
        """Put a message on the clipboard; a reply without its thought."""
        QGuiApplication.clipboard().setText(split_thinking(self._messages[ident].text)[1])

    def branch(self, ident: str) -> tuple[int, int, str]:
        """Branches are beside each other here: none is shown at its message."""
        return 1, 1, ""

    def is_last(self, ident: str) -> bool:
        """Nothing goes on from here."""
        return False

    def may_retry(self, ident: str) -> bool:
        """Nothing is asked anew from here."""
        return False

    def nothing(self, *_about: object) -> None:
        """What is done with messages is done in the transcript."""

    regenerate = go_on = edit = step = save_code = choose_model = compare = end_thinking = nothing

    def _rows(self, message: Message) -> list[Row]:
        if message.role == "user":
            return self._bubbles(message, unfolded=False)
        written = ReplyRows(message, self._text_style, self._dim, self)
        self._written[message.id] = written
        return written.rows(_still)

    def _bubbles(self, message: Message, *, unfolded: bool) -> list[Row]:
        rows = UserMessageRows(message, self._text_style, self, unfolded=unfolded).rows(str)
        for row in rows:
            if isinstance(row, BubbleRow):
                row.last = False
        return rows

    def _count_of(self, start: int) -> int:
        """How many rows there are up to the next message, or the end."""
        firsts = {id(row) for row in self._firsts.values()}
        at = start + 1
        while at < len(self.rows) and id(self.rows[at]) not in firsts:
            at += 1
        return at - start


def _still(_waiting: Waiting) -> None:
    """A reply without words says what the row says by itself."""
