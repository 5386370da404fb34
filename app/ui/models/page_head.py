"""The top of the Models page: title and count, the buttons, search and filters."""

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QVBoxLayout, QWidget

from app.hub.sources.pasted import pasted
from app.messages.translate import tr, tr_n
from app.messages.units import size
from app.ui.look.icons import icon
from app.ui.look.theme import Theme
from app.ui.state.models.model_filter import ModelFilter
from app.ui.state.models.model_library import Library
from app.ui.widgets.parts import Elided, button, icon_button, label

from .chips import Chips
from .entry_list_model import EntryListModel

_TYPING_MS = 120


class Head(QWidget):
    """Says what is asked for; filters nothing itself."""

    narrowed = Signal()
    left_downwards = Signal()
    hub_search_wanted = Signal()
    file_wanted = Signal()
    copy_wanted = Signal()
    folder_wanted = Signal()
    refresh_pressed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._count = Elided("", "small")
        self.search = QLineEdit(clearButtonEnabled=True)
        self.search.setPlaceholderText(tr("Search models, or paste a page's address"))
        self.search.setAccessibleName(tr("Search models"))
        self.search.setMinimumWidth(180)
        self.search.setMaximumWidth(420)
        glass = icon("search", "text-dim", 16)
        self.search.addAction(glass, QLineEdit.ActionPosition.LeadingPosition)
        self.search.installEventFilter(self)
        self.chips = Chips(theme)
        self.hub_search = button(tr("Search the whole hub"), "globe", role="link")
        self._refresh = icon_button("refresh", tr("Look again (F5)"))
        self._add = button(tr("Add"), "plus")
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._arrange()
        self._typing.timeout.connect(self.narrowed)
        self.search.textChanged.connect(lambda _text: self._typing.start())
        self.search.textChanged.connect(self._offer_hub)
        self.chips.changed.connect(self.narrowed)
        self.hub_search.clicked.connect(self.hub_search_wanted)
        self._refresh.clicked.connect(self.refresh_pressed)
        self._offer_hub()

    @property
    def text(self) -> str:
        """What is searched for."""
        return self.search.text().strip()

    @property
    def narrowing(self) -> ModelFilter:
        """What the person asks to see."""
        from dataclasses import replace

        place = pasted(self.text)
        if place is None:
            words = tuple(self.text.casefold().split())
        else:  # of the address of a page only what it names
            name = place.file.rsplit("/", 1)[-1]
            words = tuple(one.casefold() for one in (place.repo, name) if one)
        return replace(self.chips.narrowing, words=words)

    @property
    def address(self) -> bool:
        """Whether what is searched for is the address of a hub's page."""
        return pasted(self.text) is not None

    def show_counts(self, library: Library, rows: EntryListModel) -> None:
        """The count of models here and in the list, and the filters that make sense."""
        usable = [entry for entry in library.entries if entry.usable]
        if library.scanning and not library.scanned:
            said = tr("Looking…")
        else:
            said = tr_n("{} model here", "{} models here", len(usable)).format(len(usable))
            weight = size(library.used_bytes)
            said = f"{said} · {weight}"
        others = sum(entry.fetchable for entry in rows.all)
        if others:
            said += " · " + tr("{} to download").format(others)
        if rows.narrowing.narrows:
            said += " · " + tr("{} shown").format(len(rows.shown))
        self._count.setText(said)
        self.chips.show_for(rows.all)

    def clear(self) -> None:
        """Search for nothing, show all kinds."""
        self.search.clear()
        self._typing.stop()
        self.chips.clear()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
                if self._typing.isActive():
                    self._typing.stop()
                    self.narrowed.emit()
                self.left_downwards.emit()
                return True
            if event.key() == Qt.Key.Key_Escape and self.search.text():
                self.search.clear()
                return True
        return False

    def _offer_hub(self) -> None:
        self.hub_search.setVisible(bool(self.text))

    def _arrange(self) -> None:
        space = self._theme.space
        menu = QMenu(self)
        for words, picture, signal in (
            (tr("Add a model file…"), "file", self.file_wanted),
            (tr("Add a folder of models…"), "folder-plus", self.folder_wanted),
            (tr("Copy a model file to the downloads…"), "copy", self.copy_wanted),
        ):
            menu.addAction(icon(picture, "text", 16), words).triggered.connect(signal)
        self._add.setMenu(menu)
        self._add.setAccessibleName(tr("Add models of your own"))
        title = QVBoxLayout()
        title.setSpacing(2)
        title.addWidget(label(tr("Models"), "title"))
        title.addWidget(self._count)
        top = QHBoxLayout()
        top.setSpacing(space("s"))
        top.addLayout(title, 3)
        top.addWidget(self.search, 2)
        for part in (self._refresh, self._add):
            top.addWidget(part, 0, Qt.AlignmentFlag.AlignVCenter)
        self.chips.add(self.hub_search)
        column = QVBoxLayout(self)
        column.setContentsMargins(space("xl"), space("l"), space("xl"), space("s"))
        column.setSpacing(space("m"))
        column.addLayout(top)
        column.addWidget(self.chips)
