"""The card at the foot of the chat: words, long pasted texts, send or stop; knows no model."""

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.messages.units import whole
from app.runtime.families.thinking import trimmed
from app.store.drafts import Draft, Edit
from app.ui.look.icons import icon
from app.ui.look.theme import Theme
from app.ui.widgets.parts import button, icon_button, label
from app.ui.widgets.pointer import Gesture

from .prompt_edit import PromptEdit
from .reply_start import ReplyStart
from .waiting_messages import WaitingMessages


class Composer(QFrame):
    """``sent`` carries the words; ``stopped``, ``edit_last_wanted``, ``models_wanted`` when asked
    for; ``changed`` when the draft has.

    While a reply is written, what is sent waits for its end.  ``next_wanted`` asks for the first
    that waits, with Enter in an empty field.
    """

    sent = Signal(str)
    next_wanted = Signal()
    stopped = Signal()
    edit_last_wanted = Signal()
    models_wanted = Signal()
    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("composer", "true")
        self._pasted: list[str] = []
        self._writing = self._closed = False
        self._before_edit = ""
        self._left: dict[str, str] = {}
        self._edited_from = ""
        self.editing = ""
        self._gesture = Gesture()
        self.edit = PromptEdit()
        self._chips = QWidget()
        self._chips_row = QVBoxLayout(self._chips)
        self._note = QWidget()
        words = tr("Writing an earlier message anew; Esc to leave it as it was")
        self._words = label(words, "small")
        self.waiting = WaitingMessages()
        self.start = ReplyStart()
        self._models = button(tr("Choose a model"), "models")
        self._send = button("", "", role="send")
        self._send.setIconSize(QSize(18, 18))
        self._pills, self._figures = QHBoxLayout(), QHBoxLayout()
        self._hint = ""
        self._arrange(theme)
        self.edit.sent.connect(self._press)
        self.edit.pasted.connect(self.attach)
        self.edit.up_pressed.connect(self.edit_last_wanted)
        self.edit.escaped.connect(self._escape)
        self.edit.focus_changed.connect(self._show_focus)
        self.edit.textChanged.connect(self._show_state)
        self.edit.textChanged.connect(self.changed)
        self.start.changed.connect(self.changed)
        self.start.sent.connect(self._press)
        self._send.clicked.connect(self._press_button)
        self._models.clicked.connect(self.models_wanted)
        self._show_state()

    def add_pill(self, pill: QWidget) -> None:
        """One more small control at the left below the words."""
        self._pills.addWidget(pill)

    def add_figure(self, figure: QWidget) -> None:
        """One more thing to be read at the right below the words."""
        self._figures.addWidget(figure, 0, Qt.AlignmentFlag.AlignVCenter)

    def show_writing(self, *, writing: bool) -> None:
        """The button stops while a reply is written."""
        if self._writing and not writing:
            self._gesture.note()  # who wanted to stop it sends nothing
        self._writing = writing
        self._show_hint()
        self._show_state()

    def show_model(
        self,
        name: str,
        *,
        closed: bool,
        opening: bool,
        stopped: bool = False,
        has_tokenizer: bool = True,
    ) -> None:
        """Whom the words go to; ``closed``: nobody, until a model is chosen.

        ``stopped``: to one that is opened again by the next message.
        Nothing can be sent either if the model has no tokenizer.
        """
        self._closed = closed or not has_tokenizer
        if not has_tokenizer:
            words = tr("{} cannot read words: choose another model").format(name)
        elif closed:
            words = tr("No model is open")
        elif opening:
            words = tr("The model is being opened; you can write already")
        elif stopped:
            words = tr("The model is not open now; a message opens it again")
        else:
            words = tr("Message {}").format(name)
        self._hint = words
        self._show_hint()
        self._show_state()

    def text(self) -> str:
        """All that would be sent: pasted texts wait while an earlier message is written anew."""
        pasted = () if self.editing else self._pasted
        return "\n\n".join(part for part in (trimmed(self.edit.toPlainText()), *pasted) if part)

    def draft(self) -> Draft:
        """All that is typed and not sent."""
        words, cards = self.edit.toPlainText(), tuple(self._pasted)
        edits = tuple(Edit(*left) for left in self._left.items())
        begun = self.start.text()
        if not self.editing:
            return Draft(text=words, cards=cards, edits=edits, begun=begun)
        edit = Edit(self.editing, words)
        return Draft(text=self._before_edit, cards=cards, edit=edit, edits=edits, begun=begun)

    def show_draft(self, draft: Draft) -> None:
        """Go on with what was typed before; the keyboard stays where it is."""
        blocked = QSignalBlocker(self)
        self._pasted = list(draft.cards)
        self._left = {edit.message: edit.text for edit in draft.edits}
        self.editing = draft.edit.message if draft.edit else ""
        self._before_edit = draft.text if draft.edit else ""
        self._set_text(draft.edit.text if draft.edit else draft.text)
        self.start.show_text(draft.begun)
        self._show_chips()
        blocked.unblock()

    def attach(self, text: str) -> None:
        """Take a long text along without showing it in the field.

        A message that is written anew is all in the field, and so is what is pasted into it.
        """
        if self.editing:
            self.edit.insertPlainText(text)
            return
        self._pasted.append(text)
        self._show_chips()

    def put_back(self, text: str) -> None:
        """Words that were to be sent are written on; what is typed already stays before them."""
        typed = trimmed(self.edit.toPlainText())
        self._set_text(f"{typed}\n\n{text}" if typed else text)
        self.edit.setFocus()

    def begin_edit(self, ident: str, text: str) -> None:
        """Write the message ``ident`` anew; what was being written waits, another edit, too."""
        if not self.editing:
            self._before_edit = self.edit.toPlainText()
        elif ident == self.editing:
            self.edit.setFocus()
            return
        elif self.edit.toPlainText() != self._edited_from:
            self._left[self.editing] = self.edit.toPlainText()
        self.editing, self._edited_from = ident, text
        self._set_text(self._left.pop(ident, text))
        self._show_chips()
        self.edit.setFocus()

    def end_edit(self) -> None:
        """Back to what was being written before."""
        if self.editing:
            before, self.editing, self._before_edit = self._before_edit, "", ""
            self._set_text(before)
            self._show_chips()
            self.edit.setFocus()

    def clear(self) -> None:
        """Begin with nothing."""
        self._pasted.clear()
        self.edit.clear()
        self.start.show_text("")
        self._show_chips()

    def _show_focus(self, focused: bool) -> None:  # noqa: FBT001 (a signal's argument)
        """The field has no frame of its own: the card shows where the keyboard is."""
        self.setProperty("focused", focused)
        self.style().polish(self)

    def _set_text(self, text: str) -> None:
        self.edit.setPlainText(text)
        cursor = self.edit.textCursor()
        cursor.movePosition(cursor.MoveOperation.End)
        self.edit.setTextCursor(cursor)

    def _press(self) -> None:
        text = self.text()
        if self._closed or (self._writing and self.editing):
            return
        if text:
            self.sent.emit(text)
        elif not self._writing and not self.editing:
            self.next_wanted.emit()

    def _press_button(self) -> None:
        """Send, or stop; the rest of a double click on the one is not the other."""
        if self._gesture.begins():
            if self._writing:
                self.stopped.emit()
            else:
                self._press()
        self.edit.setFocus()

    def _escape(self) -> None:
        if self.editing:
            self.end_edit()
        elif self._writing:
            self.stopped.emit()

    def _show_hint(self) -> None:
        waits = self._writing and not self._closed
        later = tr("Write the next message: it is sent when the reply has ended")
        self.edit.show_hint(later if waits else self._hint)

    def _show_state(self) -> None:
        name = tr("Stop writing (Esc)") if self._writing else tr("Send (Enter)")
        self._send.setToolTip(name)
        self._send.setAccessibleName(name)
        ready = self._writing or (bool(self.text()) and not self._closed)
        colour = "accent-text" if ready else "edge"
        self._send.setIcon(icon("stop" if self._writing else "send", colour, 18))
        self._send.setEnabled(ready)
        self._send.setVisible(not self._closed)
        self._models.setVisible(self._closed)

    def _show_chips(self) -> None:
        while (item := self._chips_row.takeAt(0)) is not None:
            item.widget().deleteLater()  # type: ignore[union-attr]
        for number, text in enumerate(self._pasted):
            self._chips_row.addWidget(self._chip(number, text))
        self._chips.setVisible(bool(self._pasted) and not self.editing)
        self._note.setVisible(bool(self.editing))
        self._show_state()
        self.changed.emit()

    def _chip(self, number: int, text: str) -> QWidget:
        made = QFrame()
        made.setProperty("card", "true")
        row = QHBoxLayout(made)
        row.setContentsMargins(10, 4, 4, 4)
        words = tr("Pasted text  ·  {} characters").format(whole(len(text)))
        row.addWidget(label(words, "small"), 1)
        drop = icon_button("close", tr("Leave the pasted text out"), 14)
        drop.clicked.connect(lambda: self._leave_out(number))
        row.addWidget(drop)
        return made

    def _leave_out(self, number: int) -> None:
        del self._pasted[number]
        self._show_chips()

    def _arrange(self, theme: Theme) -> None:
        space = theme.space
        self._chips_row.setContentsMargins(0, 0, 0, 0)
        self._chips_row.setSpacing(space("xs"))
        self._chips.hide()
        note = QHBoxLayout(self._note)
        note.setContentsMargins(0, 0, 0, 0)
        note.addWidget(self._words, 1)
        leave = icon_button("close", tr("Leave the message as it was"), 14)
        leave.clicked.connect(self._escape)
        note.addWidget(leave)
        self._note.hide()
        self._pills.setSpacing(space("xs"))
        foot = QHBoxLayout()
        foot.setContentsMargins(0, 0, 0, 0)
        foot.addLayout(self._pills)
        foot.addStretch()
        foot.addLayout(self._figures)
        foot.addSpacing(space("s"))
        foot.addWidget(self._models)
        foot.addWidget(self._send, 0, Qt.AlignmentFlag.AlignVCenter)  # else none is higher than it
        column = QVBoxLayout(self)
        column.setContentsMargins(space("l"), space("m"), space("s"), space("s"))
        column.setSpacing(space("xs"))
        for part in (self._note, self.waiting, self._chips, self.edit, self.start):
            column.addWidget(part)
        column.addLayout(foot)
