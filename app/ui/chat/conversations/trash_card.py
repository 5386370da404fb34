"""The trash of conversations, over the window: look, restore, remove for good, empty it."""

import asyncio
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from typing import Any

from PySide6.QtCore import QItemSelectionModel, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QListView, QWidget

from app.errors import Failure
from app.messages.translate import tr, tr_n
from app.store.changes import Change
from app.store.records import Trashed
from app.store.trash import AT_ONCE
from app.ui.state.services import Services
from app.ui.state.tasks import stored
from app.ui.widgets.blank import Blank
from app.ui.widgets.overlay import Overlay
from app.ui.widgets.parts import Elided, button, icon_button, label

from .conversation_delegate import ConversationDelegate
from .trash_list_model import TrashListModel

_WIDTH = 560
_LEAST, _MOST = 240, 460  # the height of what is listed, in pixels
_SOON_MS = 60


class TrashCard(Overlay):
    """``chosen`` carries the id of a restored conversation that shall be opened."""

    chosen = Signal(str)
    restored = Signal(str)
    stored = Signal()

    def __init__(self, services: Services, parent: QWidget) -> None:
        super().__init__(parent, _WIDTH)
        self._services, self._store = services, services.conversations
        self.model = TrashListModel()
        self.list = _List(self)
        self.list.setModel(self.model)
        self.list.setItemDelegate(ConversationDelegate(services.theme, self.list))
        self.list.setAccessibleName(tr("Conversations in the trash"))
        self.blank = Blank(services.theme, "trash")
        self.restore = button(tr("Restore"), "undo", role="primary")
        self.remove = button(tr("Delete for good"), role="danger")
        self.empty = button(tr("Empty the trash"), "trash", role="danger")
        self.keep, self.sure = button(tr("Keep")), button(tr("Delete for good"), role="danger")
        self.open_restored = button(tr("Open"), role="link")
        self._said = Elided("", "dim")
        self._asked: tuple[str, ...] = ()
        self._last = ""
        self._soon = QTimer(self, singleShot=True, interval=_SOON_MS)
        self._arrange()
        self._connect()

    def show_trash(self) -> None:
        """Open the card with what lies in the trash now."""
        self._say("")
        self._services.tasks.start(self._open())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.key() == Qt.Key.Key_Escape and self._asked:
            self._say("")
            self.list.setFocus()
        else:
            super().keyPressEvent(event)

    async def _open(self) -> None:
        await self._look()
        if self.model.rows:
            self.list.setCurrentIndex(self.model.index(0))
        self.open()
        (self.list if self.model.rows else self.close_button).setFocus()

    async def _look(self) -> None:
        try:
            rows = await asyncio.wrap_future(self._store.trash())
        except Failure as failure:
            from app.messages.failures import say  # the sentences are read only when one is needed

            words = say(failure)
            self._show_rows(())
            self.blank.say(words.title, words.sentences)
        else:
            self._show_rows(rows)
            kept = tr("What you delete is kept here for 30 days and can be brought back.")
            self.blank.say(tr("The trash is empty"), kept)
        self._show_parts()
        if self.isVisible():
            self._place()

    def _show_rows(self, rows: Sequence[Trashed]) -> None:
        """What was chosen stays chosen; nothing comes in its place, under a second click."""
        chosen = {one.conversation.id for one in self._chosen()}
        at, flags = self.list.currentIndex().row(), QItemSelectionModel.SelectionFlag
        self.model.show_all(rows)
        picked = self.list.selectionModel()
        for row, one in enumerate(self.model.rows):
            if one.conversation.id in chosen:
                picked.select(self.model.index(row), flags.Select)
        last = len(self.model.rows) - 1
        picked.setCurrentIndex(self.model.index(max(min(at, last), 0)), flags.NoUpdate)

    def _show_parts(self) -> None:
        there, asking = bool(self.model.rows), bool(self._asked)
        self.list.setVisible(there)
        self.blank.setVisible(not there)
        for part in (self.restore, self.remove, self.empty):
            part.setVisible(there)
            part.setEnabled(not asking and (part is self.empty or bool(self._chosen())))
        self.keep.setVisible(asking)
        self.sure.setVisible(asking)
        self.open_restored.setVisible(bool(self._last) and not asking)
        self._said.setVisible(bool(self._said.text()))

    def _chosen(self) -> list[Trashed]:
        rows = sorted(index.row() for index in self.list.selectionModel().selectedRows())
        return [self.model.rows[row] for row in rows]

    def _choose_current(self) -> None:
        """Enter and Delete mean the row that the keyboard is on, if none is chosen."""
        if not self._chosen() and self.list.currentIndex().isValid():
            self.list.setCurrentIndex(self.list.currentIndex())

    def _restore_current(self) -> None:
        self._choose_current()
        self._restore()

    def _remove_current(self) -> None:
        self._choose_current()
        self._ask(self._chosen())

    def _restore(self) -> None:
        chosen = [] if self._asked else self._chosen()
        if chosen:
            self._work(self._bring_back(chosen))

    def _bring_back(self, rows: Sequence[Trashed]) -> Coroutine[Any, Any, None]:
        kept = [self._store.restore(one.conversation.id) for one in rows]
        return self._tell_of_restored(rows, kept)

    async def _tell_of_restored(
        self, rows: Sequence[Trashed], kept: Sequence["Future[None]"]
    ) -> None:
        for one, restored in zip(rows, kept, strict=True):
            await stored(restored)
            self.restored.emit(one.conversation.id)
        said = tr_n(
            "{} conversation is back in the list.",
            "{} conversations are back in the list.",
            len(rows),
        ).format(len(rows))
        if len(rows) == 1:
            said = tr("“{}” is back in the list.").format(_title(rows[0]))
        self._say(said, last=rows[-1].conversation.id if len(rows) == 1 else "")

    def _ask(self, rows: Sequence[Trashed]) -> None:
        """What is removed for good cannot come back, so this is asked, in another place."""
        if not rows or self._asked:
            return
        said = tr_n(
            "Delete {} conversation for good?", "Delete {} conversations for good?", len(rows)
        ).format(len(rows))
        if len(rows) == 1:
            said = tr("Delete “{}” for good?").format(_title(rows[0]))
        self._say(said, asked=tuple(one.conversation.id for one in rows))
        self.keep.setFocus()

    def _remove(self) -> None:
        asked, self._asked = self._asked, ()
        if asked:
            self._work(self._remove_rest(asked, self._store.remove(asked[:AT_ONCE])))

    async def _remove_rest(self, asked: tuple[str, ...], removed: "Future[None]") -> None:
        """By and by, so that whatever else is stored or read need not wait for all of them."""
        await stored(removed)
        for start in range(AT_ONCE, len(asked), AT_ONCE):
            self._say(tr("{} of {} are deleted…").format(start, len(asked)))
            await stored(self._store.remove(asked[start : start + AT_ONCE]))
        self._say(tr("Deleted for good."))

    def _work(self, work: Coroutine[Any, Any, None]) -> None:
        """Then show what is there, whether it could be done or not."""
        self._services.tasks.start(work).add_done_callback(lambda _done: self._settle())

    def _settle(self) -> None:
        if self.isVisible() and not self._services.tasks.ended:
            self._services.tasks.start(self._look_and_focus())

    async def _look_and_focus(self) -> None:
        await self._look()
        (self.list if self.model.rows else self.close_button).setFocus()

    def _say(self, words: str, *, asked: tuple[str, ...] = (), last: str = "") -> None:
        self._asked, self._last = asked, last
        self._said.setText(words)
        self._show_parts()
        if self.isVisible():
            self._place()

    def _open_last(self) -> None:
        last = self._last
        self.close_card()
        if last:
            self.chosen.emit(last)

    def _note(self, change: Change) -> None:
        """Comes from the store's thread."""
        if change.what in ("conversations", "messages"):
            self.stored.emit()

    def _follow(self) -> None:
        if self.isVisible() and not self._services.tasks.ended:
            self._services.tasks.start(self._look())

    def _connect(self) -> None:
        self._soon.timeout.connect(self._follow)
        self.stored.connect(self._soon.start)
        self.destroyed.connect(self._store.changes.listen(self._note))
        self.close_button.clicked.connect(self.close_card)
        self.restore.clicked.connect(self._restore)
        self.list.activated.connect(self._restore_current)
        self.list.delete_pressed.connect(self._remove_current)
        self.list.selectionModel().selectionChanged.connect(self._show_parts)
        self.remove.clicked.connect(lambda: self._ask(self._chosen()))
        self.empty.clicked.connect(lambda: self._ask(self.model.rows))
        self.keep.clicked.connect(self._settle_for_keeping)
        self.sure.clicked.connect(self._remove)
        self.open_restored.clicked.connect(self._open_last)

    def _settle_for_keeping(self) -> None:
        self._say("")
        self.list.setFocus()

    def _arrange(self) -> None:
        space = self._services.theme.space
        self.close_button = icon_button("close", tr("Close the trash"), 16)
        head = QHBoxLayout()
        head.addWidget(label(tr("Trash"), "section"), 1)
        head.addWidget(self.close_button)
        asking = QHBoxLayout()
        asking.setSpacing(space("s"))
        asking.addWidget(self._said, 1)
        for part in (self.open_restored, self.sure, self.keep):
            asking.addWidget(part)
        self.keep.setMinimumWidth(self.empty.sizeHint().width())  # lies where that was pressed
        foot = QHBoxLayout()
        foot.setSpacing(space("s"))
        foot.addWidget(self.restore)
        foot.addWidget(self.remove)
        foot.addStretch(1)
        foot.addWidget(self.empty)
        words = tr("Deleted conversations stay here for 30 days. No search finds them.")
        self.body.setContentsMargins(space("xl"), space("l"), space("l"), space("l"))
        self.body.setSpacing(space("m"))
        self.body.addLayout(head)
        self.body.addWidget(label(words, "dim", wrap=True))
        self.body.addWidget(self.list, 1)
        self.body.addWidget(self.blank, 1)
        self.body.addLayout(asking)
        self.body.addLayout(foot)

    def _place(self) -> None:
        room = max(min(self._window.height() - 300, _MOST), 120)
        self.list.setFixedHeight(max(min(self.list.rows_height(), room), min(_LEAST, room)))
        self.blank.setFixedHeight(min(_LEAST, room))
        self.body.activate()  # else rows that were just hidden keep their height
        super()._place()


class _List(QListView):
    """Several rows can be chosen; Enter restores, Delete asks whether to remove for good."""

    delete_pressed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def rows_height(self) -> int:
        """The height that all rows need."""
        model = self.model()
        count = model.rowCount() if model is not None else 0
        return count * self.sizeHintForRow(0) + 4 if count else 0

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.key() == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)


def _title(row: Trashed) -> str:
    return row.conversation.title or tr("Untitled")
