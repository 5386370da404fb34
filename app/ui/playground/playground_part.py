"""One tab of the playground: what the page asks of it; knows neither page nor other parts."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.ui.state.commands import Command, Habit


class PlaygroundPart(QWidget):
    """``wanted`` carries the key of a page to go to; the keys of its ``commands`` work while it
    is in sight."""

    wanted = Signal(str)

    def commands(self) -> Sequence[Command]:
        """What can be done here now; asked for each time the palette opens."""
        return ()

    def habits(self) -> Sequence[Habit]:
        """Keys that it answers itself, for the shortcuts sheet."""
        return ()

    def arrived(self) -> None:
        """It has come to the front, or the page with it has."""

    def take_keyboard(self) -> None:
        """Put the keyboard where it is wanted here."""
