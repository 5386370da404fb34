"""A card with branches beside each other: several answers, of which some stay, or any two."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.messages.translate import tr, tr_n
from app.store.records import Message
from app.ui.look.theme import Theme
from app.ui.state.chat.conversation import ConversationController
from app.ui.widgets.overlay import Overlay
from app.ui.widgets.parts import Elided, button, icon_button, label

from .branch_column import BranchColumn

_WIDEST, _LEAST_COLUMN = 2400, 300
_MARGIN = 200  # of the window's height, around the columns


class _Column(QFrame):
    """A branch with its head: whether it stays, its name, and a button that shows it."""

    def __init__(self, theme: Theme, number: int, leaf: str, messages: Sequence[Message]) -> None:
        super().__init__()
        self.setProperty("card", "true")
        self.leaf, self.first = leaf, messages[0].id if messages else leaf
        named = next((one.name for one in messages if one.name), "")
        title = named or tr("Version {}").format(number)
        self.keep = QCheckBox(tr("Keep"))
        self.keep.setChecked(True)
        self.keep.setAccessibleName(tr("Keep: {}").format(title))
        self.show_it = button(tr("Go on with this"), role="link")
        self.show_it.setAccessibleName(tr("Go on with this: {}").format(title))
        self.words = BranchColumn(theme, title)
        self.words.show_messages(messages)
        head = QHBoxLayout()
        head.setContentsMargins(theme.space("m"), theme.space("s"), theme.space("s"), 0)
        head.addWidget(Elided(title, "strong"), 1)
        head.addWidget(self.keep)
        foot = QHBoxLayout()
        foot.setContentsMargins(theme.space("s"), 0, theme.space("s"), theme.space("xs"))
        foot.addWidget(self.show_it)
        foot.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space("xs"))
        column.addLayout(head)
        column.addWidget(self.words, 1)
        column.addLayout(foot)
        self.setMinimumWidth(_LEAST_COLUMN)


class BranchesCard(Overlay):
    """``dropped`` carries the first messages of branches that shall go away."""

    dropped = Signal(object)

    def __init__(self, theme: Theme, controller: ConversationController, parent: QWidget) -> None:
        super().__init__(parent, _WIDEST)
        self._theme, self._controller = theme, controller
        self.columns: list[_Column] = []
        self._keeps = False
        self._said = label("", "dim", wrap=True)
        self.keep_chosen = button(tr("Keep the chosen ones"), role="primary")
        self._row = QHBoxLayout()
        self._scroll = QScrollArea(widgetResizable=True)
        self._arrange()
        self.keep_chosen.clicked.connect(self._keep)
        controller.grew.connect(self._grow)
        controller.ended.connect(self._grow)
        controller.opened.connect(self._leave)

    def show_versions(self, ident: str) -> None:
        """All versions of a message beside each other, to keep one or several of them."""
        tree = self._controller.tree
        versions = tree.siblings(ident)
        self._keeps = True
        words = tr_n("{} version", "{} versions", len(versions)).format(len(versions))
        self._show(words, [tree.end_of(one) for one in versions])

    def show_leaves(self, leaves: Sequence[str]) -> None:
        """Branches by their ends, from where they part."""
        self._keeps = False
        self._show(tr("Two branches, from where they part"), leaves)

    def _show(self, words: str, leaves: Sequence[str]) -> None:
        tree = self._controller.tree
        paths = [tree.path(leaf) for leaf in leaves]
        common = _common(paths)
        self._said.setText(words)
        self._clear()
        for number, (leaf, path) in enumerate(zip(leaves, paths, strict=True), 1):
            column = _Column(self._theme, number, leaf, path[common:])
            column.keep.setVisible(self._keeps)
            column.keep.toggled.connect(self._show_kept)
            column.show_it.clicked.connect(lambda _on=False, leaf=leaf: self._go(leaf))
            self._row.addWidget(column, 1)
            self.columns.append(column)
        self.keep_chosen.setVisible(self._keeps)
        self._show_kept()
        self.open()
        if self.columns:
            self.columns[0].words.setFocus(Qt.FocusReason.PopupFocusReason)

    def _clear(self) -> None:
        for column in self.columns:
            column.hide()
            column.deleteLater()
        self.columns.clear()

    def _show_kept(self) -> None:
        kept = sum(column.keep.isChecked() for column in self.columns)
        self.keep_chosen.setEnabled(0 < kept < len(self.columns))

    def _keep(self) -> None:
        gone = [column.first for column in self.columns if not column.keep.isChecked()]
        kept = [column.leaf for column in self.columns if column.keep.isChecked()]
        self.close_card()
        shown = self._controller.tree.leaf
        if shown not in kept:
            self._controller.show_message(kept[0])
        self.dropped.emit(gone)

    def _go(self, leaf: str) -> None:
        self.close_card()
        self._controller.show_message(leaf)

    def _grow(self, ident: str) -> None:
        if self.isVisible() and ident in self._controller.tree:
            for column in self.columns:
                column.words.grow(self._controller.tree[ident])

    def _leave(self) -> None:
        """Another conversation is shown: what stands here is no more of it."""
        tree = self._controller.tree
        if self.isVisible() and any(column.leaf not in tree for column in self.columns):
            self.close_card()

    def _place(self) -> None:
        self._scroll.setFixedHeight(max(self._window.height() - _MARGIN, 200))
        super()._place()

    def _arrange(self) -> None:
        space = self._theme.space
        close = icon_button("close", tr("Close"), 16)
        close.clicked.connect(self.close_card)
        head = QHBoxLayout()
        head.addWidget(label(tr("Compare"), "section"))
        head.addWidget(self._said, 1)
        head.addWidget(close)
        inside = QWidget()
        inside.setAutoFillBackground(False)
        inside.setLayout(self._row)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(space("m"))
        self._scroll.setWidget(inside)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.viewport().setAutoFillBackground(False)
        self._scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.keep_chosen)
        self.body.setContentsMargins(space("l"), space("m"), space("l"), space("l"))
        self.body.setSpacing(space("s"))
        self.body.addLayout(head)
        self.body.addWidget(self._scroll, 1)
        self.body.addLayout(foot)


def _common(paths: Sequence[Sequence[Message]]) -> int:
    """How many messages all paths begin with; at least one is left of each."""
    count = 0
    for beside in zip(*paths, strict=False):
        if len({one.id for one in beside}) > 1:
            break
        count += 1
    return min(count, min((len(path) for path in paths), default=1) - 1)
