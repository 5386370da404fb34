"""The list of models in its states: looking, filled, nothing found; and folders that are gone."""

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListView, QStackedWidget, QVBoxLayout, QWidget

from app.ui.theme import Theme
from app.ui.widgets.blank import Blank
from app.ui.widgets.parts import Elided, button, label

from .delegate import RowDelegate
from .entry import Entry
from .library import Library
from .rows import ENTRY, Found


class Listing(QWidget):
    """``chosen`` when another row is selected; the rest are wishes of the person."""

    chosen = Signal()
    chat_wanted = Signal()
    forget_wanted = Signal()
    all_wanted = Signal()
    folder_wanted = Signal()
    folder_given_up = Signal(Path)

    def __init__(self, theme: Theme, found: Found, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._found = theme, found
        self.view = _view(theme)
        self.view.setModel(found)
        self.view.installEventFilter(self)
        delegate = RowDelegate(theme, self.view)
        self.view.setItemDelegate(delegate)
        self._blank = Blank(theme, "search")
        self._hint = _Invitation(theme)
        self._gone = _Gone(theme)
        self._stack = QStackedWidget()
        self._arrange()
        delegate.chat_wanted.connect(self.chat_wanted)
        self.view.selectionModel().currentChanged.connect(self.chosen)
        self.view.doubleClicked.connect(self.chat_wanted)
        self._blank.pressed.connect(self.all_wanted)
        self._hint.pressed.connect(self.folder_wanted)
        self._gone.given_up.connect(self.folder_given_up)

    @property
    def entry(self) -> Entry | None:
        """The one that is selected."""
        entry = self.view.currentIndex().data(ENTRY)
        return entry if isinstance(entry, Entry) else None

    def show_library(self, library: Library) -> None:
        """The state of the list, and what is said around it."""
        if self._found.rowCount():
            self._stack.setCurrentWidget(self.view)
        else:
            self._say_nothing(library)
            self._stack.setCurrentWidget(self._blank)
        self._gone.show_folders(library.missing)
        own = any(not entry.file.embedded for entry in library.entries)
        self._hint.setVisible(library.scanned and not own)

    def select(self, path: Path | None) -> None:
        """Select the row of ``path``, or the first."""
        rows = range(self._found.rowCount())
        paths = {self._found.index(row, 0).data(ENTRY).path: row for row in rows}
        if path is not None and path not in paths and self.entry is not None:
            return
        if paths:
            self.view.setCurrentIndex(self._found.index(paths.get(path, 0) if path else 0, 0))

    def take_keyboard(self) -> None:
        """Give the list the focus."""
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)
        if not self.view.currentIndex().isValid():
            self.select(None)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.chat_wanted.emit()
                return True
            if event.key() == Qt.Key.Key_Delete:
                self.forget_wanted.emit()
                return True
        return False

    def _say_nothing(self, library: Library) -> None:
        if not library.scanned:
            words = self.tr("Reading the headers of the models in your folders.")
            self._blank.say(self.tr("Looking for models"), words, picture="search")
        else:
            words = self.tr("No model here has all of these words and this kind.")
            self._blank.say(self.tr("Nothing found"), words, self.tr("Show all models"))

    def _arrange(self) -> None:
        space = self._theme.space
        self._stack.addWidget(self.view)
        self._stack.addWidget(self._blank)
        column = QVBoxLayout(self)
        column.setContentsMargins(space("m"), 0, space("m"), space("m"))
        column.setSpacing(space("s"))
        column.addWidget(self._gone)
        column.addWidget(self._stack, 1)
        column.addWidget(self._hint)


class _Invitation(QFrame):
    """Shown while there is nothing but the guide: how to bring in models of one's own."""

    pressed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("card", "true")
        add = button(self.tr("Add folder"), "folder-plus")
        add.clicked.connect(self.pressed)
        words = self.tr(
            "Have RWKV models already? Add their folder, or drop a file or folder anywhere on "
            "this window."
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(
            theme.space("l"), theme.space("m"), theme.space("m"), theme.space("m")
        )
        row.setSpacing(theme.space("l"))
        row.addWidget(label(words, "dim", wrap=True), 1)
        row.addWidget(add)


class _Gone(QFrame):
    """Folders that were chosen and are not there now: a drive that is not plugged in, perhaps."""

    given_up = Signal(Path)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("card", "true")
        self._shown: tuple[Path, ...] = ()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(
            theme.space("m"), theme.space("xs"), theme.space("xs"), theme.space("xs")
        )
        self.hide()

    def show_folders(self, folders: tuple[Path, ...]) -> None:
        """One line a folder, with a button that searches it no more."""
        self.setVisible(bool(folders))
        if folders == self._shown:
            return
        self._shown = folders
        while (item := self._column.takeAt(0)) is not None:
            if (line := item.widget()) is not None:
                line.deleteLater()
        for folder in folders:
            self._column.addWidget(self._line(folder))

    def _line(self, folder: Path) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        said = self.tr("Not there now: {}").format(folder)
        row.addWidget(Elided(said, "small", Qt.TextElideMode.ElideMiddle), 1)
        drop = button(self.tr("Remove"), role="link")
        drop.setAccessibleName(self.tr("Search {} no more").format(folder))
        drop.clicked.connect(lambda: self.given_up.emit(folder))
        row.addWidget(drop)
        return line


def _view(theme: Theme) -> QListView:
    view = QListView(uniformItemSizes=True)
    view.setMouseTracking(True)
    view.setAccessibleName(view.tr("Models"))
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
    view.setSelectionMode(QListView.SelectionMode.SingleSelection)
    theme.changed.connect(view.viewport().update)
    return view
