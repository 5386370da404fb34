"""The left side of the chat: search, the list, and what can be done with a conversation."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QAction, QFontMetricsF
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr, tr_n
from app.store.changes import Change
from app.store.records import Conversation
from app.store.trash import AT_ONCE
from app.ui.look.icons import icon
from app.ui.state.chat.conversation import ConversationController
from app.ui.state.services import Services
from app.ui.state.tasks import stored
from app.ui.widgets.parts import button, icon_button, label

from .conversation_delegate import ConversationDelegate
from .conversation_list import ConversationListView
from .conversation_list_model import ConversationListModel
from .conversation_menu import MenuVerbs, RowButton, conversation_menu, folder_menu
from .conversation_sections import Heading
from .conversation_verbs import ConversationVerbs, Ones
from .folder_card import FolderCard
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
        self.list = ConversationListView()
        self.list.setModel(self.model)
        self.delegate = ConversationDelegate(services.theme, self.list)
        self.list.setItemDelegate(self.delegate)
        self.list.setAccessibleName(tr("Conversations"))
        self.verbs = verbs = ConversationVerbs(services, controller, self)
        self.menu_verbs = MenuVerbs(
            *(verbs.pin, self._edit_title, self.ask_folder),
            *(verbs.duplicate, verbs.archive, verbs.delete),
        )
        self._folders: list[str] = []
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
        only = QItemSelectionModel.SelectionFlag.ClearAndSelect  # whatever keys are held just now
        self.list.selectionModel().setCurrentIndex(index, only)
        if not index.isValid():
            self.list.clearSelection()

    def rename_current(self) -> None:
        """Let the person write another title, of the row with the keyboard or the open one."""
        if not self.list.hasFocus():
            self.mark(self._controller.conversation.id)
        self._edit_current()

    def on_open(self, act: Callable[[Ones], None]) -> None:
        """Do something with what is chosen in the list, or else the conversation that is open."""
        ones = self._chosen() if self.list.hasFocus() else self._open_one()
        if ones:
            act(ones)

    def menu_of_open(self) -> QMenu:
        """What can be done with the conversation that is open."""
        return conversation_menu(self, self._open_one(), self.menu_verbs)

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
        self.verbs.delete([one])

    def ask_folder(self, ones: Ones) -> None:
        """Let the person say into which folder these shall go."""
        words = tr_n("Move {} conversation", "Move {} conversations", len(ones)).format(len(ones))
        if len(ones) == 1:
            words = tr("Move “{}”").format(ones[0].title or tr("Untitled"))
        self._card().ask_place(
            words,
            self._folders,
            lambda name: self.verbs.move(ones, name),
            inside=any(one.folder for one in ones),
        )

    def _card(self) -> FolderCard:
        card = FolderCard(self._services.theme, self.window())
        card.closed.connect(card.deleteLater)
        return card

    def _take_out(self, ident: str) -> None:
        if self.list.currentIndex() == self.model.index_of(ident):
            self.list.setCurrentIndex(QModelIndex())
        self.model.take_out(ident)

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
            folders = {one.folder for one in kept if one.folder}
            self._folders = sorted(folders, key=str.casefold)
            folded = self._services.settings.now.folded_sections
            show = partial(self.model.show_all, kept, folded)
            nothing = tr("Conversations you begin are kept here.")
        if self.delegate.renaming:
            return
        chosen = [one.id for one in self._chosen()]
        show()
        self._words = words
        self.trash.setText(tr("Trash · {}").format(count) if count else tr("Trash"))
        self._nothing.setText(nothing)
        self._nothing.setVisible(not self.model.rowCount())
        self.list.setVisible(bool(self.model.rowCount()))
        self._choose_again(chosen)

    def _choose_again(self, chosen: Sequence[str]) -> None:
        """Several that were chosen stay so, wherever they stand now; else the open one is."""
        places = [self.model.index_of(one) for one in chosen]
        there = [index for index in places if index.isValid()]
        heading = self.model.heading(self.list.currentIndex())
        if len(there) > 1:
            for index in there:
                flag = QItemSelectionModel.SelectionFlag.Select
                self.list.selectionModel().select(index, flag)
        elif heading is None:
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
        heading, found = self.model.heading(index), self.model.found(index)
        if heading is not None and heading.folds:
            self._fold(heading)
        elif found is None or self._extending():
            return
        elif self._words and found.message:
            self.hit_chosen.emit(found.conversation.id, found.message, self._words)
        elif found.conversation.id != self._controller.conversation.id:
            self.chosen.emit(found.conversation.id)

    def _extending(self) -> bool:
        """Whether a click or key chooses several rows, and opens none."""
        keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        return bool(QApplication.keyboardModifiers() & keys)

    def _fold(self, heading: Heading) -> None:
        """Fold a section away, or show it again; the next start finds it so."""
        folded = set(self._services.settings.now.folded_sections) ^ {heading.key}
        self._services.settings.change(folded_sections=tuple(sorted(folded)))
        self.refresh()

    def _chosen(self) -> list[Conversation]:
        """What is chosen in the list, in its order."""
        rows = sorted(self.list.selectionModel().selectedRows(), key=QModelIndex.row)
        found = (self.model.conversation(index) for index in rows)
        return [one for one in found if one is not None]

    def _open_one(self) -> list[Conversation]:
        return [self._listed(self._controller.conversation)]

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
        index = self.list.indexAt(point)
        heading, one = self.model.heading(index), self.model.conversation(index)
        place = self.list.viewport().mapToGlobal(point)
        if heading is not None and heading.folder:
            self._folder_menu(heading.folder).popup(place)
        elif one is not None:
            self._offer(one, place)

    def _folder_menu(self, folder: str) -> QMenu:
        def rename() -> None:
            self._card().ask_name(folder, lambda name: self._rename_folder(folder, name))

        return folder_menu(self, rename, lambda: self._rename_folder(folder, ""))

    def _rename_folder(self, folder: str, name: str) -> None:
        self._services.tasks.start(self._rename_all(folder, name))

    async def _rename_all(self, folder: str, name: str) -> None:
        every = await asyncio.wrap_future(self._store.all())
        self.verbs.rename_folder([one for one in every if one.folder == folder], folder, name)

    def _offer(self, one: Conversation, place: QPoint) -> None:
        """For all that are chosen, where it is one of them."""
        chosen = self._chosen()
        ones = chosen if one in chosen else [one]
        conversation_menu(self, ones, self.menu_verbs).popup(place)

    def _edit_title(self, one: Conversation) -> None:
        index = self.model.index_of(one.id)
        if index.isValid():
            self.show()
            self.list.setFocus()
            self.list.setCurrentIndex(index)
            self.list.edit(index)

    def _delete_chosen(self) -> None:
        chosen = self._chosen()
        if chosen:
            self.verbs.delete(chosen)

    def _edit_current(self) -> None:
        """F2: the name of a folder, or the title of a conversation, where they are written."""
        index = self.list.currentIndex()
        heading = self.model.heading(index)
        if heading is not None and heading.folder:
            folder = heading.folder
            self._card().ask_name(folder, lambda name: self._rename_folder(folder, name))
        elif index.isValid() and heading is None:
            self.list.edit(index)

    def _connect(self) -> None:
        self._soon.timeout.connect(self.refresh)
        self._ages.timeout.connect(self._let_age)
        self.trash.clicked.connect(self.trash_wanted)
        self._controller.taken_away.connect(self.verbs.tell_of_taking)
        self.verbs.chosen.connect(self.chosen)
        self.verbs.taken.connect(self._take_out)
        self.verbs.settled.connect(lambda: self._soon.start(_SEARCH_MS))
        self.search.textChanged.connect(self._note_typing)
        self.stored.connect(lambda: self._soon.start(_SEARCH_MS))
        self._keys.entered.connect(self._open_first)
        self._keys.chosen.connect(self._choose)
        self._keys.left.connect(self.left)
        self.model.renamed.connect(self._rename)
        self.list.clicked.connect(self._choose)
        self.list.activated.connect(self._choose)
        self.list.delete_pressed.connect(self._delete_chosen)
        self.list.rename_pressed.connect(self._edit_current)
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
