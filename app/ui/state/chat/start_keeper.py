"""From which named state the conversation that is shown begins; no widget."""

import asyncio

from PySide6.QtCore import QObject, Signal

from app.errors import StoreError
from app.store.states.conversation_starts import ConversationStart
from app.ui.state.services import Services

from .conversation import ConversationController


class StartKeeper(QObject):
    """``changed`` when ``now`` has: None is the model's own beginning.

    What is chosen before the first message is stored with it, and before a reply is asked for.
    """

    changed = Signal()

    def __init__(
        self, services: Services, controller: ConversationController, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._services, self._controller = services, controller
        self._starts = services.conversations.starts
        self.now: ConversationStart | None = None
        self._of, self._unstored = controller.conversation.id, False
        controller.opened.connect(self._follow)
        controller.added.connect(self._follow)

    def choose(self, start: ConversationStart | None) -> None:
        """From now on the conversation begins there; its messages stay as they are."""
        self._of = self._controller.conversation.id
        self.now, self._unstored = start, True
        self._starts.note(self._of, start)
        self._store()
        self.changed.emit()

    def _follow(self) -> None:
        ident = self._controller.conversation.id
        if ident == self._of:
            self._store()
            return
        self._of, self._unstored = ident, False
        self.now = self._starts.known(ident)
        self.changed.emit()
        if len(self._controller.tree) and not self._services.tasks.ended:
            self._services.tasks.start(self._read(ident))

    async def _read(self, ident: str) -> None:
        try:
            found = await asyncio.wrap_future(self._starts.of(ident))
        except StoreError as failure:
            self._services.notices.failure(failure)
            return
        if ident == self._of and not self._unstored and found != self.now:
            self.now = found
            self.changed.emit()

    def _store(self) -> None:
        if self._unstored and len(self._controller.tree):
            self._unstored = False
            self._starts.put(self._of, self.now)
