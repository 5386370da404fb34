"""The Models page: search and kinds on top, the library as rows, the details beside it."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from app.runtime.supervisor import Phase
from app.ui.commands import Command, Habit
from app.ui.opening import Opening
from app.ui.page import Page
from app.ui.services import Services
from app.ui.status.machine import Machine

from .details import Details
from .entry import Entry
from .fit import Fit, fit_of
from .head import Head
from .library import Library
from .listing import Listing
from .rows import Found, Rows


class ModelsPage(Page):
    """Joins the library, the list and the details; what is chosen goes to ``opening``."""

    def __init__(self, services: Services, library: Library, opening: Opening) -> None:
        super().__init__()
        self._services, self._library, self._opening = services, library, opening
        self._machine = Machine()
        self._reading = self._machine.read(services.session.worker_pid)
        self.rows = Rows(self._fit, self)
        self.found = Found(self.rows, self)
        self.head = Head(services.theme)
        self.listing = Listing(services.theme, self.found)
        self.details = Details(services.theme)
        self._arrange()
        self._connect()
        self._show_library()

    def commands(self) -> Sequence[Command]:
        group = self.tr("Models page")
        return (
            Command(self.tr("Search models"), self.head.search.setFocus, "Ctrl+F", "search", group),
            Command(self.tr("Look again"), self._library.refresh, "F5", "refresh", group),
        )

    def habits(self) -> Sequence[Habit]:
        group = self.tr("Models page")
        return (
            Habit(self.tr("Chat with the selected model"), "Return", group),
            Habit(self.tr("Remove the selected file from the list"), "Del", group),
        )

    def arrived(self) -> None:
        self._library.refresh()
        self.listing.take_keyboard()

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.WindowActivate and self.isVisible():
            self._library.refresh()  # files may have come while another program was in front
        return super().event(event)

    # what is shown

    def _show_library(self) -> None:
        self._measure()
        entries = self._library.entries
        chosen = self.listing.entry
        self.rows.show_entries(entries)
        self.head.show_library(self._library)
        self.listing.show_library(self._library)
        self.listing.select(chosen.path if chosen else self._open_path())
        self._show_chosen()

    def _show_session(self) -> None:
        self._measure()
        self.rows.mark_open(self._open_path())
        self.rows.refresh()
        self._show_state()

    def _show_chosen(self) -> None:
        entry = self.listing.entry
        self.details.setVisible(entry is not None)
        if entry is None:
            return
        fit = self._fit(entry) if entry.usable else None
        removable = self._library.is_single(entry.path)
        self.details.show_entry(entry, fit, self._strategy(entry), removable=removable)
        self._show_state()

    def _show_state(self) -> None:
        entry = self.listing.entry
        if entry is None:
            return
        session = self._services.session
        loading = session.phase is Phase.LOADING and session.opening == entry.path
        is_open = self._open_path() == entry.path
        self.details.show_state(is_open=is_open, loading=loading, progress=session.progress)

    def _measure(self) -> None:
        self._reading = self._machine.read(self._services.session.worker_pid)

    def _fit(self, entry: Entry) -> Fit:
        """The model that is open now would give its memory back first."""
        now = self._reading
        free = now.total_bytes - now.used_bytes + now.worker_bytes
        return fit_of(entry.needed_bytes(self._strategy(entry)), free, now.total_bytes)

    def _strategy(self, entry: Entry) -> str:
        return self._services.settings.now.strategies.get(str(entry.path), entry.strategy)

    def _open_path(self) -> Path | None:
        """The model that answers now: none while another is opened, or after it died."""
        session = self._services.session
        ready = session.loaded if session.phase is Phase.READY else None
        return Path(ready.path) if ready else None

    # what the person does

    def _chat(self) -> None:
        entry = self.listing.entry
        if entry is None or not entry.usable:
            return
        session, ways = self._services.session, self._services.settings.now.strategies
        same = entry.path == self._open_path() and session.asked == ways.get(str(entry.path), "")
        if same and session.phase is Phase.READY:
            self.wanted.emit("chat")
        else:
            self._opening.open(entry.path)

    def _choose_way(self, strategy: str) -> None:
        entry = self.listing.entry
        if entry is None:
            return
        ways = dict(self._services.settings.now.strategies)
        ways.pop(str(entry.path), None)
        if strategy != entry.strategy:
            ways[str(entry.path)] = strategy
        self._services.settings.change(strategies=ways)
        self.rows.refresh()
        self._show_chosen()

    def _forget(self) -> None:
        entry = self.listing.entry
        if entry is None or not self._library.is_single(entry.path):
            return
        self._library.remove_file(entry.path)
        said = self.tr("{} is no longer listed; the file stays where it is.").format(entry.title)
        self._services.notices.undo(said, lambda: self._library.add_file(entry.path))

    def _show_folder(self) -> None:
        if entry := self.listing.entry:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(entry.path.parent)))

    def _drop_folder(self, folder: Path) -> None:
        before = self._library.folders
        self._library.remove_folder(folder)
        said = self.tr("{} is no longer searched.").format(folder)
        self._services.notices.undo(said, lambda: self._library.restore_folders(before))

    def _search(self, text: str) -> None:
        self.found.search(text)
        self._narrow()

    def _choose_kind(self, kind: str) -> None:
        self.found.choose(kind)
        self._narrow()

    def _narrow(self) -> None:
        self.listing.show_library(self._library)
        self.listing.select(self.listing.entry.path if self.listing.entry else None)
        self._show_chosen()

    def _show_all(self) -> None:
        self.head.clear()
        self.listing.take_keyboard()

    def _connect(self) -> None:
        self._library.changed.connect(self._show_library)
        self._services.session.changed.connect(self._show_session)
        head, listing, details = self.head, self.listing, self.details
        head.searched.connect(self._search)
        head.kind_chosen.connect(self._choose_kind)
        head.left_downwards.connect(listing.take_keyboard)
        head.file_wanted.connect(self._opening.ask_file)
        head.folder_wanted.connect(self._opening.ask_folder)
        head.refresh_pressed.connect(self._library.refresh)
        listing.chosen.connect(self._show_chosen)
        listing.chat_wanted.connect(self._chat)
        listing.forget_wanted.connect(self._forget)
        listing.all_wanted.connect(self._show_all)
        listing.folder_wanted.connect(self._opening.ask_folder)
        listing.folder_given_up.connect(self._drop_folder)
        details.chat_pressed.connect(self._chat)
        details.eject_pressed.connect(self._services.session.unload)
        details.show_pressed.connect(self._show_folder)
        details.forget_pressed.connect(self._forget)
        details.costs.chosen.connect(self._choose_way)

    def _arrange(self) -> None:
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(1)
        self.splitter.addWidget(self.listing)
        self.splitter.addWidget(self.details)
        self.listing.setMinimumWidth(300)
        self.details.setMinimumWidth(280)
        self.details.setMaximumWidth(460)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 0)
        self.splitter.setSizes([700, 340])
        content = QWidget()
        self.centre(content)
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        column.addWidget(self.splitter, 1)
