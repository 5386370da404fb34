"""The line below a comparison: how far it is, what becomes of chosen answers, and its start."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.messages.translate import tr, tr_n
from app.ui.look.icons import icon
from app.ui.look.theme import Theme
from app.ui.widgets.flow_layout import Flow
from app.ui.widgets.parts import button, label
from app.ui.widgets.pointer import Gesture


class CompareFoot(QWidget):
    """``began``, ``stopped`` and ``read_only`` when asked for; of chosen answers ``merged``,
    ``told_apart`` and ``cleared``."""

    began = Signal()
    stopped = Signal()
    read_only = Signal()
    merged = Signal()
    told_apart = Signal()
    cleared = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._running = False
        self._gesture = Gesture()
        self.words = label("", "small", wrap=True)
        self.read = button(tr("Only read"), "search")
        self.read.setToolTip(
            tr("Write nothing: tell how far the models differ on the texts themselves (Ctrl+R)")
        )
        self.main = button(tr("Start"), "play", role="primary")
        self.count = label("", "strong")
        self.apart = button(tr("Token by token"), "search")
        self.merge = button(tr("Merge into one prompt"), "file")
        self.none = button(tr("Choose none"), role="quiet")
        self._selection = QWidget()
        chosen = Flow(theme.space("s"), self._selection)
        for part in (self.count, self.apart, self.merge, self.none):
            chosen.addWidget(part)
        row = QHBoxLayout()
        row.setSpacing(theme.space("s"))
        row.addWidget(self.words, 1)
        row.addWidget(self.read)
        row.addWidget(self.main)
        column = QVBoxLayout(self)
        space = theme.space
        column.setContentsMargins(space("m"), space("s"), space("m"), space("s"))
        column.setSpacing(space("s"))
        column.addWidget(self._selection)
        column.addLayout(row)
        self._selection.hide()
        self.main.clicked.connect(self._press)
        self.read.clicked.connect(self.read_only)
        self.apart.clicked.connect(self.told_apart)
        self.merge.clicked.connect(self.merged)
        self.none.clicked.connect(self.cleared)

    def show_state(self, words: str, *, running: bool, ready: bool, goes_on: bool) -> None:
        """``ready``: a start would do something; ``goes_on``: it would write what is missing."""
        if self._running and not running:
            self._gesture.note()  # who wanted to stop it begins nothing
        self._running = running
        self.words.setText(words)
        title = tr("Stop") if running else tr("Write the rest") if goes_on else tr("Start")
        self.main.setText(title)
        self.main.setAccessibleName(title)
        self.main.setIcon(icon("stop" if running else "play", "accent-text", 16))
        self.main.setToolTip(tr("Stop (Esc)") if running else tr("Begin (Ctrl+Enter)"))
        self.main.setEnabled(running or ready)

    def show_readable(self, *, readable: bool) -> None:
        """Whether there are two models that could read a text."""
        self.read.setEnabled(readable and not self._running)

    def show_chosen(self, count: int, *, may_differ: bool) -> None:
        """So many answers are chosen; ``may_differ``: two that can be told apart."""
        self._selection.setVisible(count > 0)
        self.count.setText(tr_n("{} answer chosen", "{} answers chosen", count).format(count))
        self.apart.setEnabled(may_differ and not self._running)
        self.merge.setEnabled(count > 1)

    def _press(self) -> None:
        """The rest of a double click on the one is not the other."""
        if self._gesture.begins():
            (self.stopped if self._running else self.began).emit()
