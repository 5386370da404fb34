"""Finding words in the conversation that is shown: between the bar, the finder and the words."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication, QWidget

from app.messages.translate import tr
from app.ui.look.text_style import TextStyle
from app.ui.look.theme import Theme
from app.ui.state.chat.conversation import ConversationController
from app.ui.state.commands import Command
from app.ui.transcript.finder import Finder, Hit
from app.ui.transcript.found_place import FoundPlaces
from app.ui.transcript.transcript import Transcript

from .find_bar import FindBar

_LONGEST = 200  # of what is chosen, to be looked for at once


class Finding(QObject):
    """What is typed is looked for from where the reader is; ``home`` takes the keyboard at last."""

    def __init__(
        self,
        theme: Theme,
        controller: ConversationController,
        transcript: Transcript,
        home: Callable[[], None],
    ) -> None:
        super().__init__(transcript)
        self._controller, self._transcript, self._home = controller, transcript, home
        self.bar = FindBar(theme)
        self.bar.hide()
        self.places = FoundPlaces(transcript)
        self._finder = Finder(controller, TextStyle(theme), self)
        self._hit: Hit | None = None
        self._from = ""
        self._comes = False
        self._conversation = ""
        self._had_keyboard: QWidget | None = None
        self.bar.typed.connect(self._look_for)
        self.bar.next_wanted.connect(lambda: self.step(forward=True))
        self.bar.previous_wanted.connect(lambda: self.step(forward=False))
        self.bar.left.connect(self.close)
        self._finder.found.connect(self._note)
        controller.opened.connect(self._look_again)
        controller.added.connect(self._look_again)

    def commands(self, group: str) -> Sequence[Command]:
        """What can be asked for by name or key."""
        return (
            Command(tr("Find in this conversation"), self.open, "Ctrl+F", "search", group),
            Command(tr("Next hit"), lambda: self.step(forward=True), "F3", "chevron-down", group),
            Command(
                *(tr("The hit before"), lambda: self.step(forward=False), "Shift+F3"),
                *("chevron-up", group),
            ),
        )

    def open(self) -> None:
        """Show the bar, with the words that are chosen in a line of the conversation."""
        has = QApplication.focusWidget()
        if has is not None and not self.bar.isAncestorOf(has):
            self._had_keyboard = has
            self._had_keyboard.destroyed.connect(self._forget_keyboard)
        opened = self.bar.isHidden()
        self.bar.show()
        self._conversation = self._controller.conversation.id
        if opened:
            self._from = self._transcript.message_at_top()
        chosen = self._transcript.selection.text()
        if opened and chosen.strip() and len(chosen) <= _LONGEST and "\n" not in chosen:
            self.bar.field.setText(chosen)
        self.bar.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.bar.field.selectAll()
        if opened:
            self._look_for(self.bar.field.text())

    def close(self) -> None:
        """Take the bar away; the keyboard goes back to where it was."""
        has = QApplication.focusWidget()
        inside = has is not None and self.bar.isAncestorOf(has)
        back, self._had_keyboard = self._had_keyboard, None
        if inside:
            if back is not None and back.isVisible() and back.isEnabled():
                back.setFocus(Qt.FocusReason.OtherFocusReason)
            else:
                self._home()
        self.bar.hide()
        self._hit, self._comes = None, False
        self._finder.end()
        self.places.mark("")

    def step(self, *, forward: bool) -> None:
        """Show the next hit or the one before; without a bar, show that first."""
        if self.bar.isHidden():
            self.open()
            return
        hit = self._hit
        found = self._finder.first(self._from) if hit is None else None
        self._show(found if hit is None else self._finder.beside(hit, forward=forward))

    def _look_for(self, words: str) -> None:
        if self.bar.isHidden():
            return
        if self._hit is not None:
            self._from = self._hit.message
        self._hit, self._comes = None, True
        self._finder.look_for(words, self._from)
        self.places.mark(self._finder.term)
        self._note()

    def _look_again(self) -> None:
        """Another branch is shown, or there is one more message; nobody is moved."""
        if self.bar.isHidden():
            return
        if self._controller.conversation.id != self._conversation:
            self.close()
            return
        self._comes = False
        self._finder.look_for(self.bar.field.text(), self._from)

    def _note(self) -> None:
        """More is known."""
        if self.bar.isHidden():
            return
        if self._comes and (hit := self._finder.first(self._from)) is not None:
            self._show(hit)
        number = self._finder.number(self._hit) if self._hit else 0
        self.bar.show_count(number, self._finder.total, looking=self._finder.looking)

    def _show(self, hit: Hit | None) -> None:
        if hit is None:
            return
        self._hit, self._comes = hit, False
        if self._controller.writing is not None:
            self._transcript.stay()  # or the next words push it out of sight
        self.places.show_hit(*hit, self._finder.in_thought(hit.message))
        number, total = self._finder.number(hit), self._finder.total
        self.bar.show_count(number, total, looking=self._finder.looking)

    def _forget_keyboard(self, gone: QObject) -> None:
        if gone is self._had_keyboard:
            self._had_keyboard = None
