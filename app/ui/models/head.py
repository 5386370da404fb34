"""The top of the Models page: title and count, the buttons, search and kinds."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.ui.amounts import size
from app.ui.icons import icon
from app.ui.theme import Theme
from app.ui.widgets.parts import Elided, button, icon_button, label

from .kinds import Kinds
from .library import Library

_SEARCH_AT_LEAST = 200


class Head(QWidget):
    """Says what is asked for; filters nothing itself."""

    searched = Signal(str)
    kind_chosen = Signal(str)
    left_downwards = Signal()
    file_wanted = Signal()
    folder_wanted = Signal()
    refresh_pressed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._count = Elided("", "small")
        self.search = QLineEdit(clearButtonEnabled=True)
        self.search.setPlaceholderText(self.tr("Search models"))
        self.search.setAccessibleName(self.tr("Search models"))
        self.search.setMaximumWidth(420)
        glass = icon("search", "text-dim", 16)
        self.search.addAction(glass, QLineEdit.ActionPosition.LeadingPosition)
        self.search.installEventFilter(self)
        self.kinds = Kinds(theme)
        self._refresh = icon_button("refresh", self.tr("Look again (F5)"))
        self._folder = button(self.tr("Add folder"), "folder-plus")
        self._file = button(self.tr("Open file"), "folder-open")
        self._arrange()
        self.search.textChanged.connect(self.searched)
        self.kinds.chosen.connect(self.kind_chosen)
        self._refresh.clicked.connect(self.refresh_pressed)
        self._folder.clicked.connect(self.folder_wanted)
        self._file.clicked.connect(self.file_wanted)

    def show_library(self, library: Library) -> None:
        """The count of models and folders, and a chip for each kind that is there."""
        usable = [entry for entry in library.entries if entry.usable]
        if library.scanning and not library.scanned:
            said = self.tr("Looking…")
        else:
            one, many = self.tr("1 model"), self.tr("{} models").format(len(usable))
            weight = size(sum(entry.file.bytes for entry in usable))
            said = f"{one if len(usable) == 1 else many} · {weight}"
        self._count.setText(said)
        self.kinds.show_for(library.entries)
        self._fold()

    def clear(self) -> None:
        """Search for nothing, show all kinds."""
        self.search.clear()
        self.kinds.choose("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.left_downwards.emit()
                return True
            if event.key() == Qt.Key.Key_Escape and self.search.text():
                self.search.clear()
                return True
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        super().resizeEvent(event)
        self._fold()

    def _fold(self) -> None:
        """The kinds beside the search where there is room for both, else below it."""
        inside = self.contentsRect().width() - 2 * self._theme.space("xl")
        beside = _SEARCH_AT_LEAST + self.kinds.sizeHint().width() <= inside
        way = QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom
        if way is not self._narrow.direction():
            self._narrow.setDirection(way)

    def _arrange(self) -> None:
        space = self._theme.space
        title = QVBoxLayout()
        title.setSpacing(2)
        title.addWidget(label(self.tr("Models"), "title"))
        title.addWidget(self._count)
        top = QHBoxLayout()
        top.setSpacing(space("s"))
        top.addLayout(title, 1)
        for part in (self._refresh, self._folder, self._file):
            top.addWidget(part, 0, Qt.AlignmentFlag.AlignVCenter)
        self._narrow = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._narrow.setSpacing(space("m"))
        self._narrow.addWidget(self.search, 1)
        self._narrow.addWidget(self.kinds, 0, Qt.AlignmentFlag.AlignVCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(space("xl"), space("xl"), space("xl"), space("m"))
        column.setSpacing(space("l"))
        column.addLayout(top)
        column.addLayout(self._narrow)
