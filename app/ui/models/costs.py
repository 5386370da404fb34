"""The ways a model can run here, each with the memory it takes as a bar.

Of one that is on this disk the person picks a way, and is told when that is used.
"""

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QRadioButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.hub.catalogue.memory_fit import Fit, Placement
from app.messages.translate import tr
from app.messages.units import size
from app.ui.look.theme import Theme
from app.ui.state.models.model_names import plain_way
from app.ui.widgets.flow_layout import Flow
from app.ui.widgets.parts import button, label

_USUAL_WAYS = 16


@dataclass(frozen=True)
class InForce:
    """How the model of this entry runs now; ``strategy`` is "" where it is not open.

    ``other``: another way is picked.  ``busy``: it is being opened, or a reply is being written.
    """

    strategy: str = ""
    other: bool = False
    busy: bool = False


class Costs(QWidget):
    """``chosen`` carries the strategy text of the way that was picked.

    ``reopen_pressed`` when the open model shall run in that way now, ``compare_pressed`` for the
    dialog that shows all ways with their speed.
    """

    chosen = Signal(str)
    reopen_pressed = Signal()
    compare_pressed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._group = QButtonGroup(self)
        self._picks = [self._new_pick() for _ in range(_USUAL_WAYS)]
        self._shown: tuple[object, ...] = ()
        self._places = False
        self.note = label("", "small", wrap=True)
        self.reopen = button(tr("Reopen now"), "refresh")
        self.reopen.clicked.connect(self.reopen_pressed)
        self.compare = button(tr("Compare and run…"), "sliders")
        self.compare.clicked.connect(self.compare_pressed)
        self._grid = QGridLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space("s"))
        column.addLayout(self._grid)
        column.addWidget(self.note)
        verbs = QWidget()
        flow = Flow(theme.space("s"), verbs)
        flow.addWidget(self.reopen)
        flow.addWidget(self.compare)
        column.addWidget(verbs)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.space("m"))
        self._grid.setVerticalSpacing(theme.space("xs"))
        self._grid.setColumnStretch(1, 1)
        for row, pick in enumerate(self._picks, 1):  # so that Tab finds them here
            self._grid.addWidget(pick, row, 0)

    def show_ways(self, verdict: Fit, now: str, total_bytes: int, *, picks: bool) -> None:
        """One row a way; ``now`` is the strategy text in force, ``picks`` whether one is picked.

        ``total_bytes`` is all memory of the machine.
        """
        places = any(way.gpu is not None for way in verdict.per_format)
        shown = (verdict.per_format, verdict.strategy, total_bytes, picks)
        if shown == self._shown:  # what has the keyboard stays
            self._mark(now)
            return
        self._clear()
        self._shown, self._places, self._total = shown, places, total_bytes or 1
        self.note.setVisible(picks)
        self.compare.setVisible(picks)
        heading = label(tr("Memory on this machine"), "strong", wrap=True)
        self._grid.addWidget(heading, 0, 0, 1, 3)
        for row, way in enumerate(verdict.per_format, 1):
            words = self._words(way, way.strategy == verdict.strategy, places=places)
            name = self._pick(row - 1, way, words) if picks else label(words, wrap=True)
            self._grid.addWidget(name, row, 0)
            bar = Bar(self._theme, self._share(way), good=way.allowed)
            self._grid.addWidget(bar, row, 1)
            name.setEnabled(way.allowed)
            name.setToolTip("" if way.allowed else tr("Over your limit"))
            self._grid.addWidget(label(size(way.needed_bytes), "small"), row, 2)
        for pick in self._picks:
            pick.setVisible(pick.property("way") is not None)
        self._mark(now)

    def show_use(self, now: InForce) -> None:
        """When the way that is picked is used, and a button where that can be now."""
        self.reopen.setVisible(now.other)
        self.reopen.setEnabled(not now.busy)
        self.note.setText(self._when(now))

    def _when(self, now: InForce) -> str:
        if not now.strategy:
            return tr("What you choose is used when this model is opened next.")
        if not now.other:
            return tr("It runs like this now. Another choice is used when it is opened next.")
        runs = plain_way(now.strategy, place=self._places)
        said = tr("It still runs as {}. Your choice is used when it is opened next.")
        if now.busy:
            then = tr("It can be reopened once the reply is written.")
        else:
            then = tr("Reopen it to use it now: the conversation goes on.")
        return f"{said.format(runs)} {then}"

    def _mark(self, now: str) -> None:
        for pick in self._group.buttons():
            if pick.property("way") == now:
                pick.setChecked(True)

    def _new_pick(self) -> QRadioButton:
        pick = QRadioButton(self)
        pick.setAccessibleName(tr("A way to run it"))
        pick.hide()
        pick.clicked.connect(lambda: self.chosen.emit(pick.property("way")))
        self._group.addButton(pick)
        return pick

    def _pick(self, at: int, way: Placement, words: str) -> QRadioButton:
        """They are used again, so that Tab comes to them where they are read."""
        if at == len(self._picks):
            self._picks.append(self._new_pick())
        pick = self._picks[at]
        pick.setText(words)
        over = "" if way.allowed else tr("over your limit")
        said = (words, size(way.needed_bytes), over)
        pick.setAccessibleName(", ".join(filter(None, said)))
        pick.setProperty("way", way.strategy)
        return pick

    def _share(self, way: Placement) -> float:
        return way.needed_bytes / (way.gpu.total_bytes if way.gpu else self._total)

    def _words(self, way: Placement, recommended: bool, *, places: bool) -> str:  # noqa: FBT001
        name = plain_way(way.strategy, place=places)
        return tr("{} (usual)").format(name) if recommended and way.allowed else name

    def _clear(self) -> None:
        for pick in self._picks:
            pick.setProperty("way", None)
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None and widget not in self._picks:
                widget.hide()
                widget.deleteLater()


class Bar(QWidget):
    """A share of the machine's memory; red where it is more than there is, or not ``good``."""

    def __init__(self, theme: Theme, share: float, *, good: bool = True) -> None:
        super().__init__()
        self._theme, self._share, self._good = theme, share, good
        self.setFixedHeight(6)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(40)
        self.setMaximumWidth(160)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return QSize(80, 6)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("line"))
        painter.drawRoundedRect(QRectF(0, 0, self.width(), 6), 3, 3)
        role = "accent" if self._share <= 1 and self._good else "bad"
        painter.setBrush(self._theme.color(role))
        width = max(6.0, self.width() * min(1.0, self._share))
        painter.drawRoundedRect(QRectF(0, 0, width, 6), 3, 3)
        painter.end()
