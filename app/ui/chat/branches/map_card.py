"""A card with the map of the conversation, and what can be done with the branch that is marked."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QWidget

from app.messages.translate import tr, tr_n
from app.runtime.families.thinking import split_thinking, trimmed
from app.ui.look.theme import Theme
from app.ui.state.chat.conversation import ConversationController
from app.ui.widgets.overlay import Overlay
from app.ui.widgets.parts import button, icon_button, label

from .tree_map import TreeMap

_WIDTH, _LONGEST, _LINES = 1100, 80, 5


class MapCard(Overlay):
    """``compare_wanted`` carries the ends of two branches; ``dropped`` the message that one begins.

    A message that is marked for comparison stays so until another one is compared with it.
    """

    compare_wanted = Signal(object)
    dropped = Signal(object)

    def __init__(self, theme: Theme, controller: ConversationController, parent: QWidget) -> None:
        super().__init__(parent, _WIDTH)
        self._theme, self._controller = theme, controller
        self.map = TreeMap(theme)
        self._counts = label("", "dim")
        self.words = QPlainTextEdit(readOnly=True)
        self.words.setAccessibleName(tr("The message that is marked"))
        self.words.setTabChangesFocus(True)
        self.name = QLineEdit(placeholderText=tr("Name of this branch"))
        self.name.setAccessibleName(tr("Name of this branch"))
        self.name.setMaxLength(_LONGEST)
        self.show_it = button(tr("Show this branch"), role="primary")
        self.compare = button(tr("Compare with what is shown"), "columns")
        self.drop = button(tr("Delete this branch"), "trash", role="danger")
        self._arrange()
        self._connect()

    def show_map(self) -> None:
        """Open the card with the mark on the end of what is shown."""
        self._show(self._controller.tree.leaf or "")
        self.open()
        self.map.setFocus(Qt.FocusReason.PopupFocusReason)

    def _show(self, at: str) -> None:
        tree = self._controller.tree
        ends = sum(not tree.answers(one.id) for one in tree.messages)
        messages = tr_n("{} message", "{} messages", len(tree)).format(len(tree))
        branches = tr_n("{} branch", "{} branches", ends).format(ends)
        self._counts.setText(f"{messages} · {branches}")
        self.map.show_tree(tree, at if at in tree else tree.leaf or "")

    def _mark(self, ident: str) -> None:
        message = self._controller.tree[ident]
        text = split_thinking(message.text)[1] if message.role == "assistant" else message.text
        self.words.setPlainText(trimmed(text))
        self.name.setText(message.name)
        on_way = any(one.id == ident for one in self._controller.tree.path())
        self.compare.setEnabled(not on_way)
        self.drop.setEnabled(self._controller.writing is None)

    def _choose(self) -> None:
        at = self.map.at
        self.close_card()
        self._controller.show_message(at)

    def _keep_name(self) -> None:
        at, name = self.map.at, " ".join(self.name.text().split())
        if at in self._controller.tree and name != self._controller.tree[at].name:
            self._controller.name_branch(at, name)
            self._show(at)

    def _compare(self) -> None:
        tree, at = self._controller.tree, self.map.at
        leaves = [tree.leaf, tree.end_of(at)]
        self.close_card()
        self.compare_wanted.emit(leaves)

    def _drop(self) -> None:
        at = self.map.at
        parent = self._controller.tree[at].parent
        self.dropped.emit([at])
        if len(self._controller.tree):
            self._show(parent or "")
        else:
            self.close_card()

    def _leave(self) -> None:
        """Another conversation, or another branch, is shown behind the card."""
        if self.isVisible() and self.map.at not in self._controller.tree:
            self.close_card()

    def _connect(self) -> None:
        self.map.moved.connect(self._mark)
        self.map.chosen.connect(self._choose)
        self.show_it.clicked.connect(self._choose)
        self.name.editingFinished.connect(self._keep_name)
        self.compare.clicked.connect(self._compare)
        self.drop.clicked.connect(self._drop)
        self._controller.opened.connect(self._leave)

    def _place(self) -> None:
        self.map.setFixedHeight(max(self._window.height() // 2 - 60, 120))
        self.words.setFixedHeight(_LINES * self._theme.line_px() + 16)
        super()._place()

    def _arrange(self) -> None:
        space = self._theme.space
        close = icon_button("close", tr("Close"), 16)
        close.clicked.connect(self.close_card)
        head = QHBoxLayout()
        head.setSpacing(space("m"))
        head.addWidget(label(tr("Map of the conversation"), "section"))
        head.addWidget(self._counts, 1)
        head.addWidget(close)
        foot = QHBoxLayout()
        foot.setSpacing(space("s"))
        foot.addWidget(self.name, 1)
        for part in (self.drop, self.compare, self.show_it):
            foot.addWidget(part)
        self.body.setContentsMargins(space("l"), space("m"), space("l"), space("l"))
        self.body.setSpacing(space("s"))
        self.body.addLayout(head)
        self.body.addWidget(self.map)
        self.body.addWidget(self.words)
        self.body.addLayout(foot)
