"""The left side of the chat: search, the list, and what can be done with a conversation."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from PySide6.QtCore import QEvent, QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QFocusEvent, QFontMetricsF, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QListView, QMenu, QVBoxLayout, QWidget

from app.errors import StoreError
from app.messages.translate import tr
from app.store.changes import Change
from app.store.records import Conversation
from app.store.trash import AT_ONCE
from app.ui.look.icons import icon
from app.ui.state.chat.conversation import ConversationController
from app.ui.state.services import Services
from app.ui.state.tasks import stored
from app.ui.widgets.parts import button, icon_button, label

from .conversation_delegate import ConversationDelegate
from .conversation_list_model import ConversationListModel
from .conversation_menu import ConversationVerbs, RowButton, conversation_menu
from .search_keys import SearchKeys

_SEARCH_MS = 120
_WIDTH, _LETTERS = 248, 28
_AGE_MS = 6 * 3600 * 1000  # so often what is old leaves the trash while the window is open


class ConversationsPane(QWidget):
    """``chosen`` carries the id of a conversation to show, ``new_wanted`` asks for an empty one.

    ``hit_chosen`` carries a conversation, the message in it that a search found, and its words;
    ``left`` comes when the search is given up.

    ``trash_wanted`` asks for what was deleted.
    """

    chosen = Signal(str)
    hit_chosen = Signal(str, str, str)
    left = Signal()
    new_wanted = Signal()
    trash_wanted = Signal()
    stored = Signal()

    def __init__(
        self,
        services: Services,
        controller: ConversationController,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("conversations")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._services, self._controller = services, controller
        self._store = services.conversations
        self.model = ConversationListModel(controller.is_writing)
        self.search = QLineEdit(placeholderText=tr("Search"), clearButtonEnabled=True)
        self.search.setAccessibleName(tr("Search all conversations"))
        self.search.setToolTip(tr("Search all conversations (Ctrl+Shift+F)"))
        search_icon = QAction(icon("search", "text-dim", 16), "", self.search)
        self.search.addAction(search_icon, QLineEdit.ActionPosition.LeadingPosition)
        self.list = _List()
        self.list.setModel(self.model)
        self.delegate = ConversationDelegate(services.theme, self.list)
        self.list.setItemDelegate(self.delegate)
        self.list.setAccessibleName(tr("Conversations"))
        self._verbs = ConversationVerbs(self._pin, self._edit_title, self.delete)
        self.row_button = RowButton(self.list)
        self.list.left.connect(self.row_button.rest)
        self._nothing = label("", "dim", wrap=True)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.trash = button(tr("Trash"), "trash", role="quiet")
        self.trash.setToolTip(tr("Deleted conversations"))
        self._ages = QTimer(self, interval=_AGE_MS)
        self._ages.start()
        self._soon = QTimer(self, singleShot=True, interval=_SEARCH_MS)
        self._looking: asyncio.Task[None] | None = None
        self._words = ""
        self._enter_waits = False
        self._keys = SearchKeys(self.search, self.list)
        self._arrange()
        self._connect()
        self._soon.start(0)
        QTimer.singleShot(0, self, self._let_age)

    def refresh(self) -> None:
        """Ask the store anew; the answer comes by itself."""
        self._soon.stop()
        if self._looking is not None:
            self._looking.cancel()
        work = self._look(self.search.text().strip())
        self._looking = self._services.tasks.start(work, self._note_looked)

    def mark(self, conversation: str) -> None:
        """Show which conversation is open."""
        index = self.model.index_of(conversation)
        self.list.setCurrentIndex(index)
        if not index.isValid():
            self.list.clearSelection()

    def rename_current(self) -> None:
        """Let the person write another title, of the row with the keyboard or the open one."""
        if not self.list.hasFocus():
            self.mark(self._controller.conversation.id)
        index = self.list.currentIndex()
        if index.isValid():
            self.list.edit(index)

    def pin_open(self) -> None:
        """Pin the conversation that is open, or unpin it."""
        self._pin(self._listed(self._controller.conversation))

    def menu_of_open(self) -> QMenu:
        """What can be done with the conversation that is open."""
        return conversation_menu(self, self._listed(self._controller.conversation), self._verbs)

    def go_on_renaming(self, conversation: str, title: str) -> bool:
        """Let the person go on writing a title; False where that cannot be shown now."""
        index = self.model.index_of(conversation)
        if not index.isValid() or self.delegate.renaming or not self.list.isVisible():
            return False
        self.delegate.begun[conversation] = title
        self.list.edit(index)
        return True

    def delete(self, one: Conversation) -> None:
        """Put a conversation into the trash, with a way back at once."""
        if self.list.currentIndex() == self.model.index_of(one.id):
            self.list.setCurrentIndex(QModelIndex())
        self.model.take_out(one.id)
        self._controller.typed_wanted.emit()
        work = self._part_with(one, self._store.delete(one.id))
        self._services.tasks.start(work, lambda: self._soon.start(_SEARCH_MS))

    async def _part_with(self, one: Conversation, deleted: "Future[None]") -> None:
        """Leave it once it is in the trash; one that cannot be deleted is listed again."""
        await stored(deleted)
        self._controller.drop(one.id)
        empty = self._controller.conversation.id
        words = tr("“{}” is in the trash.").format(one.title or tr("Untitled"))
        self._services.notices.undo(words, lambda: self._undo(one.id, empty))

    def _undo(self, conversation: str, empty: str) -> None:
        """Bring it back, and show it where nothing else was opened since."""
        unkept, restored = (
            self._controller.take_back(conversation),
            self._store.restore(conversation),
        )
        follow = self._show_restored(conversation, restored, empty, unkept=unkept)
        self._services.tasks.start(follow)

    async def _show_restored(
        self, conversation: str, restored: "Future[None]", empty: str, *, unkept: bool
    ) -> None:
        try:
            await stored(restored)
        except StoreError:
            if not unkept:
                raise
        if self._controller.conversation.id == empty:
            self.chosen.emit(conversation)

    def _tell_of_taking(self, one: Conversation) -> None:
        """Another window has deleted what was shown here."""
        words = tr("“{}” was deleted in another window.").format(one.title or tr("Untitled"))
        empty = self._controller.conversation.id
        self._services.notices.undo(words, lambda: self._undo(one.id, empty))

    async def _look(self, words: str) -> None:
        if self.delegate.renaming:  # new rows would take the field away: see the end of _connect
            return
        show: Callable[[], None]
        count = await asyncio.wrap_future(self._store.trash_count())
        if words:
            found = await asyncio.wrap_future(self._store.search(words))
            show = partial(self.model.show_found, found)
            nothing = tr("Nothing found for “{}”.").format(words)
        else:
            kept = await asyncio.wrap_future(self._store.all())
            show = partial(self.model.show_all, kept)
            nothing = tr("Conversations you begin are kept here.")
        if self.delegate.renaming:
            return
        show()
        self._words = words
        self.trash.setText(tr("Trash · {}").format(count) if count else tr("Trash"))
        self._nothing.setText(nothing)
        self._nothing.setVisible(not self.model.rowCount())
        self.list.setVisible(bool(self.model.rowCount()))
        self.mark(self._controller.conversation.id)

    def _note(self, change: Change) -> None:
        """Comes from the store's thread."""
        if change.what in ("conversations", "messages"):
            self.stored.emit()

    def _let_age(self) -> None:
        if not self._services.tasks.ended:
            self._services.tasks.start(self._remove_old())

    async def _remove_old(self) -> None:
        while await stored(self._store.remove_old()) >= AT_ONCE:
            pass

    def _keep(self, kept: "Future[None]") -> None:
        self._services.tasks.start(stored(kept))

    def _rename(self, ident: str, title: str) -> None:
        self._controller.note_title(ident, title)
        self._keep(self._store.rename(ident, title))

    def _choose(self, index: QModelIndex) -> None:
        found = self.model.found(index)
        if found is None:
            return
        if self._words and found.message:
            self.hit_chosen.emit(found.conversation.id, found.message, self._words)
        elif found.conversation.id != self._controller.conversation.id:
            self.chosen.emit(found.conversation.id)

    def _open_first(self) -> None:
        """Of what is found for the words in the field, also where they are just being typed."""
        if self.search.text().strip() != self._words:
            self._enter_waits = True
            self.refresh()
        elif self._words:
            self._choose(self.model.index(0))

    def _note_looked(self) -> None:
        if self._enter_waits and self.search.text().strip() == self._words:
            self._enter_waits = False
            self._open_first()

    def _note_typing(self) -> None:
        self._enter_waits = False
        self._soon.start(_SEARCH_MS)

    def _listed(self, one: Conversation) -> Conversation:
        """As the list has it: pinned or not is the store's to know."""
        return self.model.conversation(self.model.index_of(one.id)) or one

    def _menu(self, point: QPoint) -> None:
        one = self.model.conversation(self.list.indexAt(point))
        if one is not None:
            self._offer(one, self.list.viewport().mapToGlobal(point))

    def _offer(self, one: Conversation, place: QPoint) -> None:
        conversation_menu(self, one, self._verbs).popup(place)

    def _edit_title(self, one: Conversation) -> None:
        index = self.model.index_of(one.id)
        if index.isValid():
            self.show()
            self.list.setFocus()
            self.list.setCurrentIndex(index)
            self.list.edit(index)

    def _pin(self, one: Conversation) -> None:
        self._keep(self._store.pin(one.id, pinned=not one.pinned))

    def _delete_current(self) -> None:
        one = self.model.conversation(self.list.currentIndex())
        if one is not None:
            self.delete(one)

    def _connect(self) -> None:
        self._soon.timeout.connect(self.refresh)
        self._ages.timeout.connect(self._let_age)
        self.trash.clicked.connect(self.trash_wanted)
        self._controller.taken_away.connect(self._tell_of_taking)
        self.search.textChanged.connect(self._note_typing)
        self.stored.connect(lambda: self._soon.start(_SEARCH_MS))
        self._keys.entered.connect(self._open_first)
        self._keys.chosen.connect(self._choose)
        self._keys.left.connect(self.left)
        self.model.renamed.connect(self._rename)
        self.list.clicked.connect(self._choose)
        self.list.activated.connect(self._choose)
        self.list.delete_pressed.connect(self._delete_current)
        self.list.customContextMenuRequested.connect(self._menu)
        self.row_button.pressed_for.connect(self._offer)
        self._controller.opened.connect(lambda: self.mark(self._controller.conversation.id))
        self._controller.writing_changed.connect(self.model.note_writing)
        self.delegate.left.connect(lambda: self._soon.start(_SEARCH_MS))
        forget = self._store.changes.listen(self._note)
        self.destroyed.connect(forget)

    def _arrange(self) -> None:
        space = self._services.theme.space
        new = icon_button("plus", tr("New conversation (Ctrl+N)"))
        new.clicked.connect(self.new_wanted)
        head = QHBoxLayout()
        head.setSpacing(space("xs"))
        head.addWidget(self.search, 1)
        head.addWidget(new)
        column = QVBoxLayout(self)
        column.setContentsMargins(space("m"), space("m"), space("s"), space("s"))
        column.setSpacing(space("s"))
        column.addLayout(head)
        column.addWidget(self._nothing)
        column.addWidget(self.list, 1)
        column.addStretch()
        column.addWidget(self.trash, 0, Qt.AlignmentFlag.AlignLeft)
        self._widen()
        self._services.theme.changed.connect(self._widen)

    def _widen(self) -> None:
        """Room for the beginning of a title, in large type too."""
        letter = QFontMetricsF(self._services.theme.font()).averageCharWidth()
        self.setFixedWidth(max(_WIDTH, round(_LETTERS * letter)))


class _List(QListView):
    """F2 renames, Delete deletes; hovering is seen.

    ``left`` when the pointer has left it, or the keyboard has come or gone.
    """

    delete_pressed = Signal()
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setMouseTracking(True)
        self.setEditTriggers(QListView.EditTrigger.EditKeyPressed)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.key() == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802 (Qt's name)
        super().leaveEvent(event)
        self.left.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        super().resizeEvent(event)
        self.left.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 (Qt's name)
        super().focusInEvent(event)
        self.left.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 (Qt's name)
        super().focusOutEvent(event)
        self.left.emit()
