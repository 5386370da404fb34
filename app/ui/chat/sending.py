"""Between the composer and the conversation: what is sent, waits, and comes back to be edited."""

from collections.abc import Callable

from PySide6.QtCore import QObject

from app.ui.state.chat.conversation import ConversationController
from app.ui.state.chat.draft_reading import DraftReading

from .composer import Composer


class Sending(QObject):
    """``sent`` is called once something was sent, before the reply is written."""

    def __init__(
        self,
        controller: ConversationController,
        composer: Composer,
        reading: DraftReading,
        sent: Callable[[], None],
    ) -> None:
        super().__init__(composer)
        self.reading = reading
        composer.changed.connect(lambda: reading.note("" if composer.editing else composer.text()))
        self._controller, self._composer, self._sent = controller, composer, sent
        composer.sent.connect(self._send)
        composer.next_wanted.connect(self._send_next)
        composer.waiting.taken_back.connect(self._take_back)
        composer.edit_last_wanted.connect(self._edit_last)
        controller.queue_changed.connect(self._show_queue)

    def edit(self, ident: str) -> None:
        """Write a message of either side anew."""
        if self._controller.writing is None:
            self._composer.begin_edit(ident, self._controller.tree[ident].text)

    def _send(self, text: str) -> None:
        self._controller.typed_wanted.emit()
        composer, editing = self._composer, self._composer.editing
        begun = composer.start.text()
        if editing:
            composer.end_edit()
            if editing in self._controller.tree:
                self._controller.edit(editing, text)
        else:
            composer.clear()
            self._controller.send(text, begun)
        self._sent()

    def _send_next(self) -> None:
        """The first that waits, where the reply before it was stopped or failed."""
        conversation = self._controller.conversation.id
        text = self._controller.answering.take_from_queue(conversation)
        if text is not None:
            self._controller.send(text)
            self._sent()

    def _take_back(self, number: int) -> None:
        """What is typed already stays before it."""
        conversation = self._controller.conversation.id
        text = self._controller.answering.take_from_queue(conversation, number)
        if text is not None:
            self._composer.put_back(text)

    def _edit_last(self) -> None:
        spoken = [one for one in self._controller.tree.path() if one.role == "user"]
        if spoken:
            self.edit(spoken[-1].id)

    def _show_queue(self, conversation: str) -> None:
        if conversation == self._controller.conversation.id:
            self._composer.waiting.show_texts(self._controller.queue)
