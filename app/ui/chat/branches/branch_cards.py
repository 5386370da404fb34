"""Opens the cards of branches over the window, and takes branches away with a way back."""

from collections.abc import Sequence

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu, QWidget

from app.messages.translate import tr, tr_n
from app.ui.state.chat.conversation import ConversationController
from app.ui.state.commands import Command
from app.ui.state.services import Services

from .branches_card import BranchesCard
from .map_card import MapCard

_MAP_KEYS = "Ctrl+Shift+B"


class BranchCards(QObject):
    """Each card is made when it is first asked for."""

    def __init__(
        self, services: Services, controller: ConversationController, page: QWidget
    ) -> None:
        super().__init__(page)
        self._services, self._controller, self._page = services, controller, page
        self._columns: BranchesCard | None = None
        self._map: MapCard | None = None

    def commands(self, group: str) -> tuple[Command, ...]:
        """What can be asked for by name."""
        return (
            Command(tr("Map of the conversation"), self.show_map, _MAP_KEYS, "branch", group),
            Command(tr("Compare the versions of the last reply"), self._last, "", "columns", group),
        )

    def show_map(self) -> None:
        """The whole tree as a picture."""
        if not len(self._controller.tree):
            return
        if self._map is None:
            self._map = MapCard(self._services.theme, self._controller, self._page.window())
            self._map.compare_wanted.connect(self.compare)
            self._map.dropped.connect(self.drop)
        self._map.show_map()

    def show_versions(self, ident: str) -> None:
        """The versions of a message beside each other."""
        self._card().show_versions(ident)

    def compare(self, leaves: Sequence[str]) -> None:
        """Two branches beside each other."""
        self._card().show_leaves(leaves)

    def drop(self, idents: Sequence[str]) -> None:
        """Take branches away; they can come back."""
        conversation, leaf = self._controller.conversation.id, self._controller.tree.leaf
        gone = self._controller.drop_branches(idents)
        words = tr_n("{} message was deleted.", "{} messages were deleted.", len(gone))

        def back() -> None:
            self._services.tasks.start(self._controller.bring_back(conversation, gone, leaf))

        self._services.notices.undo(words.format(len(gone)), back)

    def add_to_menu(self, menu: QMenu, ident: str) -> None:
        """What a message's menu offers."""
        menu.addSeparator()
        if len(self._controller.tree.siblings(ident)) > 1:
            menu.addAction(tr("Compare the versions"), lambda: self.show_versions(ident))
        menu.addAction(tr("Map of the conversation"), self.show_map)
        delete = menu.addAction(tr("Delete from here on"), lambda: self.drop([ident]))
        delete.setEnabled(self._controller.writing is None)

    def _last(self) -> None:
        replies = [one.id for one in self._controller.tree.path() if one.role == "assistant"]
        if replies and len(self._controller.tree.siblings(replies[-1])) > 1:
            self.show_versions(replies[-1])

    def _card(self) -> BranchesCard:
        if self._columns is None:
            window = self._page.window()
            self._columns = BranchesCard(self._services.theme, self._controller, window)
            self._columns.dropped.connect(self.drop)
        return self._columns
