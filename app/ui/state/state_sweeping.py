"""Deletes what is kept of conversations that were deleted for good; the trash keeps theirs."""

import asyncio
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import StoreError
from app.store.changes import Change
from app.store.conversations import Conversations
from app.store.states.kept_states import forget_all_but, owner_lists
from app.system.log import describe, logger

from .tasks import Tasks

_SOON_MS = 2000


class StateSweeping(QObject):
    """Looks after each change of the list of conversations, and once at the start.

    Where conversations last only as long as the program runs, nothing is known of the others, and
    nothing is deleted.
    """

    _changed = Signal()

    def __init__(
        self,
        conversations: Conversations,
        folder: Path,
        tasks: Tasks,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._conversations, self._folder, self._tasks = conversations, folder, tasks
        self._soon = QTimer(self, singleShot=True, interval=_SOON_MS)
        self._soon.timeout.connect(self.sweep)
        self._changed.connect(self._soon.start)
        self.destroyed.connect(conversations.changes.listen(self._note))
        self._soon.start()

    def sweep(self) -> None:
        """Do it now."""
        if self._conversations.lasting and not self._tasks.ended:
            self._tasks.start(self.swept())

    async def swept(self) -> None:
        """Do it now, and wait for it.  What could not be deleted is tried again with the next."""
        try:
            lists = await self._tasks.thread(owner_lists, self._folder)
            if self._tasks.ended:  # meanwhile, and the store is closed after them
                return
            there = await asyncio.wrap_future(self._conversations.idents())
            await self._tasks.thread(forget_all_but, self._folder, there, lists)
        except StoreError as failure:
            logger("states").warning("kept states were not deleted: %s", describe(failure))

    def _note(self, change: Change) -> None:
        """From any thread."""
        if change.what == "conversations":
            self._changed.emit()
