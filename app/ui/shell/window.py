"""The window: rail, pages, notices, status strip; navigation only, pages are built elsewhere."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.ui.state.commands import Command, Habit
from app.ui.state.services import Services
from app.ui.status.strip import Strip
from app.ui.widgets.command_palette import CommandPalette
from app.ui.widgets.notice_bar import NoticeBar
from app.ui.widgets.overlay import Overlay
from app.ui.widgets.page import Page, Place
from app.ui.widgets.shortcuts_sheet import ShortcutsSheet

from .drop_zone import DropZone
from .rail import Rail

_NARROW_PX = 900


class Window(QMainWindow):
    """``close_asked`` instead of closing: whoever built the window ends things in order first.

    ``page_changed`` carries the key of the page that has come to the front.
    """

    close_asked = Signal()
    page_changed = Signal(str)

    def __init__(self, services: Services, places: Sequence[Place]) -> None:
        super().__init__()
        self.setWindowTitle("Rookery")
        self.setMinimumSize(QSize(760, 520))
        self._services = services
        self._places = {place.key: place for place in places}
        self._pages: dict[str, Page] = {}
        self._commands: list[Command] = []
        self._models: Callable[[], Sequence[Command]] = list
        self.page = ""
        self.rail = Rail(services.theme)
        self.strip = Strip(services.session, services.readings, services.theme)
        self.notices = NoticeBar(services.notices, services.theme)
        self._stack = QStackedWidget()
        self._arrange()
        self.palette_card = CommandPalette(services.theme, self)
        self.sheet = ShortcutsSheet(services.theme, self)
        self.drop = DropZone(services.theme, self)
        self.rail.chosen.connect(self.go)
        for place in (place for place in places if not place.below):
            self.rail.add(place.key, place.label, place.picture)
        self.rail.add_verb(tr("Commands"), "command", self.show_palette, "Ctrl+K")
        self.rail.add_verb(tr("Shortcuts"), "keyboard", self.show_shortcuts, "F1")
        for place in (place for place in places if place.below):
            self.rail.add(place.key, place.label, place.picture, below=True)

    def go(self, key: str) -> Page:
        """Bring a page to the front; it is built at its first visit."""
        page = self._pages.get(key) or self._build(key)
        left, self.page = self.page, key
        changed = key != left
        self._stack.setCurrentWidget(page)
        self.rail.mark(key)
        if changed:
            self._services.notices.settle(left)
            page.arrived()
            self.page_changed.emit(key)
        return page

    def take_keyboard(self) -> None:
        """Put the keyboard where the page in front wants it."""
        page = self._pages.get(self.page)
        if page is not None:
            page.take_keyboard()

    def take_dropped(self, paths: Sequence[Path]) -> bool:
        """Whether the page in front has taken what was dropped."""
        page = self._pages.get(self.page)
        return page is not None and page.take_dropped(paths)

    @property
    def places(self) -> tuple[Place, ...]:
        """The rail's entries, from the top."""
        return tuple(self._places.values())

    def knows(self, key: str) -> bool:
        """Whether there is such a page."""
        return key in self._places

    def offer(self, commands: Sequence[Command], models: Callable[[], Sequence[Command]]) -> None:
        """Take the commands of the whole window, whose keys work on every page.

        ``models`` gives those that open a model; the palette asks anew each time.
        """
        self._commands, self._models = list(commands), models
        for command in commands:
            self._bind(command, self)

    def show_palette(self) -> None:
        """Offer everything that can be done now, by name."""
        page = self._pages.get(self.page)
        own = page.commands() if page else ()
        self.show_commands([*own, *self._commands, *self._models()])

    def show_commands(self, commands: Sequence[Command]) -> None:
        """Offer these, by name."""
        if not self.covered:
            self.palette_card.offer(commands)

    def show_shortcuts(self) -> None:
        """Show all keys on one sheet."""
        if self.covered:
            return
        page = self._pages.get(self.page)
        own: list[Command | Habit] = [*page.commands(), *page.habits()] if page else []
        self.sheet.offer([*own, *self._commands])

    def toggle_full_screen(self) -> None:
        """The whole screen, or the window as it was."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def come_forward(self) -> None:
        """Another start of the program asked for this window."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 (Qt's name)
        event.ignore()
        self.close_asked.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        super().resizeEvent(event)
        narrow = event.size().width() < _NARROW_PX
        if narrow != self.rail.collapsed:
            self.rail.collapse(narrow=narrow)

    @property
    def covered(self) -> bool:
        """Whether a card lies over the page: it has the keyboard alone."""
        return any(card.isVisible() for card in self.findChildren(Overlay))

    def _build(self, key: str) -> Page:
        page = self._places[key].build()
        page.wanted.connect(self.go)
        page.switch_wanted.connect(self.strip.pressed)
        self._pages[key] = page
        self._stack.addWidget(page)
        self.drop.watch(page)
        for where, commands in page.key_commands():
            for command in commands:
                self._bind(command, where)
        return page

    def _bind(self, command: Command, where: QWidget) -> None:
        """Its keys work in the whole window while ``where`` can be seen and no card covers it."""

        def press() -> None:
            if not self.covered:
                command.act()

        for keys in filter(None, (command.keys, *command.also)):
            QShortcut(QKeySequence(keys), where).activated.connect(press)

    def _arrange(self) -> None:
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self.notices)
        right.addWidget(self._stack, 1)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.rail)
        middle.addLayout(right, 1)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(middle, 1)
        column.addWidget(self.strip)
        self.setCentralWidget(body)
