"""What can be done with one conversation of the list or with several, each with its undo."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future

from PySide6.QtCore import QObject, Signal

from app.errors import StoreError
from app.messages.translate import tr, tr_n
from app.store.records import Conversation
from app.ui.state.chat.conversation import ConversationController
from app.ui.state.services import Services
from app.ui.state.tasks import stored

Ones = Sequence[Conversation]


class ConversationVerbs(QObject):
    """``chosen`` carries a conversation to show; ``taken`` one that leaves the list at once.

    ``settled`` comes when the list has to be asked for again, also where something failed.
    """

    chosen = Signal(str)
    taken = Signal(str)
    settled = Signal()

    def __init__(
        self, services: Services, controller: ConversationController, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._services, self._controller = services, controller
        self._store = services.conversations

    def pin(self, ones: Ones) -> None:
        """Pin them, or unpin them where all are pinned."""
        pinned = not all(one.pinned for one in ones)
        self._keep(self._store.arranging.pin(_idents(ones), pinned=pinned))

    def archive(self, ones: Ones) -> None:
        """Put them into the archive, or back where all are there."""
        archived = not all(one.archived for one in ones)
        done = self._store.arranging.archive(_idents(ones), archived=archived)
        if archived:
            many = tr_n(
                "{} conversation is in the archive.",
                "{} conversations are in the archive.",
                len(ones),
            )
            said = _said(ones, tr("“{}” is in the archive."), many)
        else:
            many = tr_n(
                "{} conversation is out of the archive.",
                "{} conversations are out of the archive.",
                len(ones),
            )
            said = _said(ones, tr("“{}” is out of the archive."), many)
        self._arranged(ones, done, said)

    def move(self, ones: Ones, folder: str) -> None:
        """Put them into a folder; "" takes them out of theirs."""
        moved = [one for one in ones if one.folder != folder]
        if not moved:
            return
        done = self._store.arranging.move(_idents(moved), folder)
        if folder:
            many = tr_n("{} conversation is in “{}”.", "{} conversations are in “{}”.", len(moved))
            said = many.format(len(moved), folder)
        else:
            many = tr_n(
                "{} conversation is in no folder.", "{} conversations are in no folder.", len(moved)
            )
            said = many.format(len(moved))
        self._arranged(moved, done, said)

    def rename_folder(self, ones: Ones, folder: str, name: str) -> None:
        """Give a folder another name, or dissolve it where that is ""; ``ones`` are in it."""
        if name == folder:
            return
        said = tr("The folder “{}” is called “{}” now.").format(folder, name)
        if not name:
            said = tr("The folder “{}” is dissolved; its conversations are in the list.")
            said = said.format(folder)
        self._arranged(ones, self._store.arranging.rename_folder(folder, name), said)

    def duplicate(self, ones: Ones) -> None:
        """Copy each with all its branches; the copy of a single one is shown."""
        self._controller.typed_wanted.emit()
        copies = [
            self._store.arranging.duplicate(one.id, tr("{} (copy)").format(_title(one)))
            for one in ones
        ]
        self._services.tasks.start(self._show_copies(copies))

    def delete(self, ones: Ones) -> None:
        """Put them into the trash, with a way back at once."""
        for one in ones:
            self.taken.emit(one.id)
        self._controller.typed_wanted.emit()
        deleted = self._store.arranging.delete(_idents(ones))
        self._services.tasks.start(self._part_with(ones, deleted), self.settled.emit)

    def tell_of_taking(self, one: Conversation) -> None:
        """Another window has deleted what was shown here."""
        words = tr("“{}” was deleted in another window.").format(_title(one))
        self._offer_undo(words, [one], one.id)

    async def _part_with(self, ones: Ones, deleted: "Future[None]") -> None:
        """Leave them once they are in the trash; what cannot be deleted is listed again."""
        await stored(deleted)
        shown = self._controller.conversation.id
        for one in ones:
            self._controller.drop(one.id)
        many = tr_n(
            "{} conversation is in the trash.", "{} conversations are in the trash.", len(ones)
        )
        words = _said(ones, tr("“{}” is in the trash."), many)
        first = ones[0].id if len(ones) == 1 else shown
        self._offer_undo(words, ones, first)

    def _offer_undo(self, words: str, ones: Ones, shown: str) -> None:
        now = self._controller.conversation.id
        self._services.notices.undo(words, lambda: self._undo(ones, shown, now))

    def _undo(self, ones: Ones, shown: str, now: str) -> None:
        """Bring them back, and show the one that was shown where nothing else was opened since."""
        unkept = {one.id for one in ones if self._controller.take_back(one.id)}
        restored = [self._store.restore(one.id) for one in ones]
        follow = self._follow_restored(ones, restored, unkept)
        task = self._services.tasks.start(follow)

        def show(done: "asyncio.Task[None]") -> None:
            well = not done.cancelled() and done.exception() is None
            if well and shown in _idents(ones) and self._controller.conversation.id == now:
                self.chosen.emit(shown)

        task.add_done_callback(show)

    async def _follow_restored(
        self, ones: Ones, restored: Sequence["Future[None]"], unkept: set[str]
    ) -> None:
        """One that is gone for good is told; those that the store never had come by themselves."""
        for one, done in zip(ones, restored, strict=True):
            try:
                await stored(done)
            except StoreError:
                if one.id not in unkept:
                    raise

    async def _show_copies(self, copies: Sequence["Future[str]"]) -> None:
        made = [await stored(copy) for copy in copies]
        if len(made) == 1:
            self.chosen.emit(made[0])

    def _arranged(self, before: Ones, done: "Future[None]", said: str) -> None:
        self._services.tasks.start(self._tell_arranged(before, done, said))

    async def _tell_arranged(self, before: Ones, done: "Future[None]", said: str) -> None:
        await stored(done)
        put_back = self._store.arranging.put_back
        self._services.notices.undo(said, lambda: self._keep(put_back(before)))

    def _keep(self, kept: "Future[None]") -> None:
        self._services.tasks.start(stored(kept))


def _idents(ones: Ones) -> list[str]:
    return [one.id for one in ones]


def _title(one: Conversation) -> str:
    return one.title or tr("Untitled")


def _said(ones: Ones, single: str, many: str) -> str:
    """By its title where it is one."""
    return single.format(_title(ones[0])) if len(ones) == 1 else many.format(len(ones))
