"""Which of several branches is shown, and the way to its neighbours; unseen where there is one."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.messages.translate import tr
from app.ui.widgets.parts import icon_button, label

_LETTERS = 24  # of a branch's name


class BranchSwitch(QWidget):
    """``stepped`` carries -1 or +1."""

    stepped = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._before = icon_button("chevron-left", tr("Show the version before"), 14)
        self._after = icon_button("chevron-right", tr("Show the next version"), 14)
        self._words = label("", "small")
        for step in (self._before, self._after):
            step.setProperty("steps", "true")  # who goes through many versions presses quickly
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 4, 0)
        row.setSpacing(0)
        for part in (self._before, self._words, self._after):
            row.addWidget(part)
        self._before.clicked.connect(lambda: self.stepped.emit(-1))
        self._after.clicked.connect(lambda: self.stepped.emit(1))
        self.hide()

    def show_branch(self, number: int, count: int, name: str = "") -> None:
        """The ``number``-th of ``count``, counted from 1, and what it is called."""
        short = name if len(name) <= _LETTERS else name[:_LETTERS] + "…"
        self._words.setText(f"{number}/{count} {short}".rstrip())
        self._words.setToolTip(name)
        said = tr("Version {} of {}").format(number, count)
        self._words.setAccessibleName(f"{said}: {name}" if name else said)
        self._before.setEnabled(number > 1)
        self._after.setEnabled(number < count)
        self.setVisible(count > 1)
