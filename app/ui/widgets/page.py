"""What the window asks of a page, and what a page may ask of the window; knows neither."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.ui.state.commands import Command, Habit

_WIDEST = 1280


class Page(QWidget):
    """One page of the rail; ``wanted`` carries the key of the page to go to ("chat", "models" …),
    ``switch_wanted`` asks how the open model runs, or for the models that can be opened.

    A page is built when it is first visited and lives as long as the window.  Keys of its
    ``commands`` work while the page is in front; the window makes the shortcuts.
    """

    wanted = Signal(str)
    switch_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def centre(self, content: QWidget) -> None:
        """Fill the page with ``content``, but no wider than reads well on a large screen."""
        content.setMaximumWidth(_WIDEST)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(content)

    def commands(self) -> Sequence[Command]:
        """What can be done here now; asked for each time the palette opens."""
        return ()

    def key_commands(self) -> Sequence[tuple[QWidget, Sequence[Command]]]:
        """The commands whose keys work here, and what has to be in sight for that."""
        return ((self, self.commands()),)

    def habits(self) -> Sequence[Habit]:
        """Keys this page answers itself, for the shortcuts sheet."""
        return ()

    def take_dropped(self, paths: Sequence[Path]) -> bool:
        """Take what was dropped while the page is in front; False leaves it to the window."""
        return False

    def arrived(self) -> None:
        """The page has come to the front."""
        self.take_keyboard()

    def take_keyboard(self) -> None:
        """Put the keyboard where it is wanted here, before the person has chosen a place."""


@dataclass(frozen=True)
class Place:
    """One entry of the rail: ``build`` makes the page when it is first visited."""

    key: str
    label: str
    picture: str
    build: Callable[[], Page]
    below: bool = False
