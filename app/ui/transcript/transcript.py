"""The messages of the branch that is shown: follows the talk, and offers what can be done."""

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QMenu, QWidget

from app.messages.translate import tr
from app.messages.units import whole
from app.runtime.families.thinking import split_thinking, trimmed
from app.store.records import Message
from app.ui.look.icons import icon
from app.ui.look.text_style import TextStyle
from app.ui.state.chat.conversation import ConversationController
from app.ui.state.chat.message_facts import failure_of
from app.ui.state.chat.prompt_as_text import open_prompt
from app.ui.state.services import Services
from app.ui.widgets.link_dialog import offer_address
from app.ui.widgets.web_address import hover_text

from .announcing import announce_reply
from .failure_card import FailureCard
from .jump_button import JumpButton
from .message_rows import ReplyRows, UserMessageRows
from .rows import FoldedRow, FootRow, ThoughtRow
from .selection import Selection, text_in
from .virtual_list import Row, VirtualList
from .waiting import Waiting

_EDGE = 24
_ALWAYS_OPEN = 2


class Transcript(VirtualList):
    """``edit_wanted`` and ``compare_wanted`` carry the id of a message; ``models_wanted`` leads
    away.  ``menu_wanted`` carries a menu that is about to be shown, and the message it is for."""

    edit_wanted = Signal(str)
    compare_wanted = Signal(str)
    menu_wanted = Signal(QMenu, str)
    save_wanted = Signal(str, str)
    models_wanted = Signal()

    def __init__(
        self,
        services: Services,
        controller: ConversationController,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(services.theme.column, _EDGE, parent)
        self.setAccessibleName(tr("Conversation"))
        self._services, self._controller = services, controller
        self._text_style, self._dim = TextStyle(services.theme), TextStyle(services.theme, dim=True)
        self._written: dict[str, ReplyRows] = {}
        self._first_rows: dict[str, Row] = {}
        self._unfolded: set[str] = set()
        self.selection = Selection(self)
        self._jump = JumpButton(self, self.viewport())
        self._jump.button.clicked.connect(self.go_to_end)
        self.viewport().setMouseTracking(True)
        self.end_changed.connect(lambda at_end: self._jump.offer(at_end=at_end))
        self.verticalScrollBar().valueChanged.connect(self._mark_chosen)
        services.theme.changed.connect(self._dress)
        services.session.changed.connect(self._note_progress)
        services.session.changed.connect(self._offer_retries)
        controller.opened.connect(self.show_all)
        controller.added.connect(self._add)
        controller.grew.connect(self._grow)
        controller.ended.connect(self._end)

    def show_all(self) -> None:
        """Show the branch from its end; whatever fails, no row of another branch stays."""
        self.selection.clear()
        self._written, self._first_rows = {}, {}
        path = self._controller.tree.path()
        rows: list[Row] = []
        try:
            for number, message in enumerate(path):
                rows += self._rows(message, folded=number < len(path) - _ALWAYS_OPEN)
        finally:
            self.splice(0, len(self.rows), rows)
            self.go_to_end()

    # what the rows ask for

    def copy_message(self, ident: str) -> None:
        """Put a message on the clipboard, as it was written; a reply without its thought."""
        message = self._controller.tree[ident]
        reply = message.role == "assistant"
        text = split_thinking(message.text)[1] if reply else message.text
        QGuiApplication.clipboard().setText(trimmed(text))

    def regenerate(self, ident: str) -> None:
        """Answer again."""
        self._controller.regenerate(ident)

    def go_on(self, ident: str) -> None:
        """Write on where a reply was cut short."""
        self._controller.go_on(ident)

    def is_last(self, ident: str) -> bool:
        """Whether nothing follows a message on the branch that is shown."""
        return self._controller.tree.leaf == ident

    def edit(self, ident: str) -> None:
        """Let the person write a message anew."""
        self.edit_wanted.emit(ident)

    def step(self, ident: str, by: int) -> None:
        """Show the branch beside the one that a message begins."""
        self._controller.show_branch(ident, by)
        index = self._place_of(ident)
        if index >= 0:
            self.show_row(index)

    def show_whole(self, ident: str) -> bool:
        """Unfold a message that is long or was never in sight; False where it is not shown."""
        if self._place_of(ident) < 0:
            return False
        hidden = isinstance(self._first_rows[ident], FoldedRow)
        if self._controller.tree[ident].role == "user":
            hidden = ident not in self._unfolded
        self._unfolded.add(ident)
        if hidden:
            self._replace(ident, self._count_of(ident))
        return True

    def show_message(self, ident: str) -> None:
        """Bring the beginning of a message into sight."""
        self.show_row(self._place_of(ident))

    def rows_of(self, ident: str) -> list[Row]:
        """The rows of a message as they are now."""
        start = self._place_of(ident)
        return list(self.rows[start : start + self._count_of(ident)])

    def thought_of(self, ident: str) -> ThoughtRow | None:
        """The fold above the thought of a message, if it has one."""
        first = self._first_rows[ident]
        return first if isinstance(first, ThoughtRow) else None

    def message_at_top(self) -> str:
        """The message that stands at the top of what is in sight; "" where there is none."""
        return self._message_at(QPoint(0, 0))

    def _message_at(self, point: QPoint) -> str:
        firsts = {id(row): ident for ident, row in self._first_rows.items()}
        above = self.rows[: self.index_at(point) + 1]
        return next((firsts[id(row)] for row in reversed(above) if id(row) in firsts), "")

    def branch(self, ident: str) -> tuple[int, int, str]:
        """Which of how many branches a message begins, and what it is called."""
        tree = self._controller.tree
        return *tree.branch(ident), tree[ident].name

    def compare(self, ident: str) -> None:
        """Show the versions of a message beside each other."""
        self.compare_wanted.emit(ident)

    def end_thinking(self, ident: str) -> None:
        """Close the thought of a reply that is being written."""
        stream = self._controller.stream_of(ident)
        if stream is not None:
            stream.end_thinking()

    def unfold(self, ident: str) -> None:
        """Show all of a long message."""
        self._unfolded.add(ident)
        self._replace(ident, 1)

    def toggle_thought(self, ident: str) -> None:
        """Show or hide what a reply was thought from."""
        written = self._written[ident]
        count = self._count_of(ident)
        written.toggle_thought()
        at = self._place_of(ident)
        rows = written.rows(self._dress_waiting if self._is_live(ident) else None)
        self._first_rows[ident] = rows[0]
        self.splice(at, count, rows)
        self.settle()

    def save_code(self, code: str, name: str) -> None:
        """Let the person choose where a block of code goes."""
        self.save_wanted.emit(code, name)

    def choose_model(self) -> None:
        """Go where models are chosen."""
        self.models_wanted.emit()

    # keys and mouse

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.matches(QKeySequence.StandardKey.Copy) and not self.selection.empty:
            self.copy_selection()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.selection.choose_all()
        else:
            super().keyPressEvent(event)

    def copy_selection(self) -> None:
        """Put what is chosen on the clipboard."""
        QGuiApplication.clipboard().setText(self.selection.text())

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        if event.button() is Qt.MouseButton.LeftButton:
            extend = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.selection.begin(self._point(event), extend=extend)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        point = self._point(event)
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.selection.drag(point)
        else:
            self._show_address(point)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        self.selection.end()
        address = self._address_at(self._point(event))
        if address and self.selection.empty and event.button() is Qt.MouseButton.LeftButton:
            offer_address(address, self, event.globalPosition().toPoint())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        self.selection.choose_word(self._point(event))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802 (Qt's name)
        menu = QMenu(self)
        point = self.viewport().mapFromGlobal(event.globalPos())
        copy = menu.addAction(icon("copy", "text-dim"), tr("Copy"), self.copy_selection)
        copy.setEnabled(not self.selection.empty)
        address = self._address_at(point)
        if address:
            clipboard = QGuiApplication.clipboard()
            menu.addAction(tr("Copy the link"), lambda: clipboard.setText(address))
        menu.addAction(tr("Select this part"), lambda: self.selection.choose_row(point))
        menu.addAction(tr("Select all"), self.selection.choose_all)
        if ident := self._message_at(point):
            words = tr("Open the exact prompt in the playground")
            menu.addAction(words, lambda: open_prompt(self._services, self._controller, ident))
            self.menu_wanted.emit(menu, ident)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(event.globalPos())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        super().resizeEvent(event)
        self._jump.place()

    # inside

    def _rows(self, message: Message, *, folded: bool) -> list[Row]:
        if message.role == "user":
            unfolded = message.id in self._unfolded
            rows = UserMessageRows(message, self._text_style, self, unfolded=unfolded).rows(
                self._more
            )
        elif folded and message.text:
            rows = [FoldedRow(message, self._text_style, lambda: self._written_rows(message))]
        else:
            rows = self._written_rows(message)
        self._first_rows[message.id] = rows[0]
        return rows

    def _written_rows(self, message: Message) -> list[Row]:
        written = ReplyRows(message, self._text_style, self._dim, self)
        rows = written.rows(self._dress_waiting if self._is_live(message.id) else None)
        self._written[message.id] = written
        self._first_rows[message.id] = rows[0]
        return rows

    def _is_live(self, ident: str) -> bool:
        return self._controller.stream_of(ident) is not None

    def _add(self, ident: str) -> None:
        last = self.rows[-1] if self.rows else None
        if isinstance(last, FootRow):
            self.splice(len(self.rows) - 1, 1, (last.anew(),))
        self.splice(len(self.rows), 0, self._rows(self._controller.tree[ident], folded=False))
        self.go_to_end()

    def _grow(self, ident: str) -> None:
        written = self._written.get(ident)
        if written is None:
            return
        message = self._controller.tree[ident]
        if message.text:
            start = self._place_of(ident)
            written.grow(message, self, start)
            self._first_rows[ident] = self.rows[start]
            self.settle()
            self._after_growth()
        else:
            written.note_progress(self)

    def _mark_chosen(self) -> None:
        """Also in rows that came into sight just now."""
        if not self.selection.empty:
            self.selection.paint()

    def _after_growth(self) -> None:
        self._mark_chosen()
        if not self.at_end:
            self._jump.note_new_words()

    def _end(self, ident: str) -> None:
        """The last words, and the foot."""
        written = self._written.get(ident)
        if written is None:
            return
        start = self._place_of(ident)
        written.grow(self._controller.tree[ident], self, start)
        written.end(self, start)
        self._first_rows[ident] = self.rows[start]
        self.settle()
        announce_reply(self, written.message, written.answer)

    def may_retry(self, ident: str) -> bool:
        """Whether a reply that failed may go well now: that may pass, or the model is another."""
        message, loaded = self._controller.tree[ident], self._services.session.loaded
        failure, then = failure_of(message), (message.reply.model, message.reply.strategy)
        other = loaded is not None and (loaded.name, loaded.strategy) != then
        return other or failure is None or failure.retryable

    def _offer_retries(self) -> None:
        """Another model may be open."""
        for card in self.viewport().findChildren(FailureCard):
            if card.message in self._controller.tree:
                card.retry.setVisible(self.may_retry(card.message))

    def _note_progress(self) -> None:
        writing = self._controller.writing
        if writing is not None and writing.message.id in self._written:
            self._written[writing.message.id].note_progress(self)

    def _dress_waiting(self, waiting: Waiting) -> None:
        progress = self._services.session.progress
        writing = self._controller.writing
        if writing is not None and writing.read is not None:
            waiting.show_reading(*writing.read)
        elif progress is not None:
            waiting.show_loading(progress.done, progress.total)

    def _replace(self, ident: str, count: int) -> None:
        at = self._place_of(ident)
        self.splice(at, count, self._rows(self._controller.tree[ident], folded=False))
        self.settle()

    def _place_of(self, ident: str) -> int:
        row = self._first_rows.get(ident)
        return -1 if row is None else self.index_of(row)

    def _count_of(self, ident: str) -> int:
        """How many rows a message has: up to the next message's first, or the end."""
        firsts = {id(row) for row in self._first_rows.values()}
        start = self._place_of(ident)
        at = start + 1
        while at < len(self.rows) and id(self.rows[at]) not in firsts:
            at += 1
        return at - start

    def _more(self, length: int) -> str:
        return tr("Show all {} characters").format(whole(length))

    def _dress(self) -> None:
        """Another theme or size: everything is made anew, at the same place."""
        theme = self._services.theme
        self._text_style, self._dim = TextStyle(theme), TextStyle(theme, dim=True)
        at_end, value = self.at_end, self.verticalScrollBar().value()
        self.show_all()
        if not at_end:
            self.verticalScrollBar().setValue(value)

    def _point(self, event: QMouseEvent) -> QPoint:
        return event.position().toPoint()

    def _address_at(self, point: QPoint) -> str:
        index = self.index_at(point)
        widget = self.widget_of(index) if index >= 0 else None
        text = text_in(widget) if widget is not None else None
        if text is None:
            return ""
        inside = text.mapFrom(self.viewport(), point)
        return text.address_at(inside) if text.rect().contains(inside) else ""

    def _show_address(self, point: QPoint) -> None:
        address = self._address_at(point)
        index = self.index_at(point)
        widget = self.widget_of(index) if index >= 0 else None
        text = text_in(widget) if widget is not None else None
        if text is not None:
            shape = Qt.CursorShape.PointingHandCursor if address else Qt.CursorShape.IBeamCursor
            text.setCursor(shape)
            text.setToolTip(hover_text(address))
