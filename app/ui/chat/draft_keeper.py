"""Keeps what is typed with the conversation it is typed in, and stores it soon; draws nothing."""

from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import Failure
from app.store.drafts import NEW, PARTS, Draft
from app.store.drafts import Drafts as StoredDrafts
from app.ui.state.chat.conversation import ConversationController

from .composer import Composer
from .conversations.conversations_pane import ConversationsPane

if TYPE_CHECKING:
    from collections.abc import Mapping

_SOON_MS, _AGAIN_MS = 300, 5000
_WORDS = ("text", "cards", "edit", "edits", "begun")  # the parts of a draft that the composer shows


class Drafts(QObject):
    """The drafts of all conversations of this window; ``found`` when a closed one has left some.

    What the store cannot take stays here and is offered again: a full disk costs nothing else.
    """

    found = Signal()
    _came = Signal(object, bool)
    _failed = Signal(object, str, str)

    def __init__(self, store: StoredDrafts, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._now: dict[str, Draft] = {}
        self._unstored: dict[tuple[str, str], None] = {}
        self._soon = QTimer(self, singleShot=True)
        self._soon.timeout.connect(self.keep)
        self._came.connect(self._take_over)
        self._failed.connect(self._offer_again)
        self.look()

    def of(self, conversation: str) -> Draft:
        """What is typed there and not sent."""
        return self._now.get(conversation, Draft())

    def all(self) -> "Mapping[str, Draft]":
        """Every draft, by conversation."""
        return self._now

    def note(self, conversation: str, draft: Draft) -> None:
        """The draft of a conversation as it is now."""
        before, self._now[conversation] = self.of(conversation), draft
        for part in PARTS:
            if getattr(before, part) != getattr(draft, part):
                self._unstored[conversation, part] = None
        if self._unstored and not self._soon.isActive():
            self._soon.start(_SOON_MS)

    def keep(self) -> None:
        """Store at once what is not stored yet."""
        self._soon.stop()
        if not self._store.open:  # a timer that comes after the end
            return
        unstored, self._unstored = list(self._unstored), {}
        for conversation, part in unstored:
            value = getattr(self.of(conversation), part)
            kept = self._store.keep(conversation, part, value)
            kept.add_done_callback(partial(self._look_at, conversation, part))

    def look(self) -> None:
        """Take over what windows that are gone have left; ``found`` comes when it is there."""
        self._store.take().add_done_callback(partial(self._receive, last=False))

    def _receive(self, done: "Future[dict[str, Draft]]", *, last: bool) -> None:
        """From the store's thread."""
        error = done.exception()
        self._came.emit(done.result() if error is None else error, last)

    def _take_over(self, came: "dict[str, Draft] | BaseException", last: bool) -> None:  # noqa: FBT001 (a signal's argument)
        if isinstance(came, Failure):
            if not last:
                self._store.left().add_done_callback(partial(self._receive, last=True))
        elif isinstance(came, BaseException):
            raise came
        elif came:
            for conversation, draft in came.items():
                self.note(conversation, self.of(conversation).joined(draft))
            self.found.emit()

    def _look_at(self, conversation: str, part: str, done: "Future[None]") -> None:
        """From the store's thread."""
        error = done.exception()
        if error is not None:
            self._failed.emit(error, conversation, part)

    def _offer_again(self, error: BaseException, conversation: str, part: str) -> None:
        if not isinstance(error, Failure):
            raise error
        self._unstored[conversation, part] = None
        if not self._soon.isActive():
            self._soon.start(_AGAIN_MS)


class Drafting(QObject):
    """Between the drafts and the places where the person types: the composer, the list, the panel.

    The system prompt of a conversation that has begun is stored with it, not here.
    """

    def __init__(
        self,
        drafts: Drafts,
        controller: ConversationController,
        composer: Composer,
        pane: ConversationsPane,
    ) -> None:
        super().__init__(composer)
        self._drafts, self._controller, self._composer, self._pane = (
            drafts,
            controller,
            composer,
            pane,
        )
        self._shown = NEW
        self._usual_system = controller.conversation.system
        self._titles: dict[str, str] = {}
        controller.opened.connect(self._open)
        controller.added.connect(self._begin)
        controller.configured.connect(self._note_system)
        controller.queue_changed.connect(self._note_queue)
        composer.changed.connect(self._note_words)
        pane.delegate.typed.connect(self._note_title)
        pane.delegate.left.connect(self._leave_title)
        pane.model.shown.connect(self._go_on_renaming)
        drafts.found.connect(self._show_found)

    @property
    def _open_now(self) -> str:
        """The conversation that is shown, or none where it has not begun."""
        return self._controller.conversation.id if len(self._controller.tree) else NEW

    def _open(self) -> None:
        """Another conversation, or another branch of it, is shown."""
        if not len(self._controller.tree):
            self._usual_system = self._controller.conversation.system
        if self._open_now != self._shown:
            self._shown = self._open_now
            self._show(self._drafts.of(self._shown))
        elif self._shown == NEW:
            self._show_system(self._drafts.of(NEW))

    def forget_system(self) -> None:
        """A conversation that has not begun gets another system prompt than was typed for it."""
        self._change(NEW, system=None)

    def _begin(self) -> None:
        """A first message was sent: what else stands in the field belongs to its conversation."""
        if self._shown == NEW != self._open_now:
            self._drafts.note(NEW, Draft())
            self._shown = self._open_now
            self._note_words()
        self._drafts.keep()

    def _show(self, draft: Draft) -> None:
        edit = draft.edit
        if edit is not None and edit.message not in self._controller.tree:
            draft = msgspec.structs.replace(draft, edit=None).joined(Draft(text=edit.text))
            self._drafts.note(self._shown, draft)
        words = _words_of(draft)
        if words != self._composer.draft():
            self._composer.show_draft(words)
        self._show_system(draft)
        if draft.queued and self._shown != NEW:
            self._controller.restore_queue(draft.queued)

    def _note_queue(self, conversation: str) -> None:
        queued = self._controller.answering.queue.of(conversation)
        if queued != self._drafts.of(conversation).queued:
            self._change(conversation, queued=queued)

    def _show_system(self, draft: Draft) -> None:
        if self._shown == NEW and draft.system is not None:
            self._controller.configure(system=draft.system)

    def _show_found(self) -> None:
        """What a window that is gone had typed here is shown beside what is typed already."""
        self._show(self._drafts.of(self._shown))
        self._titles = {
            conversation: draft.title
            for conversation, draft in self._drafts.all().items()
            if draft.title and conversation != NEW
        }
        self._go_on_renaming()

    def _note_words(self) -> None:
        typed = self._composer.draft()
        words = {name: getattr(typed, name) for name in _WORDS}
        self._change(self._shown, **words)

    def _note_system(self) -> None:
        if self._shown == NEW and not len(self._controller.tree):
            system = self._controller.conversation.system
            self._change(NEW, system=None if system == self._usual_system else system)

    def _note_title(self, conversation: str, title: str) -> None:
        self._change(conversation, title=title)

    def _leave_title(self, conversation: str) -> None:
        self._change(conversation, title="")
        QTimer.singleShot(0, self, self._go_on_renaming)

    def _go_on_renaming(self) -> None:
        for conversation, title in list(self._titles.items()):
            if self._pane.go_on_renaming(conversation, title):
                del self._titles[conversation]
                return

    def _change(self, conversation: str, **parts: object) -> None:
        draft = msgspec.structs.replace(self._drafts.of(conversation), **parts)
        self._drafts.note(conversation, draft)


def _words_of(draft: Draft) -> Draft:
    return Draft(**{name: getattr(draft, name) for name in _WORDS})
