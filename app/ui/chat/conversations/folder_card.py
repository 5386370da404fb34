"""A card over the window that asks for a folder: one that is there, or a new name."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QListWidget, QListWidgetItem, QWidget

from app.messages.translate import tr
from app.ui.look.icons import icon
from app.ui.look.theme import Theme
from app.ui.widgets.overlay import Overlay
from app.ui.widgets.parts import button, icon_button, label

_WIDTH, _LONGEST = 440, 60
_LINES = 6


class FolderCard(Overlay):
    """One field, and below it the folders that there are; Enter takes what the field says."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, _WIDTH)
        self._theme = theme
        self._take: Callable[[str], None] = lambda _name: None
        self._title = label("", "section", wrap=True)
        self.name = _Field()
        self.name.setMaxLength(_LONGEST)
        self.folders = QListWidget()
        self.folders.setAccessibleName(tr("Folders"))
        self.accept = button("", role="primary")
        self.none = button(tr("In no folder"), role="quiet")
        self._arrange()
        self.name.textChanged.connect(self._show_fitting)
        self.name.returnPressed.connect(self._accept)
        self.name.down_pressed.connect(self._enter_list)
        self.folders.itemActivated.connect(lambda item: self._end(item.text()))
        self.folders.itemClicked.connect(lambda item: self._end(item.text()))
        self.accept.clicked.connect(self._accept)
        self.none.clicked.connect(lambda: self._end(""))

    def ask_place(
        self, title: str, folders: Sequence[str], take: Callable[[str], None], *, inside: bool
    ) -> None:
        """Ask where something shall lie; ``inside``: it lies in a folder now."""
        self._title.setText(title)
        self.name.setPlaceholderText(tr("Name of a folder, new or not"))
        self.name.setAccessibleName(tr("Name of the folder"))
        self.accept.setText(tr("Move"))
        self.none.setVisible(inside)
        self._begin("", folders, take)

    def ask_name(self, folder: str, take: Callable[[str], None]) -> None:
        """Ask for another name of a folder."""
        self._title.setText(tr("Rename the folder"))
        self.name.setAccessibleName(tr("Name of the folder"))
        self.accept.setText(tr("Rename"))
        self.none.hide()
        self._begin(folder, (), take)
        self.name.selectAll()

    def _begin(self, name: str, folders: Sequence[str], take: Callable[[str], None]) -> None:
        self._take = take
        self.folders.clear()
        for folder in folders:
            item = QListWidgetItem(icon("folder", "text-dim", 16), folder)
            item.setSizeHint(QSize(0, self._theme.line_px() + 12))
            self.folders.addItem(item)
        shown = min(len(folders), _LINES)
        self.folders.setFixedHeight(shown * (self._theme.line_px() + 12) + 8)
        self.folders.setVisible(bool(folders))
        self.name.setText(name)
        self._show_fitting()
        self.open()
        self.name.setFocus(Qt.FocusReason.PopupFocusReason)

    def _show_fitting(self) -> None:
        typed = self._typed().casefold()
        for row in range(self.folders.count()):
            item = self.folders.item(row)
            item.setHidden(typed not in item.text().casefold())
        self.accept.setEnabled(bool(typed))

    def _enter_list(self) -> None:
        for row in range(self.folders.count()):
            if not self.folders.item(row).isHidden():
                self.folders.setCurrentRow(row)
                self.folders.setFocus(Qt.FocusReason.TabFocusReason)
                return

    def _typed(self) -> str:
        return " ".join(self.name.text().split())

    def _accept(self) -> None:
        if self._typed():
            self._end(self._typed())

    def _end(self, name: str) -> None:
        self.close_card()
        self._take(name)

    def _arrange(self) -> None:
        space = self._theme.space
        close = icon_button("close", tr("Close"), 16)
        close.clicked.connect(self.close_card)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(close)
        foot = QHBoxLayout()
        foot.addWidget(self.none)
        foot.addStretch(1)
        foot.addWidget(self.accept)
        self.body.setContentsMargins(space("xl"), space("l"), space("l"), space("l"))
        self.body.setSpacing(space("m"))
        self.body.addLayout(head)
        self.body.addWidget(self.name)
        self.body.addWidget(self.folders)
        self.body.addLayout(foot)


class _Field(QLineEdit):
    """``down_pressed`` with the arrow key that leads into the list."""

    down_pressed = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.key() == Qt.Key.Key_Down:
            self.down_pressed.emit()
        else:
            super().keyPressEvent(event)
