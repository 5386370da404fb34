"""Conversations of which the store could not take everything: kept here, and offered again."""

import time
from concurrent.futures import Future
from functools import partial

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import Failure
from app.messages.translate import tr
from app.ui.state.services import Services

from .message_tree import Tree

_AGAIN_MS = 5000


class UnsavedQueue(QObject):
    """Watches what is stored and says the first failure of a conversation, not its consequences.

    What failed is stored whole as soon as there is room again, and that is said, too.
    """

    _failed = Signal(object, object)
    _stored = Signal(object)
    _failed_again = Signal()

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store, self._notices = services.conversations, services.notices
        self._trees: dict[str, Tree] = {}
        self._deleted: set[str] = set()
        self.again = QTimer(self, singleShot=True, interval=_AGAIN_MS)
        self.again.timeout.connect(self._try)
        self._failed.connect(self._lose)
        self._stored.connect(self._release)
        self._failed_again.connect(self._wait)

    def watch(self, kept: "Future[None]", tree: Tree | None = None) -> None:
        """A write that nobody waits for, of what is in ``tree`` where that is known."""
        kept.add_done_callback(partial(self._look, tree))

    def tree_of(self, conversation: str) -> Tree | None:
        """The conversation as it was shown, if the store does not have all of it."""
        return self._trees.get(conversation)

    def note_deleted(self, conversation: str) -> None:
        """It was put into the trash: what the store has yet to take of it goes there, too."""
        self._deleted.add(conversation)

    def note_restored(self, conversation: str) -> None:
        """It was taken out of the trash."""
        self._deleted.discard(conversation)

    def _look(self, tree: Tree | None, done: "Future[None]") -> None:
        """From the store's thread."""
        error = done.exception()
        if isinstance(error, Failure):
            self._failed.emit(error, tree)

    def _lose(self, failure: Failure, tree: Tree | None) -> None:
        known = tree is not None and tree.conversation.id in self._trees
        if tree is not None:
            self._trees[tree.conversation.id] = tree
            self._wait()
        if not known:
            self._notices.failure(failure)

    def _wait(self) -> None:
        if self._trees and not self.again.isActive():
            self.again.start()

    def _try(self) -> None:
        for tree in list(self._trees.values()):  # what is stored by then goes at once
            if any(message.status == "writing" for message in tree.messages):
                self.again.start()
                continue
            now = msgspec.structs.replace(tree.conversation, leaf=tree.leaf, updated=time.time())
            kept = self._store.keep_whole(now, tree.messages, tree.tokens)
            kept.add_done_callback(partial(self._look_again, tree))

    def _look_again(self, tree: Tree, done: "Future[None]") -> None:
        """From the store's thread."""
        error = done.exception()
        if error is None:
            self._stored.emit(tree)
        elif isinstance(error, Failure):
            self._failed_again.emit()

    def _release(self, tree: Tree) -> None:
        if tree.conversation.id in self._deleted:
            self._store.delete(tree.conversation.id)
        if self._trees.pop(tree.conversation.id, None) is not None and not self._trees:
            self._notices.news(tr("There is room again: everything is stored."))
