"""The head of the States page: its name, the room that the states take, and how new ones come."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.messages.translate import tr, tr_n
from app.messages.units import size
from app.ui.look.theme import Theme
from app.ui.widgets.parts import Elided, button, label

_STEPS, _BAR_PX = 1000, 120


class StatesHead(QWidget):
    """Its buttons are connected by the page."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.read = button(tr("Read a text…"), "plus")
        self.bring_in = button(tr("Import…"), "folder-open")
        self.bring_in.setToolTip(tr("A state from a file: .safetensors, .pth, .st or .state"))
        self._bar = QProgressBar(textVisible=False, minimum=0, maximum=_STEPS)
        self._bar.setFixedWidth(_BAR_PX)
        self._bar.setAccessibleName(tr("Room that named states take"))
        self._words = Elided("", "small")
        about = tr("A model reads a text once; every chat can begin from what it remembers then.")
        self._about = Elided(about, "small")
        space = theme.space
        used = QHBoxLayout()
        used.setSpacing(space("s"))
        used.addWidget(self._bar, 0, Qt.AlignmentFlag.AlignVCenter)
        used.addWidget(self._words, 1)
        said = QVBoxLayout()
        said.setSpacing(space("xs"))
        said.addWidget(label(tr("States"), "title"))
        said.addWidget(self._about)
        said.addLayout(used)
        row = QHBoxLayout(self)
        row.setContentsMargins(space("xl"), space("xl"), space("xl"), space("m"))
        row.setSpacing(space("s"))
        row.addLayout(said, 1)
        for part in (self.bring_in, self.read):
            row.addWidget(part, 0, Qt.AlignmentFlag.AlignTop)

    def show_use(self, held: int, budget: int, count: int) -> None:
        """So many bytes of so many are taken by so many states."""
        self._bar.setValue(round(_STEPS * min(held / budget, 1.0)) if budget else _STEPS)
        states = tr_n("{} state", "{} states", count).format(count)
        taken = tr("{} of {}").format(size(held), size(budget))
        self._words.setText(f"{taken} · {states}")
