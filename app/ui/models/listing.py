"""The list of models in its states: looking, filled, nothing found; and folders that are gone."""

from PySide6.QtCore import QEvent, QModelIndex, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QListView, QStackedWidget, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.state.models.entry import Entry
from app.ui.state.models.model_catalogue import Catalogue
from app.ui.state.models.model_library import Library
from app.ui.widgets.blank import Blank

from .entry_list_model import ENTRY, EntryListModel
from .freshness import Freshness
from .missing_folders import MissingFolders
from .row_delegate import RowDelegate


class Listing(QWidget):
    """``chosen`` when another row is selected; the rest are wishes of the person."""

    chosen = Signal()
    act_wanted = Signal()
    pressed = Signal(object)
    remove_wanted = Signal()
    rename_wanted = Signal()
    all_wanted = Signal()
    hub_search_wanted = Signal()

    def __init__(self, theme: Theme, rows: EntryListModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._rows = theme, rows
        self._key = self._offer = self._lost = self._coming = ""
        self.view = _view(theme)
        self.view.setModel(rows)
        self.view.installEventFilter(self)
        self.delegate = RowDelegate(theme, self.view)
        self.view.setItemDelegate(self.delegate)
        self.freshness = Freshness(theme)
        self.blank = Blank(theme, "search")
        self.gone = MissingFolders(theme)
        self._searches_hub = False
        self._stack = QStackedWidget()
        self._arrange()
        self.delegate.pressed.connect(self.pressed)
        self.view.selectionModel().currentChanged.connect(self._note)
        self.view.doubleClicked.connect(self._open)
        rows.modelReset.connect(self._keep)
        self.blank.pressed.connect(self._blank_pressed)

    @property
    def entry(self) -> Entry | None:
        """The one that is selected."""
        entry = self.view.currentIndex().data(ENTRY)
        return entry if isinstance(entry, Entry) else None

    def show_state(self, library: Library, catalogue: Catalogue, text: str) -> None:
        """The state of the list, and what is said around it; ``text`` is searched for."""
        if self._rows.shown:
            self._stack.setCurrentWidget(self.view)
        else:
            self._say_nothing(library, catalogue, text)
            self._stack.setCurrentWidget(self.blank)
        self.gone.show_folders(library.missing)

    def select(self, key: str) -> None:
        """Select the row of ``key``, or the first where nothing is selected."""
        index = self._rows.index_of(key)
        if not index.isValid() and not self.view.currentIndex().isValid() and self._rows.shown:
            index = self._rows.index(0)
        if index.isValid():
            self.view.setCurrentIndex(index)

    def follow(self, before: str, now: str) -> None:
        """A row has another key, now or at the next look: if it was selected, it stays so."""
        if before in (self._key, self._lost):
            self._coming = now
            self._keep()

    def begin_at(self, key: str) -> None:
        """Select the row of ``key`` or the first, whatever was selected."""
        if self._rows.shown:
            self.view.setCurrentIndex(self._rows.index(max(0, self._rows.row_of(key))))
            self.view.scrollToTop()

    def take_keyboard(self) -> None:
        """Give the list the focus."""
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)
        if not self.view.currentIndex().isValid():
            self.select("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            wish = {
                Qt.Key.Key_Return: self.act_wanted,
                Qt.Key.Key_Enter: self.act_wanted,
                Qt.Key.Key_Delete: self.remove_wanted,
                Qt.Key.Key_F2: self.rename_wanted,
            }.get(Qt.Key(event.key()))
            if wish is not None:
                wish.emit()
                return True
        return False

    def _note(self, now: QModelIndex) -> None:
        entry = now.data(ENTRY)
        if isinstance(entry, Entry):
            self._key, self._lost = entry.key, ""
            self._offer = entry.offer.key if entry.offer else ""
        self.chosen.emit()

    def _keep(self) -> None:
        """The rows are others: what was selected stays so, or the first takes its place.

        What has been downloaded meanwhile has another key, and stays selected, too.
        """
        lost = self._key
        index = self._rows.index_of(self._coming)
        if index.isValid():
            self._coming = ""
        else:
            index = self._rows.index_of(self._key)
        if not index.isValid() and self._offer:
            same = (one for one in self._rows.shown if one.offer and one.offer.key == self._offer)
            index = self._rows.index_of(next((one.key for one in same), ""))
        if not index.isValid() and self._rows.shown:
            index = self._rows.index(0)
        if index.isValid():
            self.view.setCurrentIndex(index)
            self.view.scrollTo(index)
            self._lost = lost if self._key != lost else self._lost
        else:
            self.chosen.emit()

    def _open(self) -> None:
        """A double click opens what is here; it downloads nothing."""
        if self.entry is not None and self.entry.usable:
            self.act_wanted.emit()

    def _say_nothing(self, library: Library, catalogue: Catalogue, text: str) -> None:
        self._searches_hub = False
        if not library.scanned:
            words = tr("Reading the headers of the models in your folders.")
            self.blank.say(tr("Looking for models"), words, picture="search")
        elif catalogue.searching:
            words = tr("Looking for “{}” in everything that the hub has.")
            self.blank.say(tr("Searching"), words.format(catalogue.searched), picture="globe")
        elif text and text != catalogue.searched:
            self._searches_hub = True
            words = tr("No model in this list has all of these words and filters.")
            self.blank.say(tr("Nothing found"), words, tr("Search the hub"))
        else:
            words = tr("No model has all of these words and filters.")
            self.blank.say(tr("Nothing found"), words, tr("Show all models"))

    def _blank_pressed(self) -> None:
        (self.hub_search_wanted if self._searches_hub else self.all_wanted).emit()

    def _arrange(self) -> None:
        space = self._theme.space
        self._stack.addWidget(self.view)
        self._stack.addWidget(self.blank)
        column = QVBoxLayout(self)
        column.setContentsMargins(space("m"), 0, space("m"), 0)
        column.setSpacing(space("xs"))
        column.addWidget(self.gone)
        column.addWidget(self.freshness)
        column.addWidget(self._stack, 1)


def _view(theme: Theme) -> QListView:
    view = QListView(uniformItemSizes=True)
    view.setMouseTracking(True)
    view.setAccessibleName(tr("Models"))
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
    view.setSelectionMode(QListView.SelectionMode.SingleSelection)
    theme.changed.connect(view.viewport().update)
    return view
